"""Events of one time have one order, whatever order they are given in."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kopitra.simulation.timeline import Action, TimelineEvent, in_order

NOON = datetime(2024, 3, 4, 12, tzinfo=UTC)


def event(action: Action, ticket: int = 0, ref: str = "", seconds: int = 0) -> TimelineEvent:
    return TimelineEvent(at=NOON + timedelta(seconds=seconds), action=action, ticket=ticket, position_ref=ref)


def order(*events: TimelineEvent) -> list[tuple[Action, int]]:
    return [(event.action, event.ticket) for event in in_order(events)]


def test_time_goes_first() -> None:
    assert order(event(Action.CLOSE, 2, "2", seconds=1), event(Action.OPEN, 1, "1")) == [
        (Action.OPEN, 1),
        (Action.CLOSE, 2),
    ]


def test_at_one_time_quotes_then_money_then_closes_then_modifications_then_opens() -> None:
    events = [
        event(Action.OPEN, 1, "1"),
        event(Action.PENDING_PLACED, 2, "2"),
        event(Action.PENDING_FILLED, 3, "3"),
        event(Action.MODIFY, 4, "4"),
        event(Action.PENDING_MODIFIED, 5, "5"),
        event(Action.CLOSE, 6, "6"),
        event(Action.PARTIAL_CLOSE, 7, "7"),
        event(Action.PENDING_CANCELLED, 8, "8"),
        event(Action.BALANCE, 9),
        event(Action.QUOTE),
    ]
    assert [ticket for _, ticket in order(*events)] == [0, 9, 6, 7, 8, 4, 5, 1, 2, 3]
    assert order(*events) == order(*events[::-1])


def test_a_position_opened_and_closed_in_one_second_opens_before_it_closes() -> None:
    flash = (event(Action.OPEN, 5, "5"), event(Action.CLOSE, 5, "5"))
    assert order(*flash) == [(Action.OPEN, 5), (Action.CLOSE, 5)]


def test_another_position_s_close_still_goes_before_that_open() -> None:
    events = (event(Action.OPEN, 5, "5"), event(Action.CLOSE, 5, "5"), event(Action.CLOSE, 9, "9"))
    assert order(*events) == [(Action.CLOSE, 9), (Action.OPEN, 5), (Action.CLOSE, 5)]


def test_the_close_of_a_flash_goes_before_the_open_of_a_higher_ticket() -> None:
    events = (event(Action.OPEN, 5, "5"), event(Action.CLOSE, 5, "5"), event(Action.OPEN, 6, "6"))
    assert order(*events) == [(Action.OPEN, 5), (Action.CLOSE, 5), (Action.OPEN, 6)]


@given(
    st.lists(
        st.builds(
            event,
            action=st.sampled_from(list(Action)),
            ticket=st.integers(1, 5),
            ref=st.sampled_from(["", "1", "2", "3"]),
            seconds=st.integers(0, 2),
        ),
        max_size=30,
    )
)
def test_nothing_is_lost_and_a_position_keeps_its_own_order(events: list[TimelineEvent]) -> None:
    ordered = in_order(events)
    assert sorted(map(repr, ordered)) == sorted(map(repr, events))
    assert [event.at for event in ordered] == sorted(event.at for event in events)
    for ref in "123":
        mine = sorted((e for e in events if e.position_ref == ref), key=lambda e: e.at)
        assert [event for event in ordered if event.position_ref == ref] == mine

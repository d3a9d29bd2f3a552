"""The oracle sorts ties by time, then closes, modifications, opens, then ticket."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kopitra.simulation.timeline import Action, TimelineEvent
from kopitra.simulation.timeline import in_order as product_order
from tests.oracle import in_order
from tests.unit.histories.test_timeline_order import event as product_event
from tests.unit.oracle.leader_events import event


def of_one_position(ref: int, action: Action, part: int, seconds: int) -> TimelineEvent:
    """A ticket belongs to one position, which may have several."""
    return product_event(action, 10 * ref + part, str(ref), seconds)


def order(*events: dict[str, Any]) -> list[tuple[str, int]]:
    return [(found["action"], found["ticket"]) for found in in_order(events)]


def test_ties_sort_by_time_then_closes_modifications_opens_then_ticket() -> None:
    events = [
        event("open", 2, "1"),
        event("open", 1, "9"),
        event("pending_placed", 1, "8"),
        event("pending_filled", 1, "7"),
        event("modify", 1, "6"),
        event("pending_modified", 1, "5"),
        event("close", 1, "4"),
        event("partial_close", 1, "3"),
        event("pending_cancelled", 1, "2"),
    ]
    assert order(*events) == [
        ("pending_cancelled", 2),
        ("partial_close", 3),
        ("close", 4),
        ("pending_modified", 5),
        ("modify", 6),
        ("pending_filled", 7),
        ("pending_placed", 8),
        ("open", 9),
        ("open", 1),
    ]
    assert order(*events) == order(*events[::-1])


def test_one_position_s_events_never_swap() -> None:
    flash = (event("open", 1, "5"), event("modify", 1, "5"), event("close", 1, "5"), event("close", 1, "9"))
    assert order(*flash) == [("close", 9), ("open", 5), ("modify", 5), ("close", 5)]


@given(
    st.lists(
        st.builds(
            of_one_position,
            ref=st.integers(1, 3),
            action=st.sampled_from([a for a in Action if a not in (Action.QUOTE, Action.BALANCE)]),
            part=st.integers(0, 3),
            seconds=st.integers(0, 2),
        ),
        max_size=25,
    )
)
def test_the_product_s_timelines_agree(events: list[TimelineEvent]) -> None:
    plain = [
        {"at": e.at, "action": str(e.action), "ticket": e.ticket, "position_ref": e.position_ref, "event": e}
        for e in events
    ]
    assert [found["event"] for found in in_order(plain)] == list(product_order(events))

"""The oracle turns a leader's events and one follower's rules into that follower's steps."""

from decimal import Decimal
from typing import Any

import pytest

from tests.oracle import Held, Step, expected
from tests.unit.oracle.leader_events import event, rules

D = Decimal
NAME = "EURUSD.m"


def steps(events: list[dict[str, Any]], **given: Any) -> list[Step]:
    facts = given.pop("facts", None)
    return expected(events, rules(**given), facts={"1": facts} if facts else None).steps.get("1", [])


def parts(*left: str, volume: str = "1") -> list[dict[str, Any]]:
    """A position that is closed in parts: what is left after each."""
    events = [event("open", 0, volume=volume)]
    events += [event("partial_close", at, volume_after=rest) for at, rest in enumerate(left, start=1)]
    return events


def test_an_open_and_its_close() -> None:
    events = [event("open", 1, stop_loss="1.07", take_profit="1.09"), event("close", 2)]
    assert steps(events) == [
        Step("open", "buy", NAME, D(1), D("1.07"), D("1.09")),
        Step("close", "buy", NAME, D(1)),
    ]


@pytest.mark.parametrize(
    ("copied", "stops"),
    [
        ({}, (D("1.07"), D("1.09"))),
        ({"copy_stop_loss": False}, (None, D("1.09"))),
        ({"copy_take_profit": False}, (D("1.07"), None)),
    ],
)
def test_stops_are_copied_unless_switched_off(copied: dict[str, bool], stops: tuple[Any, Any]) -> None:
    (opened,) = steps([event("open", 1, stop_loss="1.07", take_profit="1.09")], **copied)
    assert (opened.stop_loss, opened.take_profit) == stops


def test_a_modification_is_sent_where_it_changes_something() -> None:
    events = [
        event("open", 1, stop_loss="1.07"),
        event("modify", 2, stop_loss="1.07"),
        event("modify", 3, stop_loss="1.075", take_profit="1.09"),
        event("modify", 4, take_profit="1.09"),
    ]
    assert steps(events)[1:] == [
        Step("modify", "buy", NAME, D(1), D("1.075"), D("1.09")),
        Step("modify", "buy", NAME, D(1), None, D("1.09")),
    ]
    assert len(steps(events, copy_stop_loss=False)) == 2


def test_a_partial_close_leaves_the_leader_s_share_of_what_was_filled() -> None:
    assert steps(
        [*parts("0.75", "0.5", "0.1"), event("close", 9)], multiplier=D("0.5"), mode="multiplier"
    ) == [
        Step("open", "buy", NAME, D("0.5")),
        Step("partial_close", "buy", NAME, D("0.13")),
        Step("partial_close", "buy", NAME, D("0.12")),
        Step("partial_close", "buy", NAME, D("0.20")),
        Step("close", "buy", NAME, D("0.05")),
    ]


def test_a_partial_close_too_small_for_the_lot_step_does_nothing_and_is_counted() -> None:
    expectation = expected(parts("0.99", "0.98", "0.49"), rules(mode="multiplier", multiplier=D("0.02")))
    assert expectation.steps["1"] == [
        Step("open", "buy", NAME, D("0.02")),
        Step("partial_close", "buy", NAME, D("0.01")),
        Step("close", "buy", NAME, D("0.01")),
    ]
    assert expectation.below_step == {"1": 1}


def test_a_rest_below_the_minimum_is_closed() -> None:
    assert steps(parts("0.05"), min=D("0.1"), step=D("0.01"))[1:] == [Step("close", "buy", NAME, D(1))]


def test_or_kept_at_the_minimum_until_the_leader_is_out() -> None:
    events = [*parts("0.05", "0.02"), event("close", 9)]
    assert steps(events, min=D("0.1"), step=D("0.01"), remainder="keep")[1:] == [
        Step("partial_close", "buy", NAME, D("0.9")),
        Step("close", "buy", NAME, D("0.1")),
    ]


def test_nothing_follows_once_the_follower_is_out() -> None:
    events = [*parts("0.005", volume="1"), event("modify", 5, stop_loss="1.07"), event("close", 9)]
    assert [step.action for step in steps(events)] == ["open", "close"]


ORDER = [
    event("pending_placed", 1, price="1.07", stop_loss="1.06"),
    event("pending_modified", 2, price="1.069", stop_loss="1.06"),
    event("pending_filled", 3, price="1.069", stop_loss="1.06"),
    event("partial_close", 4, volume_after="0.4"),
    event("close", 5),
]


def actions(count: int, **facts: int) -> list[tuple[str, Decimal]]:
    return [(step.action, step.volume) for step in steps(ORDER[:count], facts=facts)]


def test_an_order_is_placed_and_modified_and_a_leader_s_fill_sends_nothing() -> None:
    assert actions(3) == [("pending", D(1)), ("modify", D(1))]


def test_a_follower_s_order_that_still_waits_is_cancelled_with_the_leader_s_close() -> None:
    assert actions(5) == [("pending", D(1)), ("modify", D(1)), ("cancel", D(1))]


@pytest.mark.parametrize("before", [1, 2, 3])
def test_a_follower_s_order_filled_first_is_closed_in_parts_like_any_position(before: int) -> None:
    assert actions(5, filled=before)[2:] == [("partial_close", D("0.6")), ("close", D("0.4"))]


def test_a_follower_s_order_filled_after_the_leader_closed_a_part_is_brought_to_the_same_share() -> None:
    assert actions(5, filled=4)[2:] == [("partial_close", D("0.6")), ("close", D("0.4"))]


def test_a_cancelled_order_is_cancelled_or_if_it_was_filled_closed() -> None:
    cancelled = [ORDER[0], event("pending_cancelled", 2)]
    assert [step.action for step in steps(cancelled)] == ["pending", "cancel"]
    assert [step.action for step in steps(cancelled, facts={"filled": 1})] == ["pending", "close"]


def test_a_follower_whose_own_stop_fired_does_no_more() -> None:
    events = [*parts("0.5"), event("modify", 5, stop_loss="1.07"), event("close", 9)]
    assert [step.action for step in steps(events, facts={"ended": 2})] == ["open", "partial_close"]
    assert expected(events, rules(), facts={"1": {"ended": 2}}).book == {}


@pytest.mark.parametrize(
    ("events", "changes", "reason"),
    [
        ([event("open", 1, symbol="GBPUSD")], {}, "symbol_unmapped"),
        ([event("open", 1, volume="0.001")], {}, "below_minimum"),
        ([event("pending_placed", 1)], {"copy_pending": False}, "pending_not_copied"),
        ([event("open", 1)], {"mode": "balance_ratio"}, "balance_missing"),
    ],
)
def test_a_position_that_is_not_copied_has_a_reason(
    events: list[dict[str, Any]], changes: dict[str, Any], reason: str
) -> None:
    expectation = expected([*events, event("close", 9)], rules(**changes))
    assert (expectation.steps, expectation.skips) == ({}, {"1": reason})


def test_balances_are_those_of_each_decision() -> None:
    balances = {
        "1": {"leader": D(1000), "follower": D(500), "rate": D(1)},
        "2": {"leader": D(1000), "follower": D(250), "rate": D(2)},
    }
    both = [event("open", 1, "1"), event("open", 2, "2", volume="0.5")]
    found = expected(both, rules(mode="balance_ratio"), balances).steps
    assert [found[ref][0].volume for ref in ("1", "2")] == [D("0.5"), D("0.25")]


def test_who_joins_late_copies_nothing_that_began_before() -> None:
    events = [event("open", 1, "1"), event("open", 5, "2"), event("close", 6, "1"), event("close", 7, "2")]
    assert list(expected(events, rules(joined_at=3)).steps) == ["2"]


def test_quotes_and_balance_operations_are_nothing_to_copy() -> None:
    assert expected([event("quote", 1, ""), event("balance", 2, "")], rules()).steps == {}


def test_the_book_is_what_is_left() -> None:
    events = [
        event("open", 1, "1", stop_loss="1.07"),
        event("partial_close", 2, "1", volume_after="0.4", stop_loss="1.07"),
        event("pending_placed", 3, "2", side="sell"),
        event("open", 4, "3"),
        event("close", 5, "3"),
    ]
    assert expected(events, rules()).book == {
        "1": Held("buy", NAME, D("0.4"), D("1.07"), None, pending=False),
        "2": Held("sell", NAME, D(1), None, None, pending=True),
    }


def test_the_sample_can_be_copied_by_every_kind_of_follower() -> None:
    import msgspec  # noqa: PLC0415

    from kopitra.simulation.histories.sample import sample_history  # noqa: PLC0415

    sample = sample_history()
    events = [msgspec.structs.asdict(event) for event in sample.events]
    symbol = rules()["symbols"]["EURUSD"]
    coarse = symbol | {"step": D("0.1"), "min": D("0.1")}
    follower = {"mode": "same_volume", "symbols": dict.fromkeys(sample.symbols(), coarse)}
    found = expected(events, follower)
    assert set(found.skips.values()) == {"below_minimum"}
    assert len(found.steps) + len(found.skips) == len(
        {e["position_ref"] for e in events if e["position_ref"]}
    )
    assert all(step.volume % D("0.1") == 0 for steps in found.steps.values() for step in steps)

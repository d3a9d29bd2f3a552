"""The verdict passes what is right, and names follower and position of everything that is not."""

from decimal import Decimal

import msgspec
import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.simulation.broker.records import TradeRequest
from kopitra_cli.demo.verdict import Evidence, FollowerVerdict, judge, percentile
from tests.unit.cli.little_theatre import LittleTheatre, Tamper

RATIO = AccountId("ratio")


def verdicts(tamper: dict[str, Tamper]) -> dict[AccountId, FollowerVerdict]:
    return {each.account: each for each in judge(LittleTheatre(tamper).play()).followers}


def is_open(request: TradeRequest) -> bool:
    return request.action == "deal" and request.position is None


def dropped(request: TradeRequest) -> list[TradeRequest]:
    return [] if is_open(request) else [request]


def doubled(request: TradeRequest) -> list[TradeRequest]:
    return [request, request] if is_open(request) else [request]


def of_another_volume(request: TradeRequest) -> list[TradeRequest]:
    if not is_open(request) or request.volume is None:
        return [request]
    return [msgspec.structs.replace(request, volume=request.volume * 2)]


def on_the_other_side(request: TradeRequest) -> list[TradeRequest]:
    if not is_open(request) or request.side is None:
        return [request]
    return [
        msgspec.structs.replace(
            request,
            side=request.side.opposite,
            stop_loss=request.take_profit,
            take_profit=request.stop_loss,
        )
    ]


def without_stops(request: TradeRequest) -> list[TradeRequest]:
    if request.action != "sltp":
        return [request]
    return [msgspec.structs.replace(request, stop_loss=None)]


def never_closed(request: TradeRequest) -> list[TradeRequest]:
    return (
        []
        if request.position is not None and request.volume is None and request.action == "deal"
        else [request]
    )


def test_followers_that_do_what_the_oracle_expects_pass() -> None:
    verdict = judge(LittleTheatre().play())
    assert [each.complaints for each in verdict.followers] == [()] * 5
    assert verdict.passed


def test_copies_skips_and_open_positions_are_counted() -> None:
    found = verdicts({})
    assert {name: (each.copies, each.open_actual) for name, each in found.items()} == {
        "ratio": (2, 1),
        "fixed": (2, 1),
        "suffix": (1, 0),
        "small": (1, 0),
        "late": (2, 1),
    }
    assert found[AccountId("small")].skips == {"below_minimum": 1}


def test_latency_is_from_the_leaders_deal_to_the_followers_that_answers_it() -> None:
    ratio, fixed = (verdicts({})[AccountId(name)] for name in ("ratio", "fixed"))
    assert set(ratio.latencies) == {7.0}
    assert set(fixed.latencies) == {14.0}
    assert len(ratio.latencies) == 4, "two opens, a part and a close; a change of stops is no deal"


@pytest.mark.parametrize(
    ("tamper", "told", "lost", "duplicated"),
    [
        (dropped, "position 1, step 1: missing open buy EURUSD", 5, 0),
        (doubled, "position 1, step 2: action, stop_loss, take_profit differ", 0, 2),
        (of_another_volume, "position 1, step 1: volume differ", 0, 0),
        (on_the_other_side, "position 1, step 1: side, stop_loss, take_profit differ", None, 0),
        (without_stops, "position 1, step 2: stop_loss differ", 0, 0),
        (never_closed, "position 1, step 4: missing close buy EURUSD", 1, 0),
    ],
)
def test_whatever_reaches_a_broker_wrongly_is_told_with_follower_and_position(
    tamper: Tamper, told: str, lost: int | None, duplicated: int
) -> None:
    found = verdicts({"late": tamper})
    late = found.pop(AccountId("late"))
    assert not late.passed
    assert any(line.startswith("late, ") and told in line for line in late.complaints), late.complaints
    assert lost is None or late.lost == lost
    assert late.duplicated == duplicated
    assert all(other.passed for other in found.values())


def test_a_trade_that_belongs_to_no_position_is_told() -> None:
    def stray(request: TradeRequest) -> list[TradeRequest]:
        return [request, msgspec.structs.replace(request, magic=7)] if is_open(request) else [request]

    late = verdicts({"late": stray})[AccountId("late")]
    assert any("belongs to no position of the leader (magic 7)" in line for line in late.complaints)
    assert late.duplicated == 2


def test_an_event_that_the_leaders_broker_never_carried_out_fails_the_run() -> None:
    evidence = LittleTheatre().play()
    story = evidence.stories[evidence.cast.leader.account]
    del story.answers["event-4"]
    verdict = judge(evidence)
    assert verdict.complaints == ("1 of the leader's events were not carried out at its broker",)
    assert not verdict.passed


def with_opening(evidence: Evidence, follower: str, **changes: object) -> Evidence:
    """The evidence with another record of the follower's first open."""
    openings = evidence.record.openings[AccountId(follower)]
    ref = next(iter(openings))
    decision = msgspec.structs.replace(openings[ref].decision, **changes)
    openings[ref] = msgspec.structs.replace(openings[ref], decision=decision)
    return evidence


def test_a_recorded_skip_that_the_oracle_does_not_expect_is_told() -> None:
    evidence = with_opening(LittleTheatre().play(), "fixed", order=None, reason="halted")
    [fixed] = [each for each in judge(evidence).followers if each.account == "fixed"]
    assert "fixed, position 1: skipped as halted, expected a copy" in fixed.complaints


@pytest.mark.parametrize("figure", ["follower", "leader", "rate"])
def test_a_size_that_was_made_of_an_older_figure_is_told(figure: str) -> None:
    evidence = LittleTheatre().play()
    opening = next(iter(evidence.record.openings[RATIO].values()))
    arithmetic = opening.decision.arithmetic
    assert arithmetic is not None
    share = arithmetic.balances
    assert share is not None
    assert share.rate is not None
    wrong = {
        "follower": {"follower": msgspec.structs.replace(share.follower, amount=share.follower.amount - 1)},
        "leader": {"leader": share.leader + 1},
        "rate": {"rate": msgspec.structs.replace(share.rate, numerator=Decimal("2.3"))},
    }[figure]
    stale = msgspec.structs.replace(arithmetic, balances=msgspec.structs.replace(share, **wrong))
    [ratio] = [
        each
        for each in judge(with_opening(evidence, "ratio", arithmetic=stale)).followers
        if each.account == RATIO
    ]
    told = {"follower": "sized with a balance", "leader": "a leader's balance", "rate": "that nobody quoted"}
    assert any(told[figure] in line and "ratio, position 1" in line for line in ratio.complaints)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([], 50) is None
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([float(n) for n in range(1, 101)], 99) == 99.0
    assert percentile([5.0], 99) == 5.0

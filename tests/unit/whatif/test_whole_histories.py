"""Whole histories through the run: what the oracle expects reaches the brokers' ledgers, and what must not matter does
not."""

import time
from collections import defaultdict
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from kopitra.domain.orders import DealEntry, DealReason, OrderType
from kopitra.domain.rules import CopyRules, Remainder
from kopitra.domain.sizing_modes import BalanceRatio, ByMultiplier, FixedVolume, SameVolume
from kopitra.machine.events import CopyPlanned
from kopitra.simulation.histories.generated import Knobs, generated_history
from kopitra.simulation.histories.market import POPULAR
from kopitra.simulation.histories.specs import specs_for
from kopitra.simulation.timeline import Action, Timeline
from kopitra.simulation.whatif.plan import BrokerPlan, WhatIfPlan
from kopitra.simulation.whatif.result import encode_result
from kopitra.simulation.whatif.run import what_if
from tests.oracle import Step as OracleStep
from tests.oracle import differences, expected
from tests.unit.whatif.stories import D, Seen, Story, follower, plan, result_of

RULES: dict[str, CopyRules] = {
    "same": CopyRules(sizing=SameVolume()),
    "triple": CopyRules(sizing=ByMultiplier(), multiplier=D("3.33")),
    "small": CopyRules(sizing=ByMultiplier(), multiplier=D("0.4")),
    "fixed": CopyRules(sizing=FixedVolume(volume=D("0.17"))),
    "ratio": CopyRules(sizing=BalanceRatio(), max_volume=D(3)),
    "keeper": CopyRules(sizing=SameVolume(), remainder=Remainder.KEEP, copy_stop_loss=False),
    "forced": CopyRules(sizing=ByMultiplier(), multiplier=D("0.05"), force_min_volume=True),
    "no-pending": CopyRules(sizing=SameVolume(), copy_pending=False),
    "coarse": CopyRules(sizing=SameVolume()),
}
COARSE = BrokerPlan(suffix=".m", lot_step=D("0.03"), spread_points=35)
AMPLE = D(10_000_000)
OWN = (DealReason.STOP_LOSS, DealReason.TAKE_PROFIT, DealReason.STOP_OUT)
MOST_SECONDS = 30.0
"""Of a processor, for two followers: five times what it takes on a machine of today."""
LEDGER = ("open", "partial_close", "close")


def everybody() -> WhatIfPlan:
    """Everyone can afford everything; nobody's latency or spread but the coarse one's differs from the leader's."""
    followers = {
        name: follower(
            rules,
            deposit=AMPLE if name != "ratio" else D(200_000),
            broker=COARSE if name == "coarse" else BrokerPlan(leverage=1000, stop_out_percent=None),
        )
        for name, rules in RULES.items()
    }
    return plan(followers=followers)


def as_event(event: Any) -> dict[str, Any]:
    plain = {name: getattr(event, name) for name in event.__struct_fields__}
    return plain | {"action": event.action.value, "side": event.side.value if event.side else None}


class Ledgers:
    """What the brokers' deals say was done, by follower and leader position, in the oracle's words."""

    def __init__(self, timeline: Timeline, seen: Seen) -> None:
        self.steps: dict[str, dict[str, list[OracleStep]]] = {name: defaultdict(list) for name in RULES}
        self.facts: dict[str, dict[str, dict[str, int]]] = {name: defaultdict(dict) for name in RULES}
        self.balances: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in RULES}
        self.skips: dict[str, dict[str, str]] = {name: {} for name in RULES}
        self._live: dict[tuple[str, int], Decimal] = {}
        self._times: defaultdict[str, list[Any]] = defaultdict(list)
        for event in timeline.events:
            if event.position_ref:
                self._times[event.position_ref].append(event.at)
        self._refs: dict[tuple[str, int], tuple[str, OrderType]] = {}
        for recorded in seen.events:
            if isinstance(recorded.event, CopyPlanned):
                self._plan(recorded.event)
        self._positions: dict[tuple[str, int], str] = {}
        for name, told in seen.deals:
            self._deal(name, told.deal)

    def _plan(self, event: CopyPlanned) -> None:
        ref = str(event.signal.position_ref)
        for decision in event.decisions:
            name, order = str(decision.follower), decision.order
            if order is not None and order.action == "open":
                self._refs[name, order.magic] = (ref, order.order_type)
                share = getattr(decision.arithmetic, "balances", None)
                if share is not None:
                    self.balances[name][ref] = {
                        "leader": share.leader,
                        "follower": share.follower.amount,
                        "rate": 1,
                    }
            elif event.signal.action in ("open", "pending_placed") and decision.reason is not None:
                self.skips[name][ref] = str(decision.reason)

    def _deal(self, name: str, deal: Any) -> None:
        key = (name, deal.position_id)
        if deal.entry is DealEntry.IN:
            ref, order_type = self._refs[name, deal.magic]
            self._positions[key] = ref
            self._live[key] = deal.volume
            if order_type is OrderType.MARKET:
                self._step(name, ref, "open", deal.side, deal)
            else:
                self._note(name, ref, "filled", deal)
            return
        ref = self._positions[key]
        self._live[key] -= deal.volume
        if deal.reason in OWN:
            self._note(name, ref, "ended", deal)
        else:
            action = "partial_close" if self._live[key] else "close"
            self._step(name, ref, action, deal.side.opposite, deal)

    def _step(self, name: str, ref: str, action: str, side: Any, deal: Any) -> None:
        self.steps[name][ref].append(OracleStep(action, side.value, deal.symbol, deal.volume))

    def _note(self, name: str, ref: str, what: str, deal: Any) -> None:
        """Before which of the leader's events of that position it happened: at one time the market goes first."""
        before = sum(at < deal.executed_at for at in self._times[ref])
        self.facts[name][ref].setdefault(what, before)


def oracle_rules(name: str, timeline: Timeline) -> dict[str, Any]:
    rules = RULES[name]
    coarse = name == "coarse"
    return {
        "mode": rules.sizing.__struct_config__.tag,
        "volume": getattr(rules.sizing, "volume", None),
        "multiplier": rules.multiplier,
        "max_volume": rules.max_volume,
        "force_min_volume": rules.force_min_volume,
        "remainder": rules.remainder.value,
        "copy_stop_loss": rules.copy_stop_loss,
        "copy_pending": rules.copy_pending,
        "symbols": {
            spec.symbol: {
                "symbol": spec.symbol + (".m" if coarse else ""),
                "leader_contract_size": spec.contract_size,
                "contract_size": spec.contract_size,
                "step": D("0.03") if coarse else spec.volume_step,
                "min": D("0.03") if coarse else spec.volume_min,
                "max": spec.volume_max,
            }
            for spec in specs_for(timeline).specs
        },
    }


def in_ledger(steps: dict[str, list[OracleStep]]) -> dict[str, list[OracleStep]]:
    """The steps that a ledger shows, without stops; a resting order's cancellation is none of them."""
    kept: dict[str, list[OracleStep]] = {}
    for ref, told in steps.items():
        dealt = [step._replace(stop_loss=None, take_profit=None) for step in told if step.action in LEDGER]
        if dealt:
            kept[ref] = dealt
    return kept


@pytest.mark.parametrize("history", range(3))
def test_the_brokers_did_what_the_oracle_expects(history: int) -> None:
    timeline = generated_history(history)
    seen = Seen()
    result = what_if(timeline, everybody(), witness=seen)
    ledgers = Ledgers(timeline, seen)
    events = [as_event(e) for e in timeline.events if e.action not in (Action.QUOTE, Action.BALANCE)]
    checked = 0
    for part in result.followers:
        name = part.name
        wanted = expected(events, oracle_rules(name, timeline), ledgers.balances[name], ledgers.facts[name])
        told = differences(name, in_ledger(wanted.steps), ledgers.steps[name])
        assert not told, "\n".join(told[:5])
        assert ledgers.skips[name] == wanted.skips
        assert part.open_positions == sum(not held.pending for held in wanted.book.values())
        assert not part.refusals
        checked += sum(map(len, ledgers.steps[name].values()))
    assert checked > 2_000
    assert any(facts for name in RULES for facts in ledgers.facts[name].values())


@pytest.mark.parametrize("history", range(3))
def test_same_volume_in_the_same_currency_makes_what_the_leader_made(history: int) -> None:
    """Every trade gains to the cent what the leader's did: in dollars' pairs, without spread of its own or latency."""
    dollars = tuple(symbol for symbol in POPULAR if symbol.name.endswith("USD"))
    timeline = generated_history(history, Knobs(symbols=dollars))
    broker = BrokerPlan(leverage=1000, stop_out_percent=None)
    result = what_if(timeline, plan(follower(deposit=AMPLE, broker=broker)))
    mine = {part.symbol: part.profit for part in result.followers[0].symbols}
    theirs = {part.symbol: part.profit for part in result.leader.symbols}
    assert mine == theirs
    assert len(mine) == len(dollars)


def test_twice_the_leaders_balance_is_half_the_copy() -> None:
    def volumes(deposit: str) -> list[Decimal]:
        story = Story(deposit)
        for number in range(1, 9):
            story.open(number, str(number), "1.10000", f"0.{number}")
        seen = Seen()
        rich = follower(CopyRules(sizing=BalanceRatio()), deposit=D(1_000_000))
        what_if(story.timeline(), plan(rich), witness=seen)
        return seen.volumes()

    assert volumes("200000") == [volume / 2 for volume in volumes("100000")]
    assert volumes("100000")[0] == D("1.00")


def test_splitting_one_close_in_three_ends_in_the_same_money() -> None:
    whole = Story().open(1, "a", "1.10000", "0.9").close(10, "a", "1.10100")
    parts = Story().open(1, "a", "1.10000", "0.9")
    for minute in (10, 11, 12):
        parts.close(minute, "a", "1.10100", "0.3")
    assert result_of(whole, plan()).followers[0].profit == result_of(parts, plan()).followers[0].profit


def test_a_followers_result_does_not_depend_on_who_follows_beside_it() -> None:
    timeline = generated_history(5, Knobs(positions=60, partial_closes=40))
    wanted = everybody()
    luck = BrokerPlan(slippage_points=(0, 9), partial_fills_per_mille=50)
    lucky = msgspec.structs.replace(wanted, followers=wanted.followers | {"lucky": follower(broker=luck)})
    together = {part.name: part for part in what_if(timeline, lucky).followers}
    for name in ("ratio", "coarse", "lucky"):
        alone = msgspec.structs.replace(lucky, followers={name: lucky.followers[name]})
        assert what_if(timeline, alone).followers == (together[name],)


def test_the_same_inputs_give_the_same_bytes() -> None:
    timeline = generated_history(6, Knobs(positions=60, partial_closes=40))
    assert encode_result(what_if(timeline, everybody())) == encode_result(what_if(timeline, everybody()))


def test_progress_is_told_to_the_end() -> None:
    timeline = generated_history(7, Knobs(positions=60, partial_closes=40))
    told: list[tuple[int, int]] = []
    what_if(timeline, plan(), progress=lambda done, total, at: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (len(timeline.events), len(timeline.events))
    assert len(told) > 5


def year() -> Timeline:
    """As many trades as an active leader has in a year, on a few thousand events."""
    knobs = Knobs(positions=1_300, partial_closes=400, modifications=300, stopped=300, pace=(600, 9_000))
    return generated_history(8, knobs)


def test_a_year_of_trades_takes_seconds() -> None:
    timeline = year()
    assert len(timeline.events) > 4_000
    followers = {name: everybody().followers[name] for name in ("same", "triple")}
    began = time.process_time()
    result = what_if(timeline, plan(followers=followers))
    assert time.process_time() - began < MOST_SECONDS
    assert all(part.trades.closed > 1_000 for part in result.followers)

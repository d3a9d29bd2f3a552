"""The real core with followers that carry out every order at once, driven by a leader's timeline.

What the followers were told is written down as the oracle's steps; so is what their own markets did to them.
"""

from decimal import Decimal
from random import Random
from typing import Any

from kopitra.domain.identifiers import AccountId, PositionRef, SignalId
from kopitra.domain.orders import DealEntry, DealReason, OrderType, Side
from kopitra.domain.rules import CopyRules
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.trading import LeaderFigures, Order, OrderAction, Signal, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import CopyDecision, CopyPlanned
from kopitra.machine.readings import Figures
from kopitra.machine.state import CopyStatus
from kopitra.simulation.timeline import Action, Timeline, TimelineEvent
from tests.oracle import Step
from tests.unit.copying.world import LEADER, World

ZERO = Decimal(0)
OWN_EVENTS = ("filled", "ended")


class Follower:
    """One follower's account, its live volumes by copy, and what happened on it."""

    def __init__(self, account: AccountId, draws: Random) -> None:
        self.account = account
        self.draws = draws
        self.steps: dict[str, list[Step]] = {}
        self.skips: dict[str, str] = {}
        self.balances: dict[str, dict[str, Any]] = {}
        self.facts: dict[str, dict[str, int]] = {}
        self.positions: dict[str, int] = {}


class Platform:
    """`own_market`: how likely a follower's own stop fires, or its pending order fills, before a leader's event."""

    def __init__(
        self, timeline: Timeline, leader_specs: tuple[SymbolSpec, ...], own_market: float = 0.0
    ) -> None:
        self.world = World()
        self.world.account(LEADER, *leader_specs)
        self.timeline = timeline
        self.own_market = own_market
        self.currency = timeline.account.currency or "USD"
        self.balance = timeline.account.opening_balance
        self.followers: list[Follower] = []
        self._ordinals: dict[str, int] = {}
        self._aliases: dict[str, str] = {}
        self._next_position = 1

    def follow(self, name: str, rules: CopyRules, specs: tuple[SymbolSpec, ...], currency: str) -> Follower:
        account = self.world.account(name, *specs, currency=currency)
        self.world.follow(account, rules)
        follower = Follower(account, Random(name))
        self.followers.append(follower)
        return follower

    def run(self) -> None:
        for event in self.timeline.events:
            self.world.later(1)
            if event.action is Action.BALANCE:
                self.balance += event.amount or ZERO
            elif event.action is not Action.QUOTE:
                self._replay(event)

    def _replay(self, event: TimelineEvent) -> None:
        ref = event.position_ref
        ordinal = self._ordinals[ref] = self._ordinals.get(ref, -1) + 1
        for follower in self.followers:
            self._own_market(follower, ref, ordinal)
            amount = Decimal(follower.draws.randint(1_000, 900_000))
            old = self.world.readings.figures[follower.account]
            self.world.readings.figures[follower.account] = Figures(amount, old.currency, self.world.now)
            if ordinal == 0:
                follower.balances[ref] = {"leader": self.balance, "follower": amount, "rate": 1}
        self.world.do(commands.TakeSignal(account=LEADER, signal=self._signal(event)))
        planned = self.world.history[-1]
        assert isinstance(planned, CopyPlanned), planned
        for decision in planned.decisions:
            self._note(decision, ref)
        for follower in self.followers:
            for order in self.world.fetch(follower.account):
                self._carry_out(follower, order, ref)
        self.balance += (event.profit or ZERO) + (event.commission or ZERO) + (event.swap or ZERO)

    def _signal(self, event: TimelineEvent) -> Signal:
        self.world.ordinal += 1
        assert event.side is not None
        assert event.volume is not None
        ref = PositionRef(event.position_ref)
        filled = event.action is Action.PENDING_FILLED
        return Signal(
            signal_id=SignalId(f"s{self.world.ordinal}"),
            action=SignalAction(event.action.value),
            position_ref=PositionRef(f"filled-{ref}") if filled else PositionRef(self._aliases.get(ref, ref)),
            order_ref=ref if filled or event.order_type is not OrderType.MARKET else None,
            symbol=event.symbol,
            side=event.side,
            order_type=event.order_type,
            volume=event.volume,
            volume_after=event.volume_after if event.volume_after is not None else ZERO,
            price=event.price,
            stop_loss=event.stop_loss,
            take_profit=event.take_profit,
            account=LeaderFigures(balance=self.balance, currency=self.currency),
            occurred_at=event.at,
            stream_id="stream",
            ordinal=self.world.ordinal,
        )

    def _note(self, decision: CopyDecision, ref: str) -> None:
        follower = next(f for f in self.followers if f.account == decision.follower)
        if decision.order is None and self._ordinals[ref] == 0:
            assert decision.reason is not None
            follower.skips[ref] = decision.reason

    def _own_market(self, follower: Follower, ref: str, ordinal: int) -> None:
        """Perhaps the follower's pending order is filled, or a stop of its own closes its position, first."""
        copy = next(
            (c for c in self.copies(follower) if c.position_ref == ref and c.live),
            None,
        )
        if copy is None or follower.draws.random() >= self.own_market:
            return
        facts = follower.facts.setdefault(ref, {})
        if copy.status is CopyStatus.PENDING and "filled" not in facts:
            facts["filled"] = ordinal
            opening = Order(
                command_id=copy.opens,
                action=OrderAction.OPEN,
                symbol=copy.symbol,
                side=copy.side,
                volume=copy.planned_volume,
                magic=copy.magic,
            )
            self._fill(follower, opening, ref)
            for order in self.world.fetch(follower.account):
                self._carry_out(follower, order, ref)
        elif copy.status is CopyStatus.OPEN and copy.live_volume:
            facts["ended"] = ordinal
            position, volume = follower.positions[ref], copy.live_volume
            self.world.deal(
                follower.account, None, DealEntry.OUT, volume, position=position, reason=DealReason.STOP_LOSS
            )

    def copies(self, follower: Follower) -> list[Any]:
        return list(self.world.state.accounts[follower.account].following.copies.values())

    def _fill(self, follower: Follower, order: Order, ref: str) -> None:
        position = self._next_position
        self._next_position += 1
        follower.positions[ref] = position
        self.world.deal(follower.account, order, DealEntry.IN, order.volume, position=position)

    def _carry_out(self, follower: Follower, order: Order, ref: str) -> None:
        """Do what a faultless broker would, and write it down."""
        copy = self.world.state.accounts[follower.account].following.copies[order.copy_id]  # type: ignore[index]
        live = copy.live_volume
        steps = follower.steps.setdefault(str(copy.position_ref), [])
        match order.action:
            case OrderAction.OPEN:
                pending = order.order_type is not OrderType.MARKET
                action = "pending" if pending else "open"
                steps.append(_step(action, order, order.volume, order.stop_loss, order.take_profit))
                if not pending:
                    self._fill(follower, order, ref)
            case OrderAction.MODIFY:
                held = live or copy.planned_volume
                steps.append(_step("modify", order, held, order.stop_loss, order.take_profit))
            case OrderAction.PARTIAL_CLOSE:
                assert order.target_volume is not None
                closed = live - order.target_volume
                steps.append(_step("partial_close", order, closed))
                self._close(follower, order, closed, ref)
            case OrderAction.CLOSE:
                steps.append(_step("close", order, live))
                self._close(follower, order, live, ref)
            case _:
                steps.append(_step("cancel", order, copy.planned_volume))
        self.world.ack(follower.account, order)

    def _close(self, follower: Follower, order: Order, volume: Decimal, ref: str) -> None:
        self.world.deal(follower.account, order, DealEntry.OUT, volume, position=follower.positions[ref])


def _step(
    action: str,
    order: Order,
    volume: Decimal,
    stop_loss: Decimal | None = None,
    take_profit: Decimal | None = None,
) -> Step:
    return Step(action, str(Side(order.side)), order.symbol, volume, stop_loss, take_profit)

"""What agents may do to their brokers."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kopitra.application.fencing import FenceRow
from kopitra.application.steady_clock import SLEW
from kopitra.domain.orders import DealEntry, OrderType
from kopitra.domain.trading import Order, OrderAction, SignalAction
from kopitra.machine.events import (
    CopyPlanned,
    CopySettled,
    OperatorOrdered,
    Outcome,
    Recorded,
    TradingHalted,
    TradingResumed,
)
from kopitra.simulation.broker.records import Deal
from kopitra_agent.ports.terminal import TradeRequest
from tests.simulation.invariants.registry import Invariant, invariant
from tests.simulation.stage.chains import first_of, misjudged
from tests.simulation.stage.facts import OUR_REASONS, CopyFacts, Facts, Ordered

if TYPE_CHECKING:
    from tests.simulation.stage.accounts import Party
    from tests.simulation.stage.counterparties import Instance

ZERO = Decimal(0)
OPENS = ("deal", "pending")
REDUCES = frozenset({OrderAction.CLOSE, OrderAction.PARTIAL_CLOSE, OrderAction.CANCEL})
MILLISECONDS = 1000
LATE_SECONDS = 4.0
"""An open may be sent at the very end of its time, and three times with a pause; its last step needs an answer each."""
REPEATED_SECONDS = 5.0
"""A leader's request that may have arrived is repeated as it was for so long (`kopitra_agent.sensor.sender`)."""


def is_open(request: TradeRequest) -> bool:
    return request.action in OPENS and request.position is None


@invariant("once_at_the_broker")
class OnceAtTheBroker(Invariant):
    """No command is executed twice: a copy has one position, never more than was ordered, and no close takes more."""

    def dealt(self, party: "Party", deal: Deal) -> None:
        if not party.role.follows or deal.kind != "trade":
            return
        for copy in self.facts.copies_met(party.name, deal):
            self.times += 1
            entered = deal.side is copy.side if party.netting else deal.entry is DealEntry.IN
            if entered:
                self._entered(copy)
            elif deal.reason in OUR_REASONS:
                self._left(copy)

    def _entered(self, copy: CopyFacts) -> None:
        ordered = copy.opens[0].order.volume
        if len(copy.positions) > 1:
            self.violated(f"{copy.account}'s copy {copy.magic} was opened {len(copy.positions)} times")
        if copy.filled > ordered:
            self.violated(f"{copy.account}'s copy {copy.magic} has {copy.filled}, {ordered} were ordered")

    def _left(self, copy: CopyFacts) -> None:
        least = self.facts.least_target(copy)
        if least is None or copy.live + copy.own < least:
            self.violated(f"{copy.account}'s copy {copy.magic} has {copy.live} left, {least} were to remain")


@invariant("decided_before_done")
class DecidedBeforeDone(Invariant):
    """No book is touched without a durable order that was handed out: its symbol, side, volume and position."""

    def requested(self, party: "Party", request: TradeRequest) -> None:
        self.times += 1
        wanted = [o for o in self.facts.orders_of(party.name, request.magic) if _matches(o.order, request)]
        if not wanted:
            self.violated(f"{party.name} sends {request}, which nobody ordered")
            return
        delivered = self.facts.delivered.get(party.name, {})
        if not any(ordered.sequence in delivered for ordered in wanted):
            self.violated(f"{party.name} sends {request}, which was never handed out")
        if request.position is not None:
            held = party.state.positions.get(request.position)
            if held is not None and held.magic != request.magic and not _names(wanted, request.position):
                self.violated(f"{party.name} sends {request} for a position of magic {held.magic}")


def _names(wanted: list[Ordered], ticket: int) -> bool:
    """Whether an operator meant this very position, whatever magic number it has."""
    return any(ordered.order.copy_id is None and ordered.order.ticket == ticket for ordered in wanted)


def _matches(order: Order, request: TradeRequest) -> bool:
    if order.symbol != request.symbol:
        return False
    if order.action is OrderAction.OFFSET:
        return is_open(request) and request.side is order.side and request.volume is not None
    if is_open(request):
        terms = (order.side, order.volume, order.order_type)
        return order.action is OrderAction.OPEN and terms == (
            request.side,
            request.volume,
            request.order_type,
        )
    if request.action in ("sltp", "modify"):
        stops = (order.stop_loss, order.take_profit)
        return order.action is OrderAction.MODIFY and stops == (request.stop_loss, request.take_profit)
    return order.action in REDUCES


@invariant("no_stale_open")
class NoStaleOpen(Invariant):
    """Nothing is opened at market that is older than its rules allow, measured from the leader's deal itself; a copy of
    a copy from the first leader's."""

    def committed(self, recorded: Recorded, row: FenceRow) -> None:
        """A copy of a copy is planned as at least as old as what the journal knows of its first leader's trade; that it
        may be written later is not counted."""
        event = recorded.event
        if not isinstance(event, CopyPlanned) or event.signal.action is not SignalAction.OPEN or event.healed:
            return
        trade = self.facts.trades_by_ref.get(event.signal.position_ref)
        first = first_of(self.facts, trade) if trade is not None else None
        if first is None or first is trade:
            return
        if self.world.has_slept(0, LATE_SECONDS):
            return  # planned before everything stood still, and written only now
        known = self.facts.decided.get((first.leader, first.ref))
        if known is None or not any(decision.order for decision in event.decisions):
            return
        self.times += 1
        since = max(known, first.at)
        written = self.world.time.now() + self.world.counterparties.ahead
        waited = max((written - recorded.at).total_seconds(), 0.0)
        wrong = self.world.clock_error(since) + misjudged(self.world, since)
        least = (self.world.time.monotonic() - since) * (1 - SLEW) - wrong - waited
        if event.age_ms / MILLISECONDS + LATE_SECONDS < least:
            self.violated(f"{event.account}'s copy is {event.age_ms} ms old, of a trade {least:.1f} s old")

    def requested(self, party: "Party", request: TradeRequest) -> None:
        copy = self.facts.copies.get((party.name, request.magic))
        if not is_open(request) or request.order_type is not OrderType.MARKET or copy is None:
            return
        if request.side is not copy.side:
            return  # takes a copy off a net position
        trade = self.facts.trade_of(copy)
        if trade is None or copy.opens[0].cause:
            return
        self.times += 1
        first = first_of(self.facts, trade)
        age = self.world.time.monotonic() - first.at
        allowed = copy.rules.open_ttl_seconds + LATE_SECONDS + REPEATED_SECONDS
        allowed += self.world.clock_error(first.at)
        if first is not trade:
            allowed += misjudged(self.world, first.at)
        # Age is what both ends held it: what leader's request and follower's answer were on their way comes on top.
        slowest = self.world.network.slowest
        allowed += slowest.get(party.name, 0.0) + slowest.get(first.leader, 0.0)
        allowed += self.world.parties[first.leader].freshened(first.at)
        if age > allowed:
            self.violated(
                f"{party.name} opens copy {copy.magic} {age:.1f} s after its leader, {allowed:.0f} allowed"
            )


@invariant("closes_first")
class ClosesFirst(Invariant):
    """No answer carries an open while a close of that account is pending and was handed out by none."""

    def delivering(self, instance: "Instance", account: str, answer: dict[str, Any]) -> None:
        given = {event["sequence"] for event in (*answer["urgent"], *answer["events"])}
        opens = [e for e in (*answer["urgent"], *answer["events"]) if e["eventType"] == "trade.started"]
        if not opens:
            return
        self.times += 1
        known = self.facts.delivered.get(account, {})
        engine = instance.service.core.engine
        told = engine.committed  # what the storage has, but has not answered, nobody may show
        wanted = engine.state.accounts[account].outbox  # type: ignore[index]  # without what is being withdrawn
        for item in self.facts.shadow.accounts[account].outbox.values():  # type: ignore[index]
            if item.not_before is not None:
                continue  # of a copy whose own open waits for its time
            unsent = item.sequence not in given and item.sequence not in known
            if item.reduces and unsent and item.sequence <= told and item.sequence in wanted:
                self.violated(f"{account} is given opens while its close {item.sequence} waits unsent")


def may_have_left(facts: Facts, copy: CopyFacts, moment: float) -> bool:
    """Whether the copy's open was handed out by then. Whoever recovers does not know what was handed out before, and
    takes it for being in flight."""
    opens = copy.opens[0]
    delivered = facts.delivered.get(copy.account, {}).get(opens.sequence)
    if delivered is not None and delivered <= moment:
        return True
    return any(opens.at < at <= moment for at in facts.terms)


@invariant("halts_hold")
class HaltsHold(Invariant):
    """Once a halt is durable nothing it covers is planned, and nothing is opened that was not handed out before."""

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self._halts: dict[str, float] = {}

    def committed(self, recorded: Recorded, row: FenceRow) -> None:
        event = recorded.event
        match event:
            case TradingHalted():
                self._halts.setdefault(f"{event.scope}:{event.target}", self.world.time.monotonic())
            case TradingResumed():
                self._halts.pop(f"{event.scope}:{event.target}", None)
            case OperatorOrdered() if event.order.action is OrderAction.OPEN and self._halts:
                self.times += 1
                if {"platform:*", f"follower:{event.account}"} & self._halts.keys():
                    self.violated(f"an operator's open for {event.account} is taken under a halt")
            case CopyPlanned():
                for decision in event.decisions if self._halts else ():
                    halted = self._over(event.account, decision.subscription, decision.follower)
                    if halted is None:
                        continue
                    self.times += 1
                    order = decision.order
                    if decision.outcome is Outcome.PLANNED and order and order.action is OrderAction.OPEN:
                        self.violated(f"an open for {decision.follower} is planned under a halt")
            case _:
                pass

    def requested(self, party: "Party", request: TradeRequest) -> None:
        copy = self.facts.copies.get((party.name, request.magic))
        if not self._halts or not is_open(request) or copy is None or request.side is not copy.side:
            return
        halted = self._over(copy.leader, copy.decision.subscription, party.name)
        if halted is None:
            return
        self.times += 1
        if not may_have_left(self.facts, copy, halted):
            self.violated(f"{party.name} opens copy {copy.magic}, halted before it was handed out")

    def _over(self, leader: str, subscription: str, follower: str) -> float | None:
        known = self.facts.shadow.subscriptions.get(subscription)  # type: ignore[call-overload]
        keys = ["platform:*", f"leader:{leader}", f"follower:{follower}"]
        if known is not None:
            keys += [f"platform:{known.tenant}", f"group:{known.group}"]
        return min((self._halts[key] for key in keys if key in self._halts), default=None)


@invariant("gone_is_gone")
class GoneIsGone(Invariant):
    """A copy that looks at a book settle as closed is closed at its broker. (On a netting account no book tells.)"""

    def committed(self, recorded: Recorded, row: FenceRow) -> None:
        event = recorded.event
        if not isinstance(event, CopySettled) or event.status != "closed":
            return
        copy = self.facts.copy_of_id.get(event.copy_id)
        if copy is None or copy.account in self.facts.netting:
            return
        self.times += 1
        if copy.live:
            self.violated(
                f"{copy.account}'s copy {copy.magic} holds {copy.live}, and counts as {event.cause}"
            )

"""What a run sees of one follower beside its ledger: decisions, refusals, slippage, guards."""

from collections import Counter
from datetime import datetime
from typing import Protocol

import msgspec

from kopitra.domain.identifiers import CommandId
from kopitra.domain.orders import DealEntry, OrderType, Side
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.trading import AckStatus, Order, OrderAction, Signal
from kopitra.machine.events import CommandExpired, CopyDecision, CopyPlanned, Outcome, Recorded
from kopitra.machine.evolutions.leading import OPENING
from kopitra.machine.stop_events import GuardHit, GuardLifted
from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.whatif.hand import Told
from kopitra.simulation.whatif.orders import Outcome as Carried
from kopitra.simulation.whatif.result import HitPart, ReasonPart, RefusalPart
from kopitra.simulation.whatif.trades import Slip

FINE = frozenset({AckStatus.EXECUTED, AckStatus.ALREADY_CLOSED})
MEASURED = frozenset({OrderAction.OPEN, OrderAction.CLOSE, OrderAction.PARTIAL_CLOSE, OrderAction.OFFSET})
WITHDRAWN = "superseded"


class _Reason(msgspec.Struct):
    trades: int = 0
    events: int = 0
    example: str = ""


class Observations:
    """Of one follower. `specs` are its broker's, by name."""

    def __init__(self, broker: SimulatedBroker, specs: dict[str, SymbolSpec]) -> None:
        self._broker = broker
        self._specs = specs
        self._reasons: dict[str, _Reason] = {}
        self._refusals: Counter[tuple[str, str, str]] = Counter()
        self._asked: dict[CommandId, Signal] = {}
        self.slips: list[Slip] = []
        self.hits: list[HitPart] = []
        self._standing: dict[tuple[str, str], int] = {}
        """Where the hits that stand are in `hits`, by whose guard it is and its name."""
        self.copied = 0
        self.skipped = 0

    def decided(self, decision: CopyDecision, signal: Signal) -> None:
        order = decision.order
        if order is not None:
            self.copied += signal.action in OPENING
            if signal.price is not None and order.action in MEASURED:
                self._asked[order.command_id] = signal
        elif decision.outcome is not Outcome.UNCHANGED:
            self._not_copied(decision, signal)

    def dealt(self, told: Told) -> None:
        """A fill that a leader's market deal asked for is held against the leader's price."""
        signal = self._asked.get(told.command) if told.command is not None else None
        if signal is None or signal.price is None:
            return
        deal = told.deal
        if deal.entry is DealEntry.IN and signal.order_type is not OrderType.MARKET:
            return  # its price was the order's, not the market's of that moment
        worse = deal.price - signal.price if deal.side is Side.BUY else signal.price - deal.price
        spec = self._specs[deal.symbol]
        value = worse * deal.volume * spec.contract_size
        cost = self._broker.converted(-value, spec.profit_currency)
        self.slips.append(Slip(deal.symbol, worse / spec.point, -cost if cost is not None else value))

    def answered(self, order: Order, outcome: Carried) -> None:
        if outcome.status not in FINE:
            self._refusals[str(outcome.status), outcome.reason or "", str(order.action)] += 1

    def expired(self) -> None:
        """An open that was too old before it could be sent."""
        self._refusals[str(AckStatus.EXPIRED), "ttl", str(OrderAction.OPEN)] += 1

    def guard_hit(self, event: GuardHit, at: datetime) -> None:
        self._standing[event.scope, event.guard.name] = len(self.hits)
        self.hits.append(
            HitPart(
                at=at,
                guard=event.guard.name,
                scope=str(event.scope),
                action=str(event.guard.action),
                measured=event.measured,
                limit=event.limit,
                currency=event.currency,
            )
        )

    def guard_lifted(self, event: GuardLifted, at: datetime) -> None:
        place = self._standing.pop((event.scope, event.name), None)
        if place is not None:
            self.hits[place] = msgspec.structs.replace(self.hits[place], lifted_at=at)

    def skips(self) -> tuple[ReasonPart, ...]:
        """The most frequent first."""
        parts = [
            ReasonPart(reason=name, trades=found.trades, events=found.events, example=found.example)
            for name, found in self._reasons.items()
        ]
        return tuple(sorted(parts, key=lambda part: (-part.trades, -part.events, part.reason)))

    def refusals(self) -> tuple[RefusalPart, ...]:
        parts = [
            RefusalPart(status=status, reason=reason, action=action, count=count)
            for (status, reason, action), count in self._refusals.items()
        ]
        return tuple(sorted(parts, key=lambda part: (-part.count, part.reason, part.action)))

    def _not_copied(self, decision: CopyDecision, signal: Signal) -> None:
        name = str(decision.reason or WITHDRAWN)
        found = self._reasons.setdefault(name, _Reason())
        if signal.action in OPENING:
            found.trades += 1
            self.skipped += 1
        else:
            found.events += 1
        found.example = found.example or str(decision.detail or "")


class Witness(Protocol):
    """Whoever wants to see more of a run than its result."""

    def recorded(self, recorded: Recorded) -> None:
        """The core recorded an event."""
        ...

    def dealt(self, follower: str, told: Told) -> None:
        """A follower's broker dealt."""
        ...


class Nobody:
    def recorded(self, recorded: Recorded) -> None:
        pass

    def dealt(self, follower: str, told: Told) -> None:
        pass


class Watch:
    """Hands what the core records to those whom it concerns."""

    def __init__(self, witness: Witness) -> None:
        self._of: dict[str, Observations] = {}
        self._witness = witness

    def add(self, follower: str, observations: Observations) -> None:
        self._of[follower] = observations

    def take(self, recorded: Recorded) -> None:
        self._witness.recorded(recorded)
        event = recorded.event
        if isinstance(event, CopyPlanned):
            for decision in event.decisions:
                self._of[decision.follower].decided(decision, event.signal)
        elif isinstance(event, CommandExpired):
            self._of[event.account].expired()
        elif isinstance(event, GuardHit):
            for name in self._of if event.account is None else (event.account,):
                self._of[name].guard_hit(event, recorded.at)
        elif isinstance(event, GuardLifted):
            for name in self._of if event.summed else event.accounts:
                self._of[name].guard_lifted(event, recorded.at)

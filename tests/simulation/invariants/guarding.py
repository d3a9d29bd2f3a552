"""What guards may and may not do."""

from datetime import datetime
from typing import TYPE_CHECKING

from kopitra.application.fencing import FenceRow
from kopitra.domain.guards import GuardKind
from kopitra.domain.orders import DealEntry
from kopitra.domain.trading import OrderAction
from kopitra.machine.events import (
    BalanceChanged,
    CopyPlanned,
    GuardHit,
    GuardLifted,
    GuardMarked,
    Outcome,
    Recorded,
)
from kopitra.simulation.broker.records import Deal, DealKind
from tests.simulation.invariants.registry import Invariant, invariant

if TYPE_CHECKING:
    from tests.simulation.stage.accounts import Party
    from tests.simulation.stage.world import World

FALLS = frozenset({GuardKind.LOSS, GuardKind.TRAILING_DRAWDOWN})
HALF = 0.5
"""Figures are on their way for a while: what a guard sees and what the broker has are never quite the same."""


@invariant("guards_hold")
class GuardsHold(Invariant):
    """No open is planned beyond a limit of open positions, nor for an account over which a guard stands."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self._standing: dict[str, set[str]] = {}

    def committed(self, recorded: Recorded, row: FenceRow) -> None:
        event = recorded.event
        match event:
            case GuardHit() if event.account is not None:
                self._standing.setdefault(event.account, set()).add(event.guard.name)
            case GuardLifted():
                for account in event.accounts:
                    self._standing.get(account, set()).discard(event.name)
            case CopyPlanned():
                self._planned(event)
            case _:
                pass

    def _planned(self, event: CopyPlanned) -> None:
        for decision in event.decisions:
            order = decision.order
            if (
                decision.outcome is not Outcome.PLANNED
                or order is None
                or order.action is not OrderAction.OPEN
            ):
                continue
            standing = self._standing.get(decision.follower)
            if standing:
                self.times += 1
                self.violated(f"an open for {decision.follower} is planned, though {sorted(standing)} stand")
            layer = self.facts.shadow.layers.get(f"follower:{decision.follower}")
            for guard in layer.guards if layer is not None else ():
                if guard.kind is GuardKind.OPEN_POSITIONS:
                    self.times += 1
                    book = self.facts.shadow.accounts[decision.follower].following
                    live = sum(copy.live for copy in book.copies.values())
                    if live + 1 > guard.limit:
                        self.violated(
                            f"{decision.follower} is to open one more than {live}, {guard.limit} allowed"
                        )


@invariant("guard_hits_are_true")
class GuardHitsAreTrue(Invariant):
    """A loss that a guard sees is one that trades made: the broker's ledger shows it without what was paid out."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self._lost: dict[str, float] = {}
        self._marked: dict[str, datetime] = {}
        self._overtaken: set[str] = set()
        """Accounts with money paid out before a mark that was made of older figures: it does not move with that."""

    def dealt(self, party: "Party", deal: Deal) -> None:
        if not party.role.leads and deal.kind == DealKind.TRADE and deal.entry is not DealEntry.IN:
            self._lost[party.name] = self._lost.get(party.name, 0.0) + max(-float(deal.amount), 0.0)

    def committed(self, recorded: Recorded, row: FenceRow) -> None:
        event = recorded.event
        if isinstance(event, GuardMarked) and event.marks:
            self._marked[event.account] = max(kept.mark.at for kept in event.marks)
        if isinstance(event, BalanceChanged):
            marked = self._marked.get(event.account)
            if marked is not None and event.operation.executed_at <= marked:
                self._overtaken.add(event.account)
        if not isinstance(event, GuardHit) or event.account is None or event.guard.kind not in FALLS:
            return
        if event.account in self._overtaken:
            return
        self.times += 1
        lost = self._lost.get(event.account, 0.0) + abs(float(self.world.parties[event.account].floating))
        if lost < float(event.limit) * HALF:
            self.violated(
                f"{event.account}'s guard {event.guard.name} sees {event.measured} lost, its trades lost {lost:.2f}"
            )

    def finish(self) -> None:
        """That a guard was not hit is looked at too."""
        self.times += len(self.world.guards)

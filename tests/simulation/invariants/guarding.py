"""What guards may and may not do."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kopitra.application.fencing import FenceRow
from kopitra.domain.guards import GuardAction, GuardKind
from kopitra.domain.trading import OrderAction
from kopitra.machine.events import (
    CopyAdded,
    CopyDecision,
    CopyPlanned,
    OperatorOrdered,
    Outcome,
    Recorded,
)
from kopitra_agent.ports.terminal import TradeRequest
from tests.simulation.invariants.execution import is_open, may_have_left
from tests.simulation.invariants.registry import Invariant, invariant
from tests.simulation.invariants.standing import Hold, Standing
from tests.simulation.stage.facts import CopyFacts

if TYPE_CHECKING:
    from tests.simulation.stage.accounts import Party
    from tests.simulation.stage.world import World


class OfStandingGuards(Invariant):
    """Knows what stands."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.standing = Standing()

    def committed(self, recorded: Recorded, row: FenceRow) -> None:
        self.standing.note(recorded.event, self.world.time.monotonic())

    def over(self, copy: CopyFacts) -> list[Hold]:
        return list(self.standing.over(self.facts, copy.account, copy.decision.subscription))


@invariant("guards_hold")
class GuardsHold(OfStandingGuards):
    """No open is planned beyond a limit of open positions, nor planned or handed out where a guard stands."""

    def committed(self, recorded: Recorded, row: FenceRow) -> None:
        super().committed(recorded, row)
        event = recorded.event
        match event:
            case CopyPlanned():
                for decision in event.decisions:
                    self._planned(decision)
            case CopyAdded():
                self._planned(event.decision)
            case OperatorOrdered() if event.order.action is OrderAction.OPEN:
                self.times += 1
                for hold in self.standing.over_account(event.account):
                    self.violated(
                        f"an operator's open for {event.account} is taken, though {hold.name} stands"
                    )
            case _:
                pass

    def _planned(self, decision: CopyDecision) -> None:
        order = decision.order
        if decision.outcome is not Outcome.PLANNED or order is None or order.action is not OrderAction.OPEN:
            return
        for hold in self.standing.over(self.facts, decision.follower, decision.subscription):
            self.times += 1
            self.violated(f"an open for {decision.follower} is planned, though {hold.name} stands")
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

    def requested(self, party: "Party", request: TradeRequest) -> None:
        copy = self.facts.copies.get((party.name, request.magic))
        if not is_open(request) or copy is None or request.side is not copy.side:
            return
        for hold in self.over(copy):
            self.times += 1
            if not may_have_left(self.facts, copy, hold.at):
                self.violated(
                    f"{party.name} opens copy {copy.magic}, {hold.name} was hit before it was handed out"
                )


@invariant("guards_stop")
class GuardsStop(OfStandingGuards):
    """In the end nothing is left of what the guards that stand are to have stopped, whenever that came up."""

    def unsettled(self) -> Iterator[str]:
        for copy in self.facts.copies.values():
            if copy.copy_id in self.facts.released:
                continue
            actions = {hold.action for hold in self.over(copy)}
            if actions & {GuardAction.CLOSE_ONLY, GuardAction.FLATTEN}:
                self.times += 1
                yield from self._resting(copy)
            if GuardAction.FLATTEN in actions:
                yield from self._held(copy)

    def _resting(self, copy: CopyFacts) -> Iterator[str]:
        if any(order.magic == copy.magic for order in self.world.parties[copy.account].orders):
            yield f"{copy.account}'s order of copy {copy.magic} rests under a guard that was hit"

    def _held(self, copy: CopyFacts) -> Iterator[str]:
        known = self.facts.shadow.accounts[copy.account].following.copies.get(copy.copy_id)  # type: ignore[index,arg-type]
        if copy.live > 0 and known is not None and known.live:
            yield f"{copy.account}'s copy {copy.magic} is open under a guard that was to close it"

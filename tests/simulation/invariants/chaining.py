"""What is copied on of a leader's own copies, and what is an echo."""

from kopitra.application.fencing import FenceRow
from kopitra.domain.trading import OrderAction
from kopitra.machine.events import CopyPlanned, Recorded, SignalIgnored
from tests.simulation.invariants.registry import Invariant, invariant
from tests.simulation.stage.chains import copied_by, relays


@invariant("chains_are_declared")
class ChainsAreDeclared(Invariant):
    """A leader's copy is copied on by the groups that say so and no others, and is no echo as long as one does; what an
    operator opens at a leader's account always is one."""

    def committed(self, recorded: Recorded, row: FenceRow) -> None:
        event = recorded.event
        if isinstance(event, SignalIgnored) and event.reason == "echo":
            self._ignored(event)
        elif isinstance(event, CopyPlanned) and not event.healed:
            self._planned(event)

    def _ignored(self, event: SignalIgnored) -> None:
        self.times += 1
        magic = event.signal.magic
        if self.facts.operated.opened(event.account, magic):
            return
        if copied_by(self.facts, event.account, magic) is None:
            self.violated(f"{event.account}'s own trade {event.signal.position_ref} is taken for an echo")
        known = self.facts.shadow.accounts[event.account].following.by_magic
        if magic in known and relays(self.facts, event.account):
            self.violated(f"{event.account}'s copy {magic} is an echo, though a group copies it on")

    def _planned(self, event: CopyPlanned) -> None:
        if self.facts.operated.opened(event.account, event.signal.magic):
            self.times += 1
            self.violated(f"{event.account}'s trade {event.signal.position_ref} of an operator is copied on")
        if copied_by(self.facts, event.account, event.signal.magic) is None:
            return
        for decision in event.decisions:
            if decision.order is None or decision.order.action is not OrderAction.OPEN:
                continue
            self.times += 1
            shadow = self.facts.shadow
            group = shadow.groups[shadow.subscriptions[decision.subscription].group]
            if not group.copies_of_copies:
                self.violated(f"{decision.follower} is to copy {event.account}'s copy {event.signal.magic}")

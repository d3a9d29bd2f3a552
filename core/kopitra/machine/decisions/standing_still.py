"""What has to be ordered so that copies stop: opens that nobody fetched are withdrawn, those of which nobody knows
whether they were are recalled, the rest is closed."""

from collections.abc import Iterable, Iterator

import msgspec

from kopitra.domain.identifiers import CopyId
from kopitra.machine.decisions.acks import corrective
from kopitra.machine.decisions.continuing import closing_action, is_resting
from kopitra.machine.decisions.handed_out import may_be_recalled, unsent
from kopitra.machine.decisions.netting import NetOrders
from kopitra.machine.events import AnyEvent, CommandExpired, FlattenOrder, Recall, Withdrawal
from kopitra.machine.outcome import Context
from kopitra.machine.state import Copy, State

MOST_ORDERS = 4_000
MOST_WITHDRAWALS = 12_000
"""Of one decision, recalled and released copies among the latter: some 2 MiB together, where a commit takes 3. What
is more follows with the next ticks."""


class Stopped(msgspec.Struct, frozen=True):
    withdrawn: tuple[Withdrawal, ...] = ()
    orders: tuple[FlattenOrder, ...] = ()
    recalled: tuple[Recall, ...] = ()

    @property
    def is_nothing(self) -> bool:
        return not (self.withdrawn or self.orders or self.recalled)


class Sweep:
    """All that one decision stops: however many reasons there are for it, a copy is stopped once.

    `remaining` counts copies that the decision had no room for; `done` holds whatever else must happen only once.
    """

    def __init__(self, state: State, context: Context) -> None:
        self.state = state
        self.context = context
        self.taken: set[CopyId] = set()
        self.done: set[str] = set()
        self.remaining = 0
        self._net = NetOrders(state)
        self._orders = self._withdrawals = 0

    def leave(self, events: Iterable[AnyEvent]) -> None:
        """Copies that the decision has given an order or an end already are left for the next one."""
        for event in events:
            self.taken.update(_copies_in(self.state, event))

    def stop(self, copies: Iterable[Copy], *, positions: bool, resting: bool = True) -> Stopped:
        """`resting`: orders that wait at a broker are cancelled; `positions`: what is open is closed."""
        withdrawn: list[Withdrawal] = []
        orders: list[FlattenOrder] = []
        recalled: list[Recall] = []
        for copy in copies:
            if not copy.live or copy.copy_id in self.taken:
                continue
            if unsent(self.state, copy, self.context):
                if self._has_room(copy, withdrawal=True):
                    withdrawn.append(Withdrawal(copy.follower, copy.opens, copy.copy_id))
                continue
            wanted = positions or (resting and is_resting(copy) and not _gives_way(copy))
            if copy.closing:
                continue
            if not wanted:
                if may_be_recalled(self.state, copy, self.context) and self._has_room(copy, withdrawal=True):
                    recalled.append(Recall(copy.follower, copy.opens))
            elif self._has_room(copy, withdrawal=False):
                order = corrective(self.state, copy, closing_action(copy), net=self._net)
                orders.append(FlattenOrder(copy.follower, order))
        return Stopped(tuple(withdrawn), tuple(orders), tuple(recalled))

    def release(self, copy: Copy) -> bool:
        """Whether there is room to leave this copy to its follower."""
        return self._has_room(copy, withdrawal=True)

    def _has_room(self, copy: Copy, *, withdrawal: bool) -> bool:
        if self._withdrawals >= MOST_WITHDRAWALS if withdrawal else self._orders >= MOST_ORDERS:
            self.remaining += 1
            return False
        self.taken.add(copy.copy_id)
        self._withdrawals += withdrawal
        self._orders += not withdrawal
        return True


def _gives_way(copy: Copy) -> bool:
    """It is being taken away already, because its leader's pending order was filled first."""
    return copy.yields is not None and copy.yields in copy.outstanding


def _copies_in(state: State, event: AnyEvent) -> Iterator[CopyId]:
    """Those that an event names, or orders something for."""
    if isinstance(event, CommandExpired):
        found: Iterable[object] = (state.accounts[event.account].following.by_command.get(event.command),)
    else:
        parts = (event, *(getattr(event, name, None) for name in ("order", "decision")))
        found = (getattr(part, "copy_id", None) for part in (*parts, *getattr(event, "copies", ())))
    for copy_id in found:
        if isinstance(copy_id, str):
            yield CopyId(copy_id)

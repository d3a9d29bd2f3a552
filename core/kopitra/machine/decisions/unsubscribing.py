"""What becomes of open copies when a subscription, its group, its leader's place there or its follower is not enabled
any more: each goes by its own subscription's `unsubscribe`.

Publishing the same again does the same again, so a policy that was changed meanwhile can still be applied. Of more
copies than one event has room for the rest follows with the next ticks, by what is in force then; publishing the
subscription, group or follower as enabled again ends that.
"""

from collections.abc import Iterable, Iterator

from kopitra.domain.identifiers import AccountId, GroupId, SubscriptionId
from kopitra.domain.rules import Unsubscribe
from kopitra.machine.decisions.standing_still import Sweep
from kopitra.machine.events import (
    AnyEvent,
    CopiesUnsubscribed,
    FlattenOrder,
    Recall,
    Release,
    UnsubscribedBy,
    Withdrawal,
)
from kopitra.machine.indexes import members_of
from kopitra.machine.outcome import Context
from kopitra.machine.state import Copy, State, Subscription

Leaving = Iterable[tuple[Copy, Unsubscribe]]


def copies_of(state: State, subscription: Subscription, policy: Unsubscribe | None = None) -> Leaving:
    """A subscription's live copies, with its policy or the given one."""
    follower = state.accounts.get(subscription.follower)
    if follower is None:
        return
    for copy in follower.following.copies.values():
        if copy.subscription == subscription.subscription and copy.live:
            yield copy, policy or subscription.rules.unsubscribe


def copies_of_group(
    state: State, members: Iterable[Subscription], leaders: tuple[AccountId, ...], enabled: bool
) -> Leaving:
    """What leaves a group that has these leaders: everything, where it is not enabled."""
    for member in members:
        for copy, policy in copies_of(state, member):
            if not enabled or copy.leader not in leaders:
                yield copy, policy


def copies_of_follower(state: State, follower: AccountId) -> Leaving:
    for subscription in state.of_follower.get(follower, ()):
        yield from copies_of(state, state.subscriptions[subscription])


def unsubscribed(
    state: State, scope: UnsubscribedBy, target: str, leaving: Leaving, context: Context
) -> tuple[AnyEvent, ...]:
    """The event that ends or releases these copies; none where there is nothing to do. An open that nobody has
    fetched is withdrawn whatever the policy: nothing new is opened."""
    departure = _Departure(Sweep(state, context))
    departure.take(leaving)
    return () if departure.is_nothing else (departure.event(scope, target),)


def still_leaving(sweep: Sweep) -> Iterator[AnyEvent]:
    """What former unsubscriptions had no room for."""
    for key in sweep.state.leaving:
        name, _, target = key.partition(":")
        scope = UnsubscribedBy(name)
        departure = _Departure(sweep)
        departure.take(_leaving(sweep.state, scope, target))
        if not (departure.is_nothing and departure.remaining):
            yield departure.event(scope, target)


def _leaving(state: State, scope: UnsubscribedBy, target: str) -> Leaving:
    match scope:
        case UnsubscribedBy.SUBSCRIPTION:
            return copies_of(state, state.subscriptions[SubscriptionId(target)])
        case UnsubscribedBy.GROUP:
            group = state.groups[GroupId(target)]
            return copies_of_group(state, members_of(state, group), group.leaders, group.enabled)
        case UnsubscribedBy.FOLLOWER:
            return copies_of_follower(state, AccountId(target))


class _Departure:
    """One event's share of what leaves."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._withdrawn: list[Withdrawal] = []
        self._orders: list[FlattenOrder] = []
        self._recalled: list[Recall] = []
        self._released: list[Release] = []
        self.remaining = False

    @property
    def is_nothing(self) -> bool:
        return not (self._withdrawn or self._orders or self._recalled or self._released)

    def take(self, leaving: Leaving) -> None:
        for copy, policy in leaving:
            if not self._goes(copy, policy):
                self.remaining = True

    def _goes(self, copy: Copy, policy: Unsubscribe) -> bool:
        """Whether the copy needs no further look: not where there is no room, or where another event of this decision
        has it already."""
        if copy.copy_id in self._sweep.taken:
            return False
        waiting = self._sweep.remaining
        stopped = self._sweep.stop((copy,), positions=policy is Unsubscribe.CLOSE_NOW, resting=False)
        self._withdrawn.extend(stopped.withdrawn)
        self._orders.extend(stopped.orders)
        self._recalled.extend(stopped.recalled)
        if self._sweep.remaining > waiting:
            return False
        if policy is Unsubscribe.KEEP and not (copy.closing or stopped.withdrawn):
            if not self._sweep.release(copy):
                return False
            self._released.append(Release(copy.follower, copy.copy_id))
        return True

    def event(self, scope: UnsubscribedBy, target: str) -> CopiesUnsubscribed:
        return CopiesUnsubscribed(
            scope=scope,
            target=target,
            withdrawn=tuple(self._withdrawn),
            orders=tuple(self._orders),
            recalled=tuple(self._recalled),
            released=tuple(self._released),
            remaining=self.remaining,
        )

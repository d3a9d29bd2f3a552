"""What becomes of open copies when a subscription, its group, its leader's place there or its follower is not enabled
any more: each goes by its own subscription's `unsubscribe`.

Publishing the same again does the same again, so a policy that was changed meanwhile can still be applied.
"""

from collections.abc import Iterable

from kopitra.domain.rules import Unsubscribe
from kopitra.machine.decisions.standing_still import Sweep
from kopitra.machine.events import (
    AnyEvent,
    CopiesUnsubscribed,
    FlattenOrder,
    Release,
    UnsubscribedBy,
    Withdrawal,
)
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


def unsubscribed(
    state: State, scope: UnsubscribedBy, target: str, leaving: Leaving, context: Context
) -> tuple[AnyEvent, ...]:
    """The event that ends or releases these copies; none where there is nothing to do. An open that nobody has
    fetched is withdrawn whatever the policy: nothing new is opened. Of more copies than one decision has room for the
    rest stays as it is until the same is published again."""
    sweep = Sweep(state, context)
    withdrawn: list[Withdrawal] = []
    orders: list[FlattenOrder] = []
    released: list[Release] = []
    for copy, policy in leaving:
        waiting = sweep.remaining
        stopped = sweep.stop((copy,), positions=policy is Unsubscribe.CLOSE_NOW, resting=False)
        withdrawn.extend(stopped.withdrawn)
        orders.extend(stopped.orders)
        settled = copy.closing or not stopped.is_nothing or sweep.remaining > waiting
        if policy is Unsubscribe.KEEP and not settled:
            released.append(Release(copy.follower, copy.copy_id))
    if not (withdrawn or orders or released):
        return ()
    event = CopiesUnsubscribed(
        scope=scope,
        target=target,
        withdrawn=tuple(withdrawn),
        orders=tuple(orders),
        released=tuple(released),
    )
    return (event,)

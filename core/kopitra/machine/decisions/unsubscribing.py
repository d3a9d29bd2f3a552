"""What becomes of open copies when a subscription, its group, its leader's place there or its follower is not enabled
any more: each goes by its own subscription's `unsubscribe`.

Publishing the same again does the same again, so a policy that was changed meanwhile can still be applied.
"""

from collections.abc import Iterable

from kopitra.domain.rules import Unsubscribe
from kopitra.machine.decisions.acks import corrective
from kopitra.machine.decisions.continuing import closing_action
from kopitra.machine.decisions.standing_still import unsent
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
    fetched is withdrawn whatever the policy: nothing new is opened."""
    withdrawn: list[Withdrawal] = []
    orders: list[FlattenOrder] = []
    released: list[Release] = []
    for copy, policy in leaving:
        if unsent(state, copy, context):
            withdrawn.append(Withdrawal(copy.follower, copy.opens, copy.copy_id))
        elif copy.closing:
            continue
        elif policy is Unsubscribe.CLOSE_NOW:
            orders.append(FlattenOrder(copy.follower, corrective(state, copy, closing_action(copy))))
        elif policy is Unsubscribe.KEEP:
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

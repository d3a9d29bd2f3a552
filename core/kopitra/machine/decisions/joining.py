"""Late joiners: what a subscription does with trades that its leaders had open before it began."""

from collections.abc import Iterator

from kopitra.domain.rules import LateJoin
from kopitra.machine.decisions.identity import MagicNumbers
from kopitra.machine.decisions.present import NotNow, Present, has_arrived, open_now
from kopitra.machine.events import CopyAdded, CopyCorrected, OpenCause, ProposalKind
from kopitra.machine.evolutions.correcting import former_copy
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, LeaderPosition, State, Subscription


def join_late(state: State, account: Account, context: Context) -> list[CopyCorrected | CopyAdded]:
    """The next of its leaders' trades that this follower joins; one at a time, so that guards see the one before.

    A trade is decided about once, except that `sync_at_loss` waits for its price, and whatever is not ready is waited
    for."""
    if not has_arrived(account):
        return []
    for present in late(state, account):
        at_loss = present.subscription.rules.late_join is LateJoin.SYNC_AT_LOSS
        joined = open_now(state, present, OpenCause.LATE_JOIN, MagicNumbers(), context, at_loss=at_loss)
        if not isinstance(joined, NotNow):
            return joined
    return []


def is_waiting(state: State, account: Account) -> bool:
    """Whether there is a trade to join or to open again as soon as something allows it."""
    if any(doubt.startswith(ProposalKind.REOPEN) for doubt in account.following.doubts):
        return True
    return has_arrived(account) and next(late(state, account), None) is not None


def late(state: State, account: Account) -> Iterator[Present]:
    """Trades that were open before their subscription, and that it has not decided about."""
    for identifier in state.by_follower.get(account.account, ()):
        subscription = state.subscriptions[identifier]
        if subscription.rules.late_join is LateJoin.NEW_ONLY:
            continue
        group = state.groups[subscription.group]
        for name in group.leaders:
            leader = state.accounts.get(name)
            for position in leader.leading.positions.values() if leader is not None else ():
                if leader is None or position.pending or (position.depth and not group.copies_of_copies):
                    continue
                for leg in position.legs:
                    if _is_late(state, account, subscription, leader, position, leg):
                        yield Present(subscription, leader, position, leg)


def _is_late(
    state: State,
    account: Account,
    subscription: Subscription,
    leader: Account,
    position: LeaderPosition,
    leg: int,
) -> bool:
    begun = state.groups[subscription.group].since.get(leader.account)
    since = max((at for at in (subscription.since, begun) if at is not None), default=None)
    opened_at = (
        position.legs[leg].at if leg else position.opened_at
    )  # an order counts from when it was placed
    if since is None or opened_at >= since:
        return False
    if (subscription.subscription, leg) in position.joined:
        return False
    return former_copy(account.following, subscription.subscription, position, leg) is None

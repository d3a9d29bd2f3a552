"""Indexes of the state: kept up to date with every event, and made anew when a snapshot is loaded."""

from bisect import bisect_left
from typing import TypeVar

from kopitra.domain.identifiers import AccountId, SubscriptionId
from kopitra.domain.settings import rules_of
from kopitra.machine.layers import layers_of
from kopitra.machine.state import Account, Group, State, Subscription

Owner = TypeVar("Owner", bound=str)
Index = dict[Owner, tuple[SubscriptionId, ...]]


def index_subscription(state: State, subscription: Subscription) -> None:
    """Enter it under its group and its follower, and, as long as it and the group are enabled, among what is copied."""
    group = state.groups[subscription.group]
    _enter(state.by_group, group.group, subscription.subscription)
    _enter(state.of_follower, subscription.follower, subscription.subscription)
    if subscription.enabled and group.enabled:
        _enter(state.by_follower, subscription.follower, subscription.subscription)
        for leader in group.leaders:
            _enter(state.by_leader, leader, subscription.subscription)


def forget_subscription(state: State, subscription: Subscription) -> None:
    """Take it out of every index; what it and its group were when they were entered must still be in the state."""
    group = state.groups[subscription.group]
    _remove(state.by_group, group.group, subscription.subscription)
    _remove(state.of_follower, subscription.follower, subscription.subscription)
    _remove(state.by_follower, subscription.follower, subscription.subscription)
    for leader in group.leaders:
        _remove(state.by_leader, leader, subscription.subscription)


def index_code(state: State, account: Account) -> None:
    if account.enrolment_code_hash is not None:
        state.codes[account.enrolment_code_hash] = account.account


def forget_code(state: State, account: Account) -> None:
    if account.enrolment_code_hash is not None:
        state.codes.pop(account.enrolment_code_hash, None)


def members_of(state: State, group: Group) -> list[Subscription]:
    return [state.subscriptions[subscription] for subscription in state.by_group.get(group.group, ())]


def is_copying(state: State, subscription: SubscriptionId, leader: AccountId) -> bool:
    """Whether this subscription opens copies of this leader's trades: it, its group and its follower are enabled."""
    entries = state.by_leader.get(leader, ())
    at = bisect_left(entries, subscription)
    if at == len(entries) or entries[at] != subscription:
        return False
    return state.accounts[state.subscriptions[subscription].follower].enabled


def rebuild(state: State) -> None:
    """All indexes, from what they index."""
    state.by_leader, state.by_follower, state.codes = {}, {}, {}
    state.by_group, state.of_follower = {}, {}
    for identifier in sorted(state.subscriptions):  # ascending: each entry then goes to the end of its index
        subscription = state.subscriptions[identifier]
        subscription.rules = rules_of(layers_of(state, subscription))
        index_subscription(state, subscription)
    for account in state.accounts.values():
        index_code(state, account)
        index_outbox(account)


def index_outbox(account: Account) -> None:
    account.queue = list(account.outbox)
    account.urgent = [item.sequence for item in account.outbox.values() if item.reduces]


def _enter(index: "Index[Owner]", owner: Owner, subscription: SubscriptionId) -> None:
    entries = index.get(owner, ())
    at = bisect_left(entries, subscription)
    if at == len(entries) or entries[at] != subscription:
        index[owner] = (*entries[:at], subscription, *entries[at:])


def _remove(index: "Index[Owner]", owner: Owner, subscription: SubscriptionId) -> None:
    entries = index.get(owner, ())
    at = bisect_left(entries, subscription)
    if at < len(entries) and entries[at] == subscription:
        index[owner] = (*entries[:at], *entries[at + 1 :])
        if not index[owner]:
            del index[owner]

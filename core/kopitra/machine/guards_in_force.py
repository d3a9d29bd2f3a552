"""Which guards watch an account and a copy relation: the one place that knows where guards are set."""

from collections.abc import Iterator

import msgspec

from kopitra.domain.guards import Guard
from kopitra.domain.identifiers import AccountId, GroupId, TenantId
from kopitra.domain.settings import SettingsScope
from kopitra.machine.layers import layer_key
from kopitra.machine.state import Account, Copy, State, Subscription


class Placed(msgspec.Struct, frozen=True, gc=False):
    """A guard and the layer it is set in; `target` is the tenant's, group's or follower's id, and `key` what marks and
    hits are kept under."""

    scope: SettingsScope
    target: str
    guard: Guard
    key: str


def guard_key(scope: SettingsScope, target: str, name: str) -> str:
    return f"{scope}:{target}:{name}"


class GuardsOver:
    """Those that an open of a copy relation must pass, narrowest first; layers that many share are read once."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._shared: dict[tuple[SettingsScope, str], tuple[Placed, ...]] = {}

    def of(self, subscription: Subscription) -> tuple[Placed, ...]:
        if not self._state.layers:
            return ()
        return (
            *guards_in(self._state, SettingsScope.FOLLOWER, subscription.follower),
            *self._read_once(SettingsScope.GROUP, subscription.group),
            *self._read_once(SettingsScope.PLATFORM, subscription.tenant),
        )

    def _read_once(self, scope: SettingsScope, target: str) -> tuple[Placed, ...]:
        found = self._shared.get((scope, target))
        if found is None:
            found = self._shared[scope, target] = tuple(guards_in(self._state, scope, target))
        return found


def guards_of(state: State, account: Account) -> Iterator[Placed]:
    """Those that an account's figures concern: its own, its groups' and, if it follows anyone, its platform's."""
    if not state.layers:
        return
    yield from guards_in(state, SettingsScope.FOLLOWER, account.account)
    follows = state.of_follower.get(account.account, ())
    for group in sorted({state.subscriptions[subscription].group for subscription in follows}):
        yield from guards_in(state, SettingsScope.GROUP, group)
    if follows:
        yield from guards_in(state, SettingsScope.PLATFORM, account.tenant)


def members(state: State, scope: SettingsScope, target: str) -> list[AccountId]:
    """The accounts that a guard over a sum adds up, in the order of their ids: all that follow in its group, or in its
    tenant's platform."""
    if scope is SettingsScope.FOLLOWER:
        return [AccountId(target)]
    found = {s.follower for s in _following(state, scope, target) if s.enabled or _holds_copies(state, s)}
    return sorted(found & state.accounts.keys())


def leavers(state: State, placed: Placed, counted: list[AccountId]) -> list[AccountId]:
    """Who unsubscribed lately, so that the sum's highest result still has theirs in it."""
    if placed.scope is SettingsScope.FOLLOWER:
        return []
    gone = {s.follower for s in _following(state, placed.scope, placed.target) if not s.enabled}
    known = gone.difference(counted) & state.accounts.keys()
    return sorted(a for a in known if placed.key in state.accounts[a].guard_marks)


def is_summed(state: State, placed: Placed, account: Account) -> bool:
    """Whether a guard over a sum adds this account up."""
    if placed.scope is SettingsScope.FOLLOWER:
        return placed.target == account.account
    follows = (state.subscriptions[s] for s in state.of_follower.get(account.account, ()))
    return any(
        (placed.scope is SettingsScope.PLATFORM or s.group == placed.target)
        and (s.enabled or _holds_copies(state, s))
        for s in follows
    )


def _following(state: State, scope: SettingsScope, target: str) -> Iterator[Subscription]:
    if scope is SettingsScope.GROUP:
        return (state.subscriptions[s] for s in state.by_group.get(GroupId(target), ()))
    return (s for s in state.subscriptions.values() if s.tenant == target)


def covers(state: State, scope: SettingsScope, target: str, copy: Copy) -> bool:
    """Whether a guard of this layer concerns this copy."""
    match scope:
        case SettingsScope.FOLLOWER:
            return copy.follower == target
        case SettingsScope.GROUP:
            subscription = state.subscriptions.get(copy.subscription)
            return subscription is not None and subscription.group == target
        case SettingsScope.PLATFORM:
            return state.accounts[copy.follower].tenant == TenantId(target)


def _holds_copies(state: State, subscription: Subscription) -> bool:
    account = state.accounts.get(subscription.follower)
    if account is None:
        return False
    copies = account.following.copies.values()
    return any(copy.live and copy.subscription == subscription.subscription for copy in copies)


def guards_in(state: State, scope: SettingsScope, target: str) -> Iterator[Placed]:
    """Those that one layer sets."""
    layer = state.layers.get(layer_key(scope, target))
    if layer is not None:
        for guard in layer.guards:
            yield Placed(scope, target, guard, guard_key(scope, target, guard.name))

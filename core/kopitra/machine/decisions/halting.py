"""What keeps a follower from opening a leader's trade: an operator's halt, or a guard that was hit."""

from kopitra.domain.identifiers import AccountId
from kopitra.domain.settings import SettingsScope
from kopitra.machine.events import HaltScope
from kopitra.machine.evolutions.control import halt_key
from kopitra.machine.state import GuardHold, State, Subscription

EVERYWHERE = "*"
"""The platform's own target; a tenant's halt of the platform level has the tenant's id instead."""
BY_GUARD = "guard:"
"""What the keys of guards' halts begin with."""


def halt_over(state: State, leader: AccountId, subscription: Subscription) -> str | None:
    """The key of the first halt that covers this copy relation, widest first; then the first guard's."""
    if state.halts:
        for key in (
            halt_key(HaltScope.PLATFORM, EVERYWHERE),
            halt_key(HaltScope.PLATFORM, subscription.tenant),
            halt_key(HaltScope.GROUP, subscription.group),
            halt_key(HaltScope.LEADER, leader),
            halt_key(HaltScope.FOLLOWER, subscription.follower),
        ):
            if key in state.halts:
                return key
    follower = state.accounts.get(subscription.follower)
    if follower is None or not (follower.guard_holds or state.guard_holds):
        return None
    for holds in (state.guard_holds, follower.guard_holds):
        for key, hold in holds.items():
            if _concerns(hold, subscription):
                return BY_GUARD + key
    return None


def halts_account(state: State, account: AccountId) -> str | None:
    """The key of a halt, or of a guard's, that covers everything this account does."""
    return _first_halt(state, account, ()) or _first_hold(state, account, "")


def halted_beside(state: State, account: AccountId, lifted: str) -> bool:
    """Whether something else stops the account once this halt or guard (by its key) is lifted."""
    halt = _first_halt(state, account, (lifted,))
    return halt is not None or _first_hold(state, account, lifted) is not None


def _first_halt(state: State, account: AccountId, without: tuple[str, ...]) -> str | None:
    if not state.halts:
        return None
    tenant = state.accounts[account].tenant
    for key in (
        halt_key(HaltScope.PLATFORM, EVERYWHERE),
        halt_key(HaltScope.PLATFORM, tenant),
        halt_key(HaltScope.FOLLOWER, account),
    ):
        if key in state.halts and key not in without:
            return key
    return None


def _first_hold(state: State, account: AccountId, without: str) -> str | None:
    known = state.accounts[account]
    for key, hold in known.guard_holds.items():
        if key != without and hold.scope is not SettingsScope.GROUP:
            return BY_GUARD + key
    for key, hold in state.guard_holds.items():
        if key != without and hold.scope is SettingsScope.PLATFORM and hold.target == known.tenant:
            return BY_GUARD + key
    return None


def _concerns(hold: GuardHold, subscription: Subscription) -> bool:
    match hold.scope:
        case SettingsScope.PLATFORM:
            return hold.target == subscription.tenant
        case SettingsScope.GROUP:
            return hold.target == subscription.group
        case SettingsScope.FOLLOWER:
            return hold.target == subscription.follower

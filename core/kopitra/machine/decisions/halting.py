"""Which halt, if any, keeps a follower from opening a leader's trade."""

from kopitra.domain.identifiers import AccountId
from kopitra.machine.events import HaltScope
from kopitra.machine.evolutions.control import halt_key
from kopitra.machine.state import State, Subscription

EVERYWHERE = "*"
"""The platform's own target; a tenant's halt of the platform level has the tenant's id instead."""


def halt_over(state: State, leader: AccountId, subscription: Subscription) -> str | None:
    """The key of the first halt that covers this copy relation, widest first."""
    if not state.halts:
        return None
    for key in (
        halt_key(HaltScope.PLATFORM, EVERYWHERE),
        halt_key(HaltScope.PLATFORM, subscription.tenant),
        halt_key(HaltScope.GROUP, subscription.group),
        halt_key(HaltScope.LEADER, leader),
        halt_key(HaltScope.FOLLOWER, subscription.follower),
    ):
        if key in state.halts:
            return key
    return None


def halts_account(state: State, account: AccountId) -> str | None:
    """The key of a halt that covers everything this account does."""
    tenant = state.accounts[account].tenant
    for key in (
        halt_key(HaltScope.PLATFORM, EVERYWHERE),
        halt_key(HaltScope.PLATFORM, tenant),
        halt_key(HaltScope.FOLLOWER, account),
    ):
        if key in state.halts:
            return key
    return None

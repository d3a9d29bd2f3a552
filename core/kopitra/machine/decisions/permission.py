"""Whether a subscription may get one more open of its leader's, whatever asks for it."""

from kopitra.domain.identifiers import AccountId
from kopitra.machine.decisions.halting import halt_over
from kopitra.machine.decisions.hearing import leader_is_silent
from kopitra.machine.indexes import is_copying
from kopitra.machine.outcome import Context
from kopitra.machine.state import State, Subscription


def may_open(state: State, leader: AccountId, subscription: Subscription, context: Context) -> bool:
    """For what was planned before and is ordered now: everything is still enabled, nothing is halted, the leader is
    heard of, and the subscription trades for real. Filters were passed when it was planned."""
    known = state.accounts.get(leader)
    if known is None or not known.enabled or not is_copying(state, subscription.subscription, leader):
        return False
    if subscription.rules.sandbox or halt_over(state, leader, subscription) is not None:
        return False
    return not leader_is_silent(state, leader, subscription, context)

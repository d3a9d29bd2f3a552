"""Whether a leader that was silent is heard of again."""

from kopitra.domain.identifiers import AccountId
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, State, Subscription


def leader_is_silent(state: State, leader: AccountId, subscription: Subscription, context: Context) -> bool:
    """Whether opens of this leader are held back; one that has just come back is heard at once."""
    account = state.accounts.get(leader)
    if account is None or subscription.subscription not in account.silences:
        return False
    return not is_heard(account, context)


def is_heard(account: Account, context: Context) -> bool:
    """A call since the silence began. What a new process assumes of the time before it began is no call."""
    contact = context.readings.contacts.get(account.account)
    began = context.readings.began_at
    if contact is None or contact == began:
        return False
    return all(contact > silence.since for silence in account.silences.values())

"""Whether a command can have reached its EA."""

from kopitra.domain.identifiers import AccountId, CommandId
from kopitra.machine.outcome import Context
from kopitra.machine.readings import CLOCKS_APART
from kopitra.machine.state import Copy, State


def is_here(state: State, account: AccountId, command: CommandId, context: Context) -> bool:
    """Whether a pending command is still here: no answer has carried it. Of what an earlier process had in its outbox
    only a delayed command is, as long as its time has not come by a clock that was right."""
    owner = state.accounts[account]
    sequence = owner.commands.get(command)
    if sequence is None or owner.outbox[sequence].recalled:
        return False
    if not context.readings.may_have_left(account, command, sequence):
        return True
    item = owner.outbox[sequence]
    not_before = item.not_before if not context.readings.misdated(sequence, item.at) else None
    delivered = command in context.readings.delivered.get(account, ())
    return not delivered and not_before is not None and not_before - context.now > CLOCKS_APART


def unsent(state: State, copy: Copy, context: Context) -> bool:
    """Whether the copy's open is still here: it can be withdrawn, and nobody need know of it."""
    return is_here(state, copy.follower, copy.opens, context)


def may_be_recalled(state: State, copy: Copy, context: Context) -> bool:
    """Whether only an earlier process can have handed out the copy's open, which could still be executed. Its EA has
    it or has not; either way nothing is lost if nobody hands it out again (docs/decisions/0151)."""
    owner = state.accounts[copy.follower]
    sequence = owner.commands.get(copy.opens)
    if sequence is None or copy.opens in context.readings.delivered.get(copy.follower, ()):
        return False
    item = owner.outbox[sequence]
    return not item.recalled and item.expires_at is not None and item.expires_at > context.now

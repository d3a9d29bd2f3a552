"""What the passing of time alone brings about."""

from collections.abc import Iterator
from datetime import timedelta

from kopitra.domain.trading import OrderAction
from kopitra.machine.commands import Tick
from kopitra.machine.decisions.enforcing import kept_up
from kopitra.machine.decisions.guard_hits import over_by_now
from kopitra.machine.decisions.guard_watch import may_have_changed, watch
from kopitra.machine.decisions.looking_again import late_corrections
from kopitra.machine.decisions.redriving import due_again
from kopitra.machine.decisions.sessions import expired_sessions
from kopitra.machine.decisions.silence import silences
from kopitra.machine.decisions.standing_still import Sweep
from kopitra.machine.events import AnyEvent, CommandExpired, SilenceChanged
from kopitra.machine.outcome import Context, Decision, Result
from kopitra.machine.state import Account, State

SILENT_AFTER = timedelta(seconds=60)
"""Without a valid call for this long an account with a session counts as silent."""


def tick(state: State, command: Tick, context: Context) -> Result:
    """Expire unfetched opens and leases, drive refused closes again, notice silence; usually nothing."""
    events: list[AnyEvent] = list(expired_sessions(state, context))
    for account in state.accounts.values():
        stale = list(_stale_opens(account, context))
        events.extend(stale)
        events.extend(due_again(state, account, context))
        events.extend(_silence(account, context))
        events.extend(late_corrections(state, account, context, opens=not stale))
    sweep = Sweep(state, context)
    sweep.leave(events)
    events.extend(over_by_now(state, context))
    if state.layers:
        for account in state.accounts.values():
            if may_have_changed(account, state, context):
                events.extend(watch(account, sweep))
    events.extend(silences(sweep))
    events.extend(kept_up(sweep))
    return Decision(tuple(events), {"remaining": sweep.remaining})


def _stale_opens(account: Account, context: Context) -> Iterator[AnyEvent]:
    """Opens that no answer has carried: whatever may have left is the EA's to refuse."""
    for item in account.outbox.values():
        if item.expires_at is None or item.expires_at > context.now:
            continue
        order = item.order
        if order is None or order.action is not OrderAction.OPEN:
            continue
        if not context.readings.may_have_left(account.account, order.command_id, item.sequence):
            yield CommandExpired(account=account.account, command=order.command_id)


def _silence(account: Account, context: Context) -> Iterator[AnyEvent]:
    contact = context.readings.contacts.get(account.account)
    if contact is None:
        return
    silent = context.now - contact > SILENT_AFTER and account.session is not None
    if silent != account.silent:
        yield SilenceChanged(account=account.account, silent=silent)

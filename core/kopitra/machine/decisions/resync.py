"""Ask an EA for its whole book."""

from kopitra.domain.outbox_types import OutboxType
from kopitra.machine.commands import RequestResync
from kopitra.machine.decisions.revisions import stale
from kopitra.machine.events import ResyncRequested
from kopitra.machine.outcome import Context, Decision, Result
from kopitra.machine.state import State


def request_resync(state: State, command: RequestResync, context: Context) -> Result:
    """One request is enough until the EA has taken it: an EA that polls with a foreign cursor asks each time."""
    account = state.accounts[command.account]
    outdated = stale(account, command.revision)
    if outdated is not None:
        return outdated
    if command.revision == 0 and any(
        item.event_type == OutboxType.RESYNC_REQUESTED for item in account.outbox.values()
    ):
        return Decision((), {"status": "pending"})
    event = ResyncRequested(
        account=command.account,
        reason=command.reason,
        subject=command.subject,
        revision=command.revision,
    )
    return Decision((event,), {"status": "requested"})

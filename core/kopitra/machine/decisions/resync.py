"""Ask an EA for its whole book."""

from collections.abc import Iterator

from kopitra.domain.outbox_types import OutboxType
from kopitra.machine.commands import RequestResync
from kopitra.machine.decisions.revisions import stale
from kopitra.machine.events import ResyncRequested
from kopitra.machine.outcome import Context, Decision, Result
from kopitra.machine.state import Account, State


def request_resync(state: State, command: RequestResync, context: Context) -> Result:
    """One request is enough until the EA has taken it: an EA that polls with a foreign cursor asks each time."""
    account = state.accounts[command.account]
    outdated = stale(account, command.revision)
    if outdated is not None:
        return outdated
    if command.revision == 0 and is_asked(account):
        return Decision((), {"status": "pending"})
    event = ResyncRequested(
        account=command.account,
        reason=command.reason,
        subject=command.subject,
        revision=command.revision,
    )
    return Decision((event,), {"status": "requested"})


def is_asked(account: Account) -> bool:
    """Whether a request waits for its EA."""
    return any(item.event_type == OutboxType.RESYNC_REQUESTED for item in account.outbox.values())


def look_at_book(account: Account, reason: str) -> Iterator[ResyncRequested]:
    """Ask for the book of an account whose copies are not what they should be, though it may look as it did."""
    if not is_asked(account):
        yield ResyncRequested(account=account.account, reason=reason)

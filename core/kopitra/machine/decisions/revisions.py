"""Publications and operators' commands come by a queue that may deliver them twice: a revision applies once."""

from kopitra.machine.events import StaleIgnored
from kopitra.machine.outcome import Decision
from kopitra.machine.state import Account

APPLIED = {"status": "applied"}


def overtaken(scope: str, revision: int, current: int) -> Decision:
    """A publication that is not above the one in force is recorded and changes nothing."""
    event = StaleIgnored(scope=scope, revision=revision, current=current)
    return Decision((event,), {"status": "stale", "revision": current})


def stale(account: Account, revision: int) -> Decision | None:
    """What to decide of a command that was overtaken or has been applied before; None where it is new. Revision 0
    means that the command came without one, by the management plane."""
    if revision == 0 or revision > account.control_revision:
        return None
    return overtaken(f"control:{account.account}", revision, account.control_revision)

"""Operators' commands for one account come by a queue that may deliver them twice: a revision applies once."""

from kopitra.machine.events import StaleIgnored
from kopitra.machine.outcome import Decision
from kopitra.machine.state import Account


def stale(account: Account, revision: int) -> Decision | None:
    """What to decide of a command that was overtaken or has been applied before; None where it is new. Revision 0
    means that the command came without one, by the management plane."""
    if revision == 0 or revision > account.control_revision:
        return None
    event = StaleIgnored(
        scope=f"control:{account.account}", revision=revision, current=account.control_revision
    )
    return Decision((event,), {"status": "stale", "revision": account.control_revision})

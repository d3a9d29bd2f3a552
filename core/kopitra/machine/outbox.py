"""What of an account's outbox is to be sent; each answer costs what it returns."""

from bisect import bisect_right

from kopitra.machine.state import Account, OutboxItem


def pending_after(account: Account, cursor: int, limit: int) -> list[OutboxItem]:
    """At most `limit` pending items above the cursor, ascending."""
    at = bisect_right(account.queue, cursor)
    return [account.outbox[sequence] for sequence in account.queue[at : at + limit]]


def count_after(account: Account, cursor: int) -> int:
    """How many items are pending above the cursor."""
    return len(account.queue) - bisect_right(account.queue, cursor)


def urgent_after(account: Account, cursor: int) -> list[OutboxItem]:
    """Pending closes, cancels and halts above the cursor, ascending."""
    at = bisect_right(account.urgent, cursor)
    return [account.outbox[sequence] for sequence in account.urgent[at:]]


def resume_cursor(account: Account, head: int) -> int:
    """The cursor from which nothing pending is missed: just below the oldest pending item, else the journal's head."""
    return account.queue[0] - 1 if account.queue else head

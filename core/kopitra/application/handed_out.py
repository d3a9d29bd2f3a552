"""What of an account's outbox was handed to its EA, and when: so that the unacknowledged is sent again.

Pending items lie on one of two sides of a watermark: those above it have never been handed out and go by the client's
cursor; those at or below it stand in one queue in the order in which they were last sent, oldest first. So finding
what is due again looks at what it returns and at nothing else. Items whose time has not come yet stand in a heap by
that time, wherever the cursor is by then, and join the head of the queue when it comes.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime
from heapq import heappop, heappush

from kopitra.machine.state import Account, OutboxItem

DueFrom = Callable[[OutboxItem], datetime | None]
"""Before which time nobody is given an item; None: at any time."""

AT_ONCE = float("-inf")
SLACK = 64
"""Retired entries that may stay before the queue is swept: sweeping less often than every 64 costs nothing per item."""


def as_recorded(item: OutboxItem) -> datetime | None:
    return item.due_from


class HandedOut:
    """One account's sent items. Times are seconds of a monotonic clock."""

    __slots__ = ("_delayed", "_due_from", "_sent", "_waiting", "_watermark")

    def __init__(
        self, recovered: Iterable[OutboxItem] = (), watermark: int = 0, due_from: DueFrom = as_recorded
    ) -> None:
        """`recovered`: pending items up to `watermark` that an earlier process may have sent: due at once, or when
        they may be."""
        items = list(recovered)
        self._due_from = due_from
        self._sent: OrderedDict[int, float] = OrderedDict.fromkeys(
            (item.sequence for item in items if due_from(item) is None), AT_ONCE
        )
        self._delayed: list[tuple[datetime, int]] = []
        self._waiting: set[int] = set()
        """The sequences in `_delayed`."""
        self._watermark = watermark
        self.delay(items)

    def skip_to(self, account: Account, cursor: int, now: float) -> None:
        """The client says it has everything up to `cursor`; what it has not acknowledged is due again later."""
        if cursor <= self._watermark:
            return
        passed = slice(bisect_right(account.queue, self._watermark), bisect_right(account.queue, cursor))
        for sequence in account.queue[passed]:
            if sequence not in self._waiting:
                self._sent.setdefault(sequence, now)
        self._watermark = cursor

    def delay(self, items: Iterable[OutboxItem]) -> None:
        """These were met, and not sent because their time has not come."""
        for item in items:
            due = self._due_from(item)
            if due is not None and item.sequence not in self._waiting:
                self._waiting.add(item.sequence)
                heappush(self._delayed, (due, item.sequence))

    def release(self, account: Account, now: datetime) -> None:
        """What was delayed until now or earlier is due at once, in the order in which it was planned."""
        come: list[int] = []
        while self._delayed and self._delayed[0][0] <= now:
            sequence = heappop(self._delayed)[1]
            self._waiting.discard(sequence)
            if sequence in account.outbox:
                come.append(sequence)
        for sequence in sorted(come, reverse=True):
            self._sent[sequence] = AT_ONCE
            self._sent.move_to_end(sequence, last=False)

    def next_release(self, account: Account) -> datetime | None:
        """When the next delayed item's time comes."""
        while self._delayed and self._delayed[0][1] not in account.outbox:
            self._waiting.discard(heappop(self._delayed)[1])
        return self._delayed[0][0] if self._delayed else None

    def due(self, account: Account, before: float, limit: int, now: datetime) -> list[OutboxItem]:
        """At most `limit` items that were last sent at or before `before`, in the order of sending; what has been
        recalled since it was sent is delayed."""
        found: list[OutboxItem] = []
        recalled: list[OutboxItem] = []
        gone: list[int] = []
        for sequence, sent in self._sent.items():
            if sent > before or len(found) == limit:
                break
            item = account.outbox.get(sequence)
            if item is None:
                gone.append(sequence)
            elif (due := self._due_from(item)) is not None and due > now:
                gone.append(sequence)
                recalled.append(item)
            else:
                found.append(item)
        for sequence in gone:
            del self._sent[sequence]
        self.delay(recalled)
        return found

    def note_sent(self, items: Iterable[OutboxItem], now: float) -> None:
        for item in items:
            self._sent[item.sequence] = now
            self._sent.move_to_end(item.sequence)

    def all_due(self) -> None:
        """Whatever was held back (or sent) is due at once."""
        for sequence in self._sent:
            self._sent[sequence] = AT_ONCE

    def oldest(self, account: Account) -> float | None:
        """When the item that has waited longest was last sent."""
        while self._sent:
            sequence, sent = next(iter(self._sent.items()))
            if sequence in account.outbox:
                return sent
            del self._sent[sequence]
        return None

    def sweep(self, account: Account) -> None:
        """Forget retired items, once they outnumber the pending ones."""
        if len(self._sent) > 2 * len(account.outbox) + SLACK:
            self._sent = OrderedDict(
                (sequence, sent) for sequence, sent in self._sent.items() if sequence in account.outbox
            )

"""Which pending items one poll gets: by its cursor, what is due again, and all that is urgent where there is more."""

from datetime import datetime
from typing import Protocol

import msgspec

from kopitra.application.handed_out import HandedOut
from kopitra.domain.identifiers import AccountId, JournalId
from kopitra.domain.outbox_types import SESSION_TYPES
from kopitra.machine.outbox import pending_after, resume_cursor, urgent_after
from kopitra.machine.readings import Readings
from kopitra.machine.state import Account, OutboxItem, State

CURSOR_BEYOND_HEAD = "cursor_beyond_head"
FOREIGN_JOURNAL = "foreign_journal"


class Source(Protocol):
    """Where items come from: the engine's committed view."""

    @property
    def state(self) -> State: ...
    @property
    def readings(self) -> Readings: ...
    @property
    def committed(self) -> int:
        """Items above this sequence are not durable yet, and nobody may see them."""
        ...


class Ask(msgspec.Struct, frozen=True):
    """One poll."""

    account: AccountId
    cursor: int
    limit: int
    approved: bool = True
    """A session that waits for approval gets its session events only."""
    journal_id: JournalId | None = None


class Page(msgspec.Struct, frozen=True):
    """`cursor` is what to ask with next; `resync` says why the asked cursor was ignored."""

    cursor: int
    events: list[OutboxItem]
    urgent: list[OutboxItem]
    resync: str | None = None
    more: bool = False
    delayed: tuple[OutboxItem, ...] = ()
    """Met on the way, and left for later: the cursor passes them, and they come when their time does."""

    @property
    def has_news(self) -> bool:
        return bool(self.events or self.urgent or self.resync)


def start_of(source: Source, ask: Ask, account: Account) -> tuple[int, str | None]:
    """The cursor to go by, and why it is not the one that was asked with."""
    head = source.committed
    if ask.journal_id is not None and ask.journal_id != source.state.journal_id:
        return resume_from(account, head), FOREIGN_JOURNAL
    if ask.cursor > head:
        return resume_from(account, head), CURSOR_BEYOND_HEAD
    return ask.cursor, None


def resume_from(account: Account, head: int) -> int:
    """The cursor from which nothing pending is missed, as far as the journal is durable."""
    return min(resume_cursor(account, head), head)


class Pages:
    """Chooses, and marks nothing."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def choose(
        self, ask: Ask, account: Account, handed: HandedOut, cursor: int, sent_before: float, now: datetime
    ) -> Page:
        """`sent_before`: what was last sent by then (on the monotonic clock) is due again."""
        asked = cursor
        again = self._due(ask, account, handed, sent_before, now) if ask.approved else []
        delayed: list[OutboxItem] = []
        above, more = self._above(ask, account, cursor, now, delayed)
        chosen = {item.sequence: item for item in again}
        for item in above:
            if len(chosen) == ask.limit and item.sequence not in chosen:
                more = True
                break
            chosen[item.sequence] = item
            # Never beyond what was not sent yet, however high a redelivered item stands.
            cursor = item.sequence
        else:
            # Nothing else is there: an EA whose snapshots are to count must know that it has everything.
            seen = self._source.committed if ask.approved and not more else cursor
            cursor = max(cursor, seen, delayed[-1].sequence) if delayed else max(cursor, seen)
        events = sorted(chosen.values(), key=_sequence) if again else above
        urgent = self._urgent(account, asked, now) if more and ask.approved else []
        return Page(cursor, events, urgent, more=more, delayed=tuple(delayed))

    def _due(
        self, ask: Ask, account: Account, handed: HandedOut, sent_before: float, now: datetime
    ) -> list[OutboxItem]:
        due = handed.due(account, sent_before, ask.limit, now)
        return [item for item in due if self._is_deliverable(ask, item, now)]

    def _above(
        self, ask: Ask, account: Account, cursor: int, now: datetime, delayed: list[OutboxItem]
    ) -> tuple[list[OutboxItem], bool]:
        """Visible items above the cursor, ascending, and whether there are more than the limit; notes delayed ones."""
        head = self._source.committed
        found: list[OutboxItem] = []
        while True:
            batch = pending_after(account, cursor, ask.limit + 1)
            for item in batch:
                if item.sequence > head:
                    return found, False
                if not self._is_deliverable(ask, item, now):
                    if ask.approved and self._is_delayed(item, now):
                        delayed.append(item)
                    continue
                if len(found) == ask.limit:
                    return found, True
                found.append(item)
            if len(batch) <= ask.limit:
                return found, False
            cursor = batch[-1].sequence

    def _is_deliverable(self, ask: Ask, item: OutboxItem, now: datetime) -> bool:
        if not ask.approved:
            return item.event_type in SESSION_TYPES
        if self._is_delayed(item, now):
            return False
        if item.expires_at is None or item.expires_at > now or item.order is None:
            return True
        # Stale, and the next tick expires it, unless an earlier answer may have carried it: then the EA must say.
        return self._source.readings.may_have_left(ask.account, item.order.command_id, item.sequence)

    def _urgent(self, account: Account, cursor: int, now: datetime) -> list[OutboxItem]:
        head, urgent = self._source.committed, urgent_after(account, cursor)
        return [item for item in urgent if item.sequence <= head and not self._is_delayed(item, now)]

    def _is_delayed(self, item: OutboxItem, now: datetime) -> bool:
        """Whether its time to be handed out has not come."""
        due = due_from(item, self._source.readings)
        return due is not None and due > now


def due_from(item: OutboxItem, readings: Readings) -> datetime | None:
    """Before which time nobody is given this item; None: at any time. What is misdated goes out at once: an open with
    no time left, so that its EA says what became of it."""
    return None if readings.misdated(item.sequence, item.at) else item.due_from


def fresh_until(item: OutboxItem, readings: Readings) -> datetime | None:
    """Until when an open may be executed; None for everything else."""
    misdated = item.expires_at is not None and readings.misdated(item.sequence, item.at)
    return readings.began_at if misdated else item.expires_at


def _sequence(item: OutboxItem) -> int:
    return item.sequence

"""Pages of the journal for people: what changed, and what one account's EA said."""

from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime

import msgspec

from kopitra.application.ports.journal import Journal
from kopitra.machine import events as happened
from kopitra.machine.events import Event, Recorded

SCAN_AT_MOST = 20_000
"""Events read for one page: a page of a rare kind may be short, and its cursor goes on from where it stopped."""

SAID_BY_EAS: dict[type[Event], str] = {
    happened.InboxRecorded: "",
    happened.CommandAcknowledged: "OutboxAck",
    happened.ItemAcknowledged: "OutboxAck",
    happened.ExecutionRecorded: "ea.execution_notice",
    happened.SnapshotSeen: "ea.position_snapshot",
    happened.CatalogKept: "ea.symbol_catalog",
    happened.BalanceChanged: "ea.balance_operation",
}
"""Events that stand for inbox messages, and the type under which their EA sent them."""


class Page(msgspec.Struct, frozen=True):
    """`cursor` is what to ask with next; `more` is false at the journal's end."""

    items: tuple[Recorded, ...]
    cursor: int
    more: bool


async def page_of(
    journal: Journal,
    decode: Callable[[bytes], Recorded],
    after: int,
    limit: int,
    wanted: Callable[[Recorded], bool],
) -> Page:
    """At most `limit` wanted events behind a cursor, oldest first."""
    items: list[Recorded] = []
    cursor, scanned = after, 0
    async with aclosing(journal.read(after)) as commits:
        async for commit in commits:
            for frame in commit:
                if len(items) >= limit or scanned >= SCAN_AT_MOST:
                    return Page(tuple(items), cursor, more=True)
                recorded = decode(frame.data)
                cursor, scanned = frame.last, scanned + 1
                if wanted(recorded):
                    items.append(recorded)
    return Page(tuple(items), cursor, more=False)


def inbox_type(recorded: Recorded) -> str | None:
    """The inbox type that an event stands for; None for an event of another origin."""
    event = recorded.event
    if isinstance(event, happened.InboxRecorded):
        return event.event_type
    return SAID_BY_EAS.get(type(event))


def said_by(
    account: str, event_type: str | None, after: datetime | None, before: datetime | None
) -> Callable[[Recorded], bool]:
    """Picks what one account's EA sent, of one type, within a time."""

    def wanted(recorded: Recorded) -> bool:
        if getattr(recorded.event, "account", None) != account:
            return False
        kind = inbox_type(recorded)
        if kind is None or (event_type is not None and kind != event_type):
            return False
        return (after is None or recorded.at > after) and (before is None or recorded.at < before)

    return wanted

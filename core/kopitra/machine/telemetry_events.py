"""What EAs and consumers told, and what they were asked for."""

from datetime import datetime

from kopitra.domain.identifiers import (
    AccountId,
    CopyId,
    EventId,
    PositionRef,
    SessionId,
)
from kopitra.domain.orders import MarginMode
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.telemetry import BalanceOperation
from kopitra.machine.event import Event


class InboxRecorded(Event, tag="inbox.recorded", frozen=True):
    """A durable inbox event as it came; `payload` is its JSON."""

    account: AccountId
    event_type: str
    payload: bytes
    event_id: EventId | None = None
    occurred_at: datetime | None = None


class CatalogKept(Event, tag="catalog.kept", frozen=True):
    account: AccountId
    digest: str
    symbols: tuple[SymbolSpec, ...]


class SnapshotSeen(Event, tag="snapshot.seen", frozen=True):
    """A position snapshot that was not reconciled, or that changed what is suspected of being gone."""

    account: AccountId
    digest: str
    valid: bool
    reason: str | None = None
    missing: tuple[str, ...] = ()
    """What a leader's snapshot lacks: a ref, or `ref|volume` for a smaller position."""
    extra: tuple[PositionRef, ...] = ()
    missing_copies: tuple[CopyId, ...] = ()
    extra_tickets: tuple[int, ...] = ()
    """Positions that carry a copy's magic number though no live copy owns them."""
    agreed_nets: tuple[str, ...] = ()
    """Symbols of a netting account whose net position is as it should be, whatever others have traded there."""
    positions: int = 0
    doubts: tuple[str, ...] = ()
    """What else of the follower's book is not as it should be (`machine.decisions.doubts`)."""
    session: SessionId | None = None
    """In which session the book was seen."""
    ended_releases: tuple[int, ...] = ()
    """Magic numbers of copies left to the follower that nothing in the book carries any more."""


class BookOwnerKnown(Event, tag="book.owner", frozen=True):
    """The login and server whose book this account's snapshots show."""

    account: AccountId
    login: int
    server: str


class MarginModeKnown(Event, tag="account.mode", frozen=True):
    """The account turned out to be hedging or netting, other than was known."""

    account: AccountId
    mode: MarginMode


class BalanceChanged(Event, tag="balance.changed", frozen=True):
    account: AccountId
    operation: BalanceOperation


class SilenceChanged(Event, tag="account.silence", frozen=True):
    account: AccountId
    silent: bool


class ConsumerCheckpointed(Event, tag="consumer.checkpointed", frozen=True):
    consumer: str
    sequence: int


class ResyncRequested(Event, tag="resync.requested", frozen=True):
    account: AccountId
    reason: str
    subject: str | None = None
    revision: int = 0

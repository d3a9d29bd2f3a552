"""A follower's book: its copies, on paper or not, and what else lies in its net positions."""

# ruff: noqa: RUF012 - every struct gets its own copy of an empty default

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from kopitra.domain.identifiers import (
    AccountId,
    CommandId,
    CopyId,
    PositionRef,
    RunId,
    SessionId,
    SubscriptionId,
)
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.quantities import ZERO
from kopitra.machine.mutable import Mutable


class CopyStatus(StrEnum):
    PLANNED = "planned"
    """Its open is on the way."""
    PENDING = "pending"
    """A pending order rests at the follower's broker."""
    OPEN = "open"
    UNKNOWN = "unknown"
    """The EA cannot tell whether its open reached the broker."""
    CLOSED = "closed"
    RELEASED = "released"
    """Left to the follower when it unsubscribed: not managed any more, and no orphan either."""
    DROPPED = "dropped"
    """Never opened: refused, expired or superseded."""


LIVE = frozenset({CopyStatus.PLANNED, CopyStatus.PENDING, CopyStatus.OPEN, CopyStatus.UNKNOWN})


class Copy(Mutable):
    """One leader position as one subscription copies it; symbol, side and contract size are frozen at open."""

    copy_id: CopyId
    subscription: SubscriptionId
    follower: AccountId
    leader: AccountId
    position_ref: PositionRef
    generation: int
    symbol: str
    side: Side
    reverse: bool
    contract_size: Decimal
    magic: int
    comment: str
    order_type: OrderType
    opens: CommandId
    planned_volume: Decimal
    leg: int = 0
    """Which leg of the leader's position it copies."""
    status: CopyStatus = CopyStatus.PLANNED
    filled: Decimal = ZERO
    closed: Decimal = ZERO
    target: Decimal | None = None
    """What must remain, once a partial close asked for it."""
    ratio: tuple[Decimal, Decimal] | None = None
    """Its leg's (volume left, opened volume) after the leader's last partial close."""
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    price: Decimal | None = None
    reference_price: Decimal | None = None
    """The leader's when it opened: what the copy is valued at where its broker's quote is not known."""
    ticket: int | None = None
    position_id: int | None = None
    sandbox: bool = False
    """It exists on paper only."""
    yields: CommandId | None = None
    """The cancel that takes its pending order away although its leader's trade goes on."""
    replace_until: datetime | None = None
    """Until when, once that is done, an order at market may take its place."""
    closing: bool = False
    """A close is wanted and must be driven until it is done."""
    cause: str | None = None
    """Why it ended, why it is being closed, or why its fate is unknown."""
    run: RunId | None = None
    commands: list[CommandId] = []
    """All its commands, oldest first."""
    outstanding: list[CommandId] = []
    """Its commands that the EA has not ended yet, oldest first."""
    command_sequence: int = 0
    """Of its last command: a snapshot that had not applied it says nothing about the copy."""
    missed: Decimal = ZERO
    """Lots that the leader had closed before this copy was opened: no part of what its proportion is taken of."""
    found: Decimal = ZERO
    """Lots that a snapshot showed filled before any deal told of them."""
    taken: dict[CommandId, Decimal] = {}
    """Lots that offsets of unknown fate are known to have taken off by now, though no deal told of them."""
    lost: Decimal = ZERO
    """Lots that a snapshot showed closed before any deal told of them."""
    lost_commands: int = 0
    """How many commands it had by then: a deal of a later one is none of those that were not told."""
    rounds: int = 0
    """Corrections since its leader's last command."""
    withheld: str | None = None
    """Why it was not opened again when that was tried last."""
    sent_until: datetime | None = None
    """Until when its last open at market may leave its EA."""

    @property
    def live_volume(self) -> Decimal:
        return self.filled - self.closed

    @property
    def live(self) -> bool:
        return self.status in LIVE


FIRST_MAGIC = 1_260_000_000
"""Copies' magic numbers start here, far from those that other EAs of an account usually take."""
LAST_MAGIC = 2**31 - 1


class NetSymbol(Mutable):
    """What is known of a netting account's one position in a symbol beside the copies in it. Lots, long positive."""

    manual: Decimal = ZERO
    """Neither ours to close nor to count: what is left of the position without its copies."""
    foreign: Decimal = ZERO
    """Sum of the deals that nobody here ordered, reported since the books agreed last."""
    reason: str | None = None
    """Of the last of those deals, or of one among them that was not made by hand."""


class Released(msgspec.Struct, frozen=True, gc=False):
    """What was left to the follower: a copy, or (by its command) an operator's own open. A snapshot that was taken
    before the command of this `sequence` was applied does not know of it."""

    whose: CopyId | CommandId
    sequence: int


class FollowerBook(Mutable):
    copies: dict[CopyId, Copy] = {}
    """Live copies, and ended ones until the leader's position ends."""
    paper: dict[CopyId, Copy] = {}
    """Copies that exist in the books only (`evolutions.paper`), until the leader's position ends."""
    by_magic: dict[int, CopyId] = {}
    by_position: dict[int, CopyId] = {}
    by_command: dict[CommandId, CopyId] = {}
    deals: dict[str, int] = {}
    """Deal key → sequence of its first report."""
    next_magic: int = FIRST_MAGIC
    opens: list[datetime] = []
    """When its last opens were ordered, oldest first: an hour's, and no more than order rates can count."""
    missing: dict[CopyId, datetime] = {}
    extra: dict[int, datetime] = {}
    doubts: dict[str, datetime] = {}
    """What else is not as it should be, since when (`decisions.doubts`)."""
    seen_in: SessionId | None = None
    """The last session in which a valid snapshot showed this book."""
    released: dict[int, Released] = {}
    """By magic number, until deals or snapshots show that their positions have ended."""
    nets: dict[str, NetSymbol] = {}
    """By symbol; netting accounts only."""

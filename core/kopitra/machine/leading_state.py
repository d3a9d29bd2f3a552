"""A leader's book: what it has open, and what of its past must not be planned again."""

# ruff: noqa: RUF012 - every struct gets its own copy of an empty default

from datetime import datetime
from decimal import Decimal

from kopitra.domain.identifiers import AccountId, CopyId, PositionRef, RunId, SubscriptionId
from kopitra.domain.legs import Leg
from kopitra.domain.orders import OrderType, Side
from kopitra.machine.mutable import Mutable


class LeaderPosition(Mutable):
    """A leader's open position or resting order."""

    position_ref: PositionRef
    symbol: str
    side: Side
    order_type: OrderType
    opened: Decimal
    volume: Decimal
    run: RunId
    opened_at: datetime
    legs: dict[int, Leg] = {}
    """What `volume` consists of (domain/legs): several where a netting leader added to its position."""
    generation: int = 0
    """The last one that a leg or a copy of it got; none is given twice."""
    pending: bool = False
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    order_ref: PositionRef | None = None
    ordinal: int = 0
    stream_id: str = ""
    last_signal: str = ""
    sequence: int = 0
    """Of the last event that concerned it."""
    adopted: bool = False
    """Known from a snapshot only: nobody copied it."""
    depth: int = 0
    """How often the trade has been copied before it was this leader's."""
    age_ms: int = 0
    """How old the trade was when it was received: what copies of copies add to."""
    runs: set[RunId] = set()
    """Of all its intents so far: none of them plans again, whatever stream and order it comes back in."""
    copies: list[tuple[AccountId, CopyId]] = []
    paper: list[tuple[AccountId, CopyId]] = []
    """Copies of subscriptions in sandbox."""
    magic: int = 0
    joined: set[tuple[SubscriptionId, int]] = set()
    """Late joiners that were decided about, with the leg."""
    unopened: dict[SubscriptionId, datetime] = {}
    """Who would have a copy, had the open come in time, and since when: may be made up for on approval."""


class LeaderBook(Mutable):
    positions: dict[PositionRef, LeaderPosition] = {}
    aliases: dict[PositionRef, PositionRef] = {}
    """A filled pending order's ref → the ref under which its position is kept."""
    finished: dict[PositionRef, int] = {}
    """Refs that ended, with the sequence of their end: none of them ever plans again."""
    tombstones: set[PositionRef] = set()
    deals: set[str] = set()
    stream_id: str = ""
    ordinal: int = 0
    gaps: int = 0
    missing: dict[str, datetime] = {}
    """What valid snapshots lack (a ref, or `ref|volume` for a smaller one), since when."""
    extra: dict[PositionRef, datetime] = {}
    """Positions in snapshots that no signal announced, since when."""

"""Everything one simulated account is, as one serialisable value."""

from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.quantities import ZERO
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.broker.faults import FaultPlan
from kopitra.simulation.broker.profiles import AccountTerms, BrokerProfile
from kopitra.simulation.broker.records import Deal, PendingOrder, Position, TradeResult


class BrokerState(msgspec.Struct, kw_only=True):
    """Dictionaries keep the order of insertion, so that replaying the same operations gives the same bytes."""

    terms: AccountTerms
    profile: BrokerProfile
    symbols: dict[str, SymbolSpec]
    clock: datetime
    """The latest time that an operation brought; never goes back."""
    next_ticket: int
    next_deal: int
    balance: Decimal = ZERO
    credit: Decimal = ZERO
    autotrading: bool = True
    closed: tuple[str, ...] = ()
    """Symbols whose market is shut by hand; `*` shuts them all."""
    revision: int = 0
    """Grows with every change of a position, a pending order or the ledger."""
    requests: int = 0
    quotes: dict[str, Quote] = {}
    positions: dict[int, Position] = {}
    orders: dict[int, PendingOrder] = {}
    finished: list[PendingOrder] = []
    deals: list[Deal] = []
    faults: FaultPlan = msgspec.field(default_factory=FaultPlan)
    answers: dict[str, TradeResult] = {}
    """By key, what operations by hand were answered."""


def new_account(
    terms: AccountTerms, profile: BrokerProfile, symbols: tuple[SymbolSpec, ...], at: datetime
) -> BrokerState:
    """An empty account; the first deposit is an operation like any other."""
    return BrokerState(
        terms=terms,
        profile=profile,
        symbols={spec.symbol: spec for spec in symbols},
        clock=at,
        next_ticket=terms.first_ticket,
        next_deal=terms.first_deal,
    )


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(BrokerState)


def encode_state(state: BrokerState) -> bytes:
    return _encoder.encode(state)


def decode_state(data: bytes | bytearray | memoryview) -> BrokerState:
    """Raises `msgspec.MsgspecError` on bytes that are not a state."""
    return _decoder.decode(data)

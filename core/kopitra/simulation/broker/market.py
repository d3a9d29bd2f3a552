"""Prices and hours: what a quote means at this broker and whether its market trades."""

from datetime import datetime
from decimal import Decimal

from kopitra.domain.orders import Side
from kopitra.domain.quotes import Quote
from kopitra.simulation.broker.state import BrokerState

ALL_SYMBOLS = "*"


def listed_name(state: BrokerState, symbol: str) -> str | None:
    """The broker's own name of a symbol: as given, or with its suffix; None where it lists neither."""
    if symbol in state.symbols:
        return symbol
    suffixed = symbol + state.profile.suffix
    return suffixed if suffixed in state.symbols else None


def with_own_spread(state: BrokerState, name: str, quote: Quote) -> Quote:
    """The feed's quote as this broker shows it."""
    points = state.profile.spread_points
    ask = quote.ask if points is None else quote.bid + points * state.symbols[name].point
    return Quote(name, quote.bid, ask, quote.at)


def is_sound(quote: Quote) -> bool:
    """A feed's nonsense (no number, nothing, ask below bid) is not a price."""
    return quote.bid.is_finite() and quote.ask.is_finite() and 0 < quote.bid <= quote.ask


def is_open(state: BrokerState, symbol: str, at: datetime) -> bool:
    if ALL_SYMBOLS in state.closed or symbol in state.closed:
        return False
    sessions = state.profile.sessions
    return not sessions or any(session.holds(at) for session in sessions)


def entry_price(quote: Quote, side: Side) -> Decimal:
    """Who buys pays the ask."""
    return quote.ask if side is Side.BUY else quote.bid


def exit_price(quote: Quote, side: Side) -> Decimal:
    """What a position of this side closes at."""
    return entry_price(quote, side.opposite)

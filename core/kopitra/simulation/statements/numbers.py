"""Numbers as MetaTrader prints them: a dot for decimals, thousands apart by a space, a no-break space or a
comma."""

import re
from decimal import Decimal

from kopitra.domain.quantities import ZERO
from kopitra.simulation.statements.errors import StatementError

NUMBER_CHARACTERS = 24
"""More digits than any price, volume or amount has, and few enough that sums of them are exact in 28 digits."""
TICKET_DIGITS = 19
"""A ticket fits in 64 bits."""
SYMBOL_CHARACTERS = 60
"""The protocol's limit on a symbol's name."""

_PLAIN = re.compile(r"-?\d+(\.\d+)?")
_GROUPED = re.compile(r"-?[1-9]\d{0,2}(?P<mark>[ \u00a0\u202f,])\d{3}((?P=mark)\d{3})*(\.\d+)?")


def amount(text: str, line: int, name: str) -> Decimal:
    """Money, of either sign."""
    trimmed = text.strip()
    if len(trimmed) > NUMBER_CHARACTERS:
        raise StatementError(line, f"{name} is longer than {NUMBER_CHARACTERS} characters")
    if _PLAIN.fullmatch(trimmed):
        return Decimal(trimmed)
    if _GROUPED.fullmatch(trimmed):
        return Decimal(re.sub("[ \u00a0\u202f,]", "", trimmed))
    raise StatementError(line, f"{name} {text!r} is not a number")


def amount_or_zero(text: str, line: int, name: str) -> Decimal:
    """Money; a blank cell means none."""
    return amount(text, line, name) if text.strip() else ZERO


def price(text: str, line: int, name: str = "price") -> Decimal:
    """A price above zero."""
    value = _unambiguous(text, line, name)
    if value <= ZERO:
        raise StatementError(line, f"{name} {text!r} is not above zero")
    return value


def price_or_none(text: str, line: int, name: str) -> Decimal | None:
    """A stop or a market price; blank and zero mean there is none."""
    if not text.strip():
        return None
    value = _unambiguous(text, line, name)
    if value < ZERO:
        raise StatementError(line, f"{name} {text!r} is negative")
    return value or None


def volume(text: str, line: int) -> Decimal:
    """Lots, zero included: MetaTrader 4 prints 0.00 for a position that another one closed."""
    value = _unambiguous(text, line, "volume")
    if value < ZERO:
        raise StatementError(line, f"volume {text!r} is negative")
    return value


def ticket(text: str, line: int) -> int:
    trimmed = text.strip()
    if not (trimmed.isascii() and trimmed.isdigit() and len(trimmed) <= TICKET_DIGITS) or int(trimmed) == 0:
        raise StatementError(line, f"ticket {text!r} is not a ticket number")
    return int(trimmed)


def symbol(text: str, line: int) -> str:
    name = text.strip()
    if not name or len(name) > SYMBOL_CHARACTERS or not name.isprintable():
        raise StatementError(line, f"symbol {text!r} is not the name of a symbol")
    return name


def _unambiguous(text: str, line: int, name: str) -> Decimal:
    """A comma without a dot could be a decimal comma, so it is read in money only, which MetaTrader groups."""
    if "," in text and "." not in text:
        raise StatementError(line, f"{name} {text!r} has a comma where a decimal point belongs")
    return amount(text, line, name)

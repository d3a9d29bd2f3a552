"""Numbers as people read them, in tables and reports alike."""

from datetime import datetime
from decimal import Decimal

from kopitra.simulation.whatif.accounts import WHOLE_UNITS

MINUS = "−"
NOTHING = "–"
REASONS = {
    "below_minimum": "below the smallest volume",
    "not_open": "closed before, by its own stop or order",
    "not_copied": "the trade was not copied",
    "superseded": "withdrawn before it was sent",
    "guard_hit": "a guard had been hit",
    "guard_would_break": "a guard would have been broken",
    "guard_unknown": "a guard could not be judged",
    "side_filtered": "side not wanted",
    "magic_filtered": "magic number not wanted",
    "outside_schedule": "outside the schedule",
    "halted": "trading was halted",
    "expired": "too old",
    "no_money": "not enough money",
    "requote": "requoted",
    "price_drift": "the price had drifted away",
    "symbol_unmapped": "no such symbol at the follower's broker",
    "symbol_excluded": "symbol not wanted",
    "pending_not_copied": "pending orders are not copied",
    "increase_not_copied": "increases of it are not copied",
    "ttl": "too old when it arrived",
}


def money(amount: Decimal, currency: str) -> str:
    """ "1,234.50"; no cents where the currency has none."""
    places = 0 if currency in WHOLE_UNITS else 2
    return signed(f"{abs(amount):,.{places}f}", amount)


def percent(value: Decimal, places: int = 2) -> str:
    return signed(f"{abs(value):,.{places}f}", value) + " %"


def number(value: Decimal, places: int = 2) -> str:
    return signed(f"{abs(value):,.{places}f}", value)


def volume(value: Decimal) -> str:
    return f"{value.normalize():,f}"


def signed(text: str, value: Decimal) -> str:
    """With a minus sign that is as wide as a digit; nought has none."""
    return MINUS + text if value < 0 and text.strip("0,.") else text


def reason(name: str) -> str:
    return REASONS.get(name, name.replace("_", " "))


def day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at is not None else NOTHING


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"

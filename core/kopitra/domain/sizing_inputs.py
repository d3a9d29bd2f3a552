"""What sizing reads of leader, follower and trade, and which of it must not be used."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec

from kopitra.domain.arithmetic import Worth
from kopitra.domain.orders import Side
from kopitra.domain.quantities import ZERO
from kopitra.domain.rates import Rate, RateMissing, RateStale
from kopitra.domain.readings import BALANCE_MAX_AGE, EQUITY_MAX_AGE, Balance
from kopitra.domain.rules import CopyRules, StaleBalance
from kopitra.domain.skips import Skip, SkipReason
from kopitra.domain.symbols import SymbolSpec


class SizeNote(StrEnum):
    """What else happened on the way to a volume."""

    CLAMPED_TO_MAX = "clamped_to_max"
    RAISED_TO_MIN = "raised_to_min"
    STALE_BALANCE_USED = "stale_balance_used"
    STALE_EQUITY_USED = "stale_equity_used"
    STALE_FREE_MARGIN_USED = "stale_free_margin_used"
    CONTRACT_SIZE_IGNORED = "contract_size_ignored"
    TICK_VALUE_USED = "tick_value_used"
    """No rate led from the profit currency to the account's, so the broker's own figure had to do."""


class Figure(StrEnum):
    """A figure of an account that a mode may measure by."""

    BALANCE = "balance"
    EQUITY = "equity"
    FREE_MARGIN = "free_margin"


RateReading = Rate | RateMissing | RateStale | None
"""None: the caller has no quotes at all, or knows that the currencies are the same."""


class LeaderTrade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The leader's side of one open. `contract_size` None: its catalogue is unknown. Money is in `currency`."""

    volume: Decimal
    contract_size: Decimal | None
    balance: Decimal | None
    currency: str
    equity: Decimal | None = None
    free_margin: Decimal | None = None

    def figure(self, figure: Figure) -> Decimal | None:
        match figure:
            case Figure.BALANCE:
                return self.balance
            case Figure.EQUITY:
                return self.equity
            case Figure.FREE_MARGIN:
                return self.free_margin


class FollowerAccount(msgspec.Struct, frozen=True, gc=False):
    """The follower's side: the mapped symbol, and the last readings of its figures where there are any."""

    spec: SymbolSpec
    balance: Balance | None = None
    equity: Balance | None = None
    free_margin: Balance | None = None

    def figure(self, figure: Figure) -> Balance | None:
        match figure:
            case Figure.BALANCE:
                return self.balance
            case Figure.EQUITY:
                return self.equity
            case Figure.FREE_MARGIN:
                return self.free_margin


class Entry(msgspec.Struct, frozen=True, gc=False):
    """Where the copy is to be entered and where it is to be stopped: side and prices of the follower's order.

    `profit_rate` leads from the symbol's profit currency to the follower's.
    """

    side: Side = Side.BUY
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    profit_rate: RateReading = None


UNKNOWN_ENTRY = Entry()


def entry_price(entry: Entry) -> Decimal | Skip:
    if entry.price is None or entry.price <= ZERO:
        return Skip(
            SkipReason.PRICE_MISSING, "neither the leader's price nor a quote of the follower is known"
        )
    return entry.price


def stop_of(entry: Entry, price: Decimal) -> Decimal | Skip:
    """The stop loss, on the losing side of the price."""
    stop = entry.stop_loss
    if not stop:
        return Skip(SkipReason.STOP_LOSS_MISSING, "the copy would have no stop loss to measure the risk by")
    if (stop >= price) if entry.side is Side.BUY else (stop <= price):
        return Skip(SkipReason.STOPS_TOO_CLOSE, f"a stop loss at {stop} loses nothing from {price}")
    return stop


class _Terms(msgspec.Struct, frozen=True):
    name: str
    max_age: timedelta
    missing: SkipReason
    stale: SkipReason
    not_positive: SkipReason
    leader_missing: SkipReason
    note: SizeNote


_TERMS = {
    Figure.BALANCE: _Terms(
        "balance",
        BALANCE_MAX_AGE,
        SkipReason.BALANCE_MISSING,
        SkipReason.BALANCE_STALE,
        SkipReason.BALANCE_NOT_POSITIVE,
        SkipReason.LEADER_BALANCE_MISSING,
        SizeNote.STALE_BALANCE_USED,
    ),
    Figure.EQUITY: _Terms(
        "equity",
        EQUITY_MAX_AGE,
        SkipReason.EQUITY_MISSING,
        SkipReason.EQUITY_STALE,
        SkipReason.EQUITY_NOT_POSITIVE,
        SkipReason.LEADER_EQUITY_MISSING,
        SizeNote.STALE_EQUITY_USED,
    ),
    Figure.FREE_MARGIN: _Terms(
        "free margin",
        EQUITY_MAX_AGE,
        SkipReason.FREE_MARGIN_MISSING,
        SkipReason.FREE_MARGIN_STALE,
        SkipReason.FREE_MARGIN_NOT_POSITIVE,
        SkipReason.LEADER_FREE_MARGIN_MISSING,
        SizeNote.STALE_FREE_MARGIN_USED,
    ),
}


def follower_figure(
    rules: CopyRules, follower: FollowerAccount, figure: Figure, now: datetime
) -> Balance | Skip:
    """The follower's last reading, above zero and young enough for these rules."""
    terms, reading = _TERMS[figure], follower.figure(figure)
    if reading is None:
        return Skip(terms.missing, f"the follower's EA has not reported its {terms.name} yet")
    if reading.amount <= ZERO:
        return Skip(terms.not_positive, f"the {terms.name} is {reading.amount} {reading.currency}")
    if rules.stale_balance is StaleBalance.SKIP and now - reading.at > terms.max_age:
        return Skip(terms.stale, f"the {terms.name} was last reported at {reading.at.isoformat()}")
    return reading


def stale_note(figure: Figure, reading: Balance, now: datetime) -> tuple[SizeNote, ...]:
    """What to note of a reading that is used: nothing, or that it is old."""
    terms = _TERMS[figure]
    return (terms.note,) if now - reading.at > terms.max_age else ()


def leader_figure(leader: LeaderTrade, figure: Figure) -> Decimal | Skip:
    """The leader's figure at the time of its intent, above zero."""
    amount = leader.figure(figure)
    if amount is None or amount <= ZERO:
        terms, known = _TERMS[figure], "unknown" if amount is None else amount
        return Skip(terms.leader_missing, f"the leader's {terms.name} is {known}")
    return amount


def usable_rate(rate: RateReading, source: str, target: str) -> Rate | Skip | None:
    """The rate that was read; None where the currencies are the same. Raises RateOfOtherCurrencies."""
    if source == target:
        return None
    if isinstance(rate, RateStale):
        way = " ".join(rate.path)
        last = f"{source} to {target} by {way} was last quoted at {rate.at.isoformat()}"
        return Skip(SkipReason.RATE_STALE, last)
    if not isinstance(rate, Rate):
        return Skip(SkipReason.RATE_MISSING, f"no quotes lead from {source} to {target}")
    if rate.source != source or rate.target != target:
        raise RateOfOtherCurrencies(rate.source, rate.target)
    return rate


class RateOfOtherCurrencies(ValueError):
    """The rate given to sizing does not lead from one of the currencies to the other: a caller's mistake."""


def worth_of(spec: SymbolSpec, currency: str, profit_rate: RateReading) -> Worth | Skip:
    """What one lot gains in `currency` when the price moves by one: by the contract size and a rate, which is exact and
    fresh; else by the broker's tick value, which is as old as its catalogue. A tick is taken to be one point; where it
    is more, too much is reckoned with, never too little."""
    if spec.contract_size <= ZERO:
        return Skip(
            SkipReason.CONTRACT_UNKNOWN, f"the contract size of {spec.symbol} is {spec.contract_size}"
        )
    rate = usable_rate(profit_rate, spec.profit_currency, currency)
    if not isinstance(rate, Skip):
        return Worth(spec.contract_size, spec.profit_currency, rate)
    if spec.tick_value is not None and spec.tick_value > ZERO:
        return Worth(spec.contract_size, spec.profit_currency, None, spec.tick_value, spec.point)
    return rate

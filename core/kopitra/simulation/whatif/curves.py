"""An account's balance and equity over time: growth without deposits, drawdown, months, and a curve to draw.

Growth is that of one unit of the account: a deposit buys units at their value of the moment, a withdrawal sells some,
so neither is a gain nor a loss. Drawdown is how far a unit is below its highest value so far.
"""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from kopitra.domain.quantities import ONE, ZERO

CURVE_POINTS = 1_200
"""As many as a wide chart has pixels; the highs and lows of what lies between are in the figures, not in the curve."""
HUNDRED = Decimal(100)
NOISE = Decimal("1e-12")
"""Dividing by units leaves a rounding in the last digits: a unit that is this near its peak is there."""


class Point(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`unit`: value of a unit that began as 1; `drawdown`: the deepest of the stretch, as a share of the peak."""

    at: datetime
    balance: Decimal
    equity: Decimal
    unit: Decimal
    drawdown: Decimal


class Drawdown(msgspec.Struct, frozen=True, kw_only=True):
    """The deepest fall: `share` of the peak, `money` below the equity of the peak; `recovered_at` None: not yet."""

    share: Decimal = ZERO
    money: Decimal = ZERO
    peak_at: datetime | None = None
    trough_at: datetime | None = None
    recovered_at: datetime | None = None


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """`growth` of a unit as a share; `profit` is the change of equity without deposits and withdrawals."""

    year: int
    month: int
    growth: Decimal
    profit: Decimal


class Curve:
    """Fed in order of time. Between `begin` and `end` it keeps at most about CURVE_POINTS points."""

    def __init__(self, begin: datetime, end: datetime) -> None:
        self._begin = begin
        self._stretch = max((end - begin) / CURVE_POINTS, timedelta(milliseconds=1))
        self._stretch_index = -1
        self.points: list[Point] = []
        self.balance = self.equity = self.flows = ZERO
        self._units = ZERO
        self.unit = self._peak = ONE
        self._peak_at = begin
        self._peak_equity = ZERO
        self.deepest = Drawdown()
        self.longest_below = timedelta(0)
        self._is_below = self._deepest_is_open = False
        self._months: list[Month] = []
        self._month: tuple[int, int] | None = None
        self._month_began = (ONE, ZERO, ZERO)

    def flow(self, at: datetime, amount: Decimal) -> None:
        """Money was paid in, or (negative) out; to be told before the figures that contain it."""
        self._turn_month(at)
        self.flows += amount
        self.equity += amount
        self.balance += amount
        if self._units <= ZERO or self.unit <= ZERO:
            self._restart(at)
        else:
            self._units += amount / self.unit
            if self._units <= ZERO:
                self._units = ZERO
        self._peak_equity = max(self._peak_equity + amount, ZERO)

    def note(self, at: datetime, balance: Decimal, equity: Decimal) -> None:
        """The account's figures at a time."""
        self._turn_month(at)
        self.balance, self.equity = balance, equity
        if self._units > ZERO:
            self.unit = max(equity / self._units, ZERO)
        drawdown = self._judge(at)
        index = int((at - self._begin) / self._stretch)
        if index == self._stretch_index and self.points:
            drawdown = max(drawdown, self.points[-1].drawdown)
            self.points.pop()
        self._stretch_index = index
        self.points.append(Point(at, balance, equity, self.unit, drawdown))

    def months(self) -> list[Month]:
        """Every month from the first to the present one."""
        return [*self._months, self._present_month()] if self._month is not None else []

    @property
    def profit(self) -> Decimal:
        """Equity without what was paid in and out."""
        return self.equity - self.flows

    @property
    def drawdown(self) -> Decimal:
        """The present one, as a share of the peak."""
        return ONE - self.unit / self._peak if self._peak > ZERO else ZERO

    def _restart(self, at: datetime) -> None:
        """An empty account begins anew, at the value its units had."""
        if self.unit <= ZERO:
            self.unit = self._peak = ONE
            self._peak_at = at
        self._units = max(self.equity / self.unit, ZERO)

    def _judge(self, at: datetime) -> Decimal:
        """The present drawdown, and with it the deepest and the longest so far."""
        if self.unit >= self._peak * (ONE - NOISE):
            if self._deepest_is_open:
                self.deepest = msgspec.structs.replace(self.deepest, recovered_at=at)
                self._deepest_is_open = False
            if self._is_below:
                self.longest_below = max(self.longest_below, at - self._peak_at)
            self._is_below = False
            self._peak, self._peak_at, self._peak_equity = max(self.unit, self._peak), at, self.equity
            return ZERO
        self._is_below = True
        self.longest_below = max(self.longest_below, at - self._peak_at)
        share = ONE - self.unit / self._peak
        if share > self.deepest.share:
            self._deepest_is_open = True
            self.deepest = Drawdown(
                share=share,
                money=self._peak_equity - self.equity,
                peak_at=self._peak_at,
                trough_at=at,
            )
        return share

    def _turn_month(self, at: datetime) -> None:
        month = (at.year, at.month)
        if month == self._month:
            return
        if self._month is not None:
            self._months.append(self._present_month())
        self._month = month
        self._month_began = (self.unit, self.equity, self.flows)

    def _present_month(self) -> Month:
        assert self._month is not None
        unit, equity, flows = self._month_began
        return Month(
            year=self._month[0],
            month=self._month[1],
            growth=self.unit / unit - ONE if unit > ZERO else ZERO,
            profit=self.equity - equity - (self.flows - flows),
        )

"""Limits that no copy may carry an account beyond: what a guard says, and what is wrong with one that makes no sense.

Two sorts. A *standing* guard (loss, trailing drawdown, equity floor) watches an account's figures; once it is hit, its
action stands until it is reset. A *gate* (open positions, symbol exposure, leverage, risk per trade, order rate) looks
at each open before it is planned and turns away the one that would break it; nothing stands afterwards.
No guard ever blocks a close.
"""

import re
from decimal import Decimal
from enum import StrEnum

import msgspec

from kopitra.domain.periods import Period, ResetClock, clock_problem
from kopitra.domain.quantities import ZERO
from kopitra.domain.rules import Weekday

MAX_GUARDS_PER_LAYER = 32
"""Each is looked at for every follower of every open."""
MAX_NAME = 64
MAX_WINDOW_SECONDS = 60 * 60
MAX_RATE = 500
"""Opens that are remembered for a window, of each account: 28 KiB at most."""
_CURRENCY = re.compile(r"[A-Z][A-Z0-9]{2,7}")


class GuardKind(StrEnum):
    LOSS = "loss"
    """How far balance or equity has fallen since the period began."""
    TRAILING_DRAWDOWN = "trailing_drawdown"
    """How far it has fallen from the highest it was in the period."""
    EQUITY_FLOOR = "equity_floor"
    OPEN_POSITIONS = "open_positions"
    SYMBOL_EXPOSURE = "symbol_exposure"
    """The heavier side of one symbol: the largest net position that closing single positions could leave."""
    LEVERAGE = "leverage"
    """Notional value of all positions, both sides, in multiples of equity."""
    TRADE_RISK = "trade_risk"
    """What one open loses at its stop loss; an open without one is turned away."""
    ORDER_RATE = "order_rate"
    """Opens within a sliding window."""


class GuardUnit(StrEnum):
    MONEY = "money"
    PERCENT = "percent"
    """Of the period's start, of the high-water mark, or, for risk, of the account's `basis`."""
    LOTS = "lots"
    COUNT = "count"
    MULTIPLE = "multiple"


class GuardBasis(StrEnum):
    BALANCE = "balance"
    """Realised results only."""
    EQUITY = "equity"
    """With what is open."""


class GuardAction(StrEnum):
    HALT_OPENS = "halt_opens"
    """No new copy; what is open goes on as its leader wills."""
    CLOSE_ONLY = "close_only"
    """Resting orders are taken back as well: nothing may become a position any more."""
    FLATTEN = "flatten"
    """Everything is closed, and nothing new is opened."""


class GuardReset(StrEnum):
    PERIOD = "period"
    """By itself, when the next period begins."""
    OPERATOR = "operator"


class Guard(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,
):
    """One limit. `name` is unique within its layer of settings and names the guard in every skip, hit and report.

    `period`, and the firm's own clock (`reset_time` HH:MM, `timezone` IANA, `reset_weekday` for weeks): for loss and
    trailing drawdown only. `currency`: of a limit in money and of sums over accounts; None: the account's own. `each`:
    the limit is every follower's own; False: it is for the sum over the accounts of the layer (a group, the platform).
    `window_seconds`: for order rate only.
    """

    name: str
    kind: GuardKind
    limit: Decimal
    unit: GuardUnit
    basis: GuardBasis = GuardBasis.EQUITY
    period: Period | None = None
    reset_time: str = "00:00"
    timezone: str = "UTC"
    reset_weekday: Weekday = Weekday.MONDAY
    currency: str | None = None
    each: bool = True
    action: GuardAction = GuardAction.HALT_OPENS
    reset_by: GuardReset = GuardReset.OPERATOR
    window_seconds: int | None = None

    @property
    def clock(self) -> ResetClock:
        """Raises ValueError where the guard has no period."""
        if self.period is None:
            raise ValueError(f"guard {self.name} has no period")
        return ResetClock(self.period, self.reset_time, self.timezone, self.reset_weekday)

    def has_clock(self, clock: ResetClock) -> bool:
        """Whether this is the guard's present clock."""
        return (
            clock.period is self.period
            and clock.time == self.reset_time
            and clock.timezone == self.timezone
            and clock.weekday is self.reset_weekday
        )


STANDING = frozenset({GuardKind.LOSS, GuardKind.TRAILING_DRAWDOWN, GuardKind.EQUITY_FLOOR})
"""Watch figures; a hit stands until it is reset."""
WITH_PERIOD = frozenset({GuardKind.LOSS, GuardKind.TRAILING_DRAWDOWN})
UNITS: dict[GuardKind, tuple[GuardUnit, ...]] = {
    GuardKind.LOSS: (GuardUnit.MONEY, GuardUnit.PERCENT),
    GuardKind.TRAILING_DRAWDOWN: (GuardUnit.MONEY, GuardUnit.PERCENT),
    GuardKind.EQUITY_FLOOR: (GuardUnit.MONEY,),
    GuardKind.OPEN_POSITIONS: (GuardUnit.COUNT,),
    GuardKind.SYMBOL_EXPOSURE: (GuardUnit.LOTS, GuardUnit.MONEY),
    GuardKind.LEVERAGE: (GuardUnit.MULTIPLE,),
    GuardKind.TRADE_RISK: (GuardUnit.MONEY, GuardUnit.PERCENT),
    GuardKind.ORDER_RATE: (GuardUnit.COUNT,),
}
PER_ACCOUNT_ONLY = frozenset({GuardKind.TRADE_RISK})
"""What a sum over accounts would say nothing about."""


class GuardProblem(msgspec.Struct, frozen=True):
    """`path` is the field's name in the wire's spelling."""

    path: str
    message: str


def guard_problems(guard: Guard, *, own: bool = False) -> list[GuardProblem]:
    """What is wrong with one guard; none: it can be used. `own`: the guard is of one follower's own layer, or of a
    subscription's, where there is nothing to sum over."""
    found: list[GuardProblem] = []
    if not 0 < len(guard.name) <= MAX_NAME or not guard.name.isprintable() or ":" in guard.name:
        found.append(GuardProblem("name", f"must have 1 to {MAX_NAME} printable characters, and no colon"))
    if not guard.limit.is_finite() or guard.limit <= ZERO:
        found.append(GuardProblem("limit", "must be a number above zero"))
    found += _unit_problems(guard)
    found += _period_problems(guard)
    found += _scope_problems(guard, own)
    found += _action_problems(guard)
    return found


def name_problems(guards: tuple[Guard, ...]) -> list[GuardProblem]:
    """What is wrong with the guards of one layer taken together."""
    if len(guards) > MAX_GUARDS_PER_LAYER:
        return [GuardProblem("guards", f"at most {MAX_GUARDS_PER_LAYER} in one place")]
    names = [guard.name for guard in guards]
    twice = sorted({name for name in names if names.count(name) > 1})
    return [GuardProblem("guards", f"there is more than one guard named {name!r}") for name in twice]


def _unit_problems(guard: Guard) -> list[GuardProblem]:
    units = UNITS[guard.kind]
    if guard.unit not in units:
        return [GuardProblem("unit", f"{guard.kind} is measured in {' or '.join(units)}, not {guard.unit}")]
    found: list[GuardProblem] = []
    if guard.unit is GuardUnit.PERCENT and guard.limit > 100:
        found.append(GuardProblem("limit", "must not be above 100 percent"))
    if guard.unit is GuardUnit.COUNT and guard.limit != guard.limit.to_integral_value():
        found.append(GuardProblem("limit", "must be a whole number"))
    return found


def _period_problems(guard: Guard) -> list[GuardProblem]:
    found: list[GuardProblem] = []
    if guard.kind in WITH_PERIOD and guard.period is None:
        found.append(GuardProblem("period", f"{guard.kind} needs one: {', '.join(Period)}"))
    if guard.kind not in WITH_PERIOD and guard.period is not None:
        found.append(GuardProblem("period", f"{guard.kind} has none"))
    problem = clock_problem(guard.reset_time, guard.timezone)
    if problem is not None:
        found.append(GuardProblem(*problem))
    window = guard.window_seconds
    if guard.kind is GuardKind.ORDER_RATE:
        if window is None or not 0 < window <= MAX_WINDOW_SECONDS:
            found.append(GuardProblem("windowSeconds", f"must be from 1 to {MAX_WINDOW_SECONDS}"))
        if guard.each and guard.limit > MAX_RATE:
            found.append(GuardProblem("limit", f"must not be above {MAX_RATE} opens"))
    elif window is not None:
        found.append(GuardProblem("windowSeconds", f"{guard.kind} has no window"))
    return found


def _scope_problems(guard: Guard, own: bool) -> list[GuardProblem]:
    found: list[GuardProblem] = []
    if guard.currency is not None and not _CURRENCY.fullmatch(guard.currency):
        found.append(GuardProblem("currency", "must be a currency's code in capitals, like USD"))
    if guard.each:
        return found
    if own:
        found.append(GuardProblem("each", "one follower's guard has no other accounts to add up"))
    elif guard.kind in PER_ACCOUNT_ONLY:
        found.append(GuardProblem("each", f"{guard.kind} is about one trade: it cannot be a sum"))
    elif guard.currency is None and _sums_money(guard):
        found.append(GuardProblem("currency", "is needed to add up accounts"))
    return found


def _sums_money(guard: Guard) -> bool:
    return guard.kind in STANDING or guard.unit is GuardUnit.MONEY or guard.kind is GuardKind.LEVERAGE


def _action_problems(guard: Guard) -> list[GuardProblem]:
    found: list[GuardProblem] = []
    if guard.kind not in STANDING and guard.action is not GuardAction.HALT_OPENS:
        found.append(
            GuardProblem("action", f"{guard.kind} turns away single opens; it has no action of its own")
        )
    if guard.kind is GuardKind.EQUITY_FLOOR and guard.basis is not GuardBasis.EQUITY:
        found.append(GuardProblem("basis", "an equity floor is about equity"))
    endless = guard.kind not in WITH_PERIOD or guard.period is Period.LIFETIME
    if guard.reset_by is GuardReset.PERIOD and endless:
        found.append(GuardProblem("resetBy", "there is no next period; only an operator can reset it"))
    return found

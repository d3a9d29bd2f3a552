"""How large is a follower's copy of a leader's trade, and why.

mode → contract size → multiplier → maximum → lot step (down) → minimum, as one exact fraction that is floored once: no
intermediate rounding can move the result by a lot step. The grid of lot steps starts at zero, as MetaTrader's does.
"""

from datetime import datetime
from decimal import Decimal, DecimalException
from enum import StrEnum

import msgspec

from kopitra.domain.arithmetic import EXACT, Arithmetic
from kopitra.domain.quantities import ZERO
from kopitra.domain.rates import Rate, RateMissing, RateStale
from kopitra.domain.readings import BALANCE_MAX_AGE, Balance
from kopitra.domain.rules import BalanceRatio, CopyRules, FixedVolume, StaleBalance, mode_of
from kopitra.domain.skips import Skip, SkipReason
from kopitra.domain.symbols import SymbolSpec

_times = EXACT.multiply
_whole = EXACT.divide_int


class SizeNote(StrEnum):
    """What else happened on the way to a volume."""

    CLAMPED_TO_MAX = "clamped_to_max"
    RAISED_TO_MIN = "raised_to_min"
    STALE_BALANCE_USED = "stale_balance_used"
    CONTRACT_SIZE_IGNORED = "contract_size_ignored"


class LeaderTrade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The leader's side of one open. `contract_size` None: its catalogue is unknown; `balance` is in `currency`."""

    volume: Decimal
    contract_size: Decimal | None
    balance: Decimal | None
    currency: str


class FollowerAccount(msgspec.Struct, frozen=True, gc=False):
    """The follower's side: the mapped symbol, and the last balance reading where there is one."""

    spec: SymbolSpec
    balance: Balance | None = None


class Sized(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """`volume` in lots: above zero, a multiple of the step, within the symbol's and the subscription's limits."""

    volume: Decimal
    arithmetic: Arithmetic
    notes: tuple[SizeNote, ...] = ()


RateReading = Rate | RateMissing | RateStale | None


def size_copy(
    rules: CopyRules, leader: LeaderTrade, follower: FollowerAccount, rate: RateReading, now: datetime
) -> Sized | Skip:
    """The volume of one follower's copy, or the reason for none. `rules` have passed `rule_checks.validate`.

    `rate` leads from the follower's account currency to the leader's (`rates.find_rate`); only balance_ratio reads it,
    and only where the two differ. Raises ValueError for a rate between other currencies: a caller's mistake.
    """
    try:
        arithmetic = _factors(rules, leader, follower, rate, now)
        if isinstance(arithmetic, Skip):
            return arithmetic
        return _fitted(rules, leader, follower, arithmetic, now)
    except DecimalException:
        return Skip(
            SkipReason.FIGURES_OUT_OF_RANGE, "a volume, balance, rate or contract size is beyond all reason"
        )


def _factors(
    rules: CopyRules, leader: LeaderTrade, follower: FollowerAccount, rate: RateReading, now: datetime
) -> Arithmetic | Skip:
    spec, sizing = follower.spec, rules.sizing
    leader_contract, follower_contract = leader.contract_size, spec.contract_size
    if rules.ignore_contract_size:
        leader_contract = follower_contract = None
    elif leader_contract is None or leader_contract <= ZERO or follower_contract <= ZERO:
        return Skip(SkipReason.CONTRACT_UNKNOWN, _contracts(leader_contract, spec))
    if leader.volume <= ZERO:
        return Skip(SkipReason.LEADER_VOLUME_NOT_POSITIVE, f"the leader's volume is {leader.volume}")
    if spec.volume_step <= ZERO or spec.volume_max <= ZERO:
        return Skip(
            SkipReason.SYMBOL_SPEC_INVALID,
            f"{spec.symbol} has volume step {spec.volume_step} and maximum {spec.volume_max}",
        )
    maximum = spec.volume_max
    if rules.max_volume is not None and rules.max_volume < maximum:
        maximum = rules.max_volume
    minimum = spec.volume_min if spec.volume_min > rules.min_volume else rules.min_volume
    start = sizing.volume if isinstance(sizing, FixedVolume) else leader.volume
    if not isinstance(sizing, BalanceRatio):
        return Arithmetic(
            mode_of(sizing),
            start,
            rules.multiplier,
            minimum,
            maximum,
            spec.volume_step,
            leader_contract,
            follower_contract,
        )
    balance = follower.balance
    unusable = _unusable_balance(rules, leader, balance, now)
    if unusable is not None:
        return unusable
    assert balance is not None
    if balance.currency == leader.currency:
        rate = None
    elif not isinstance(rate, Rate):
        return _unusable_rate(rate, balance.currency, leader.currency)
    elif rate.source != balance.currency or rate.target != leader.currency:
        raise ValueError(f"rate {rate.source}→{rate.target} given for {balance.currency}→{leader.currency}")
    return Arithmetic(
        mode_of(sizing),
        start,
        rules.multiplier,
        minimum,
        maximum,
        spec.volume_step,
        leader_contract,
        follower_contract,
        balance.amount,
        leader.balance,
        balance.at,
        rate.numerator if rate else None,
        rate.denominator if rate else None,
        rate.path if rate else (),
        rate.at if rate else None,
    )


def _fitted(
    rules: CopyRules,
    leader: LeaderTrade,
    follower: FollowerAccount,
    arithmetic: Arithmetic,
    now: datetime,
) -> Sized | Skip:
    """The exact volume, brought below the maximum, down onto the grid, and checked against the minimum."""
    step, minimum, maximum = arithmetic.step, arithmetic.minimum, arithmetic.maximum
    numerator, denominator = arithmetic.fraction()
    notes = _circumstances(rules, leader, follower, arithmetic, now)
    if numerator > _times(maximum, denominator):
        volume = _times(_whole(maximum, step), step)
        notes += (SizeNote.CLAMPED_TO_MAX,)
    else:
        volume = _times(_whole(numerator, _times(denominator, step)), step)
    if volume >= minimum and volume > ZERO:
        return Sized(volume, arithmetic, notes)
    if not rules.force_min_volume:
        return Skip(SkipReason.BELOW_MINIMUM, f"{volume} lots is below the minimum of {minimum}", arithmetic)
    raised = _up_to_step(minimum, step)
    if raised > maximum:
        return Skip(
            SkipReason.BELOW_MINIMUM,
            f"the minimum of {raised} lots is above the maximum of {maximum}",
            arithmetic,
        )
    return Sized(raised, arithmetic, (*notes, SizeNote.RAISED_TO_MIN))


def _up_to_step(minimum: Decimal, step: Decimal) -> Decimal:
    """The smallest positive multiple of step that is not below minimum."""
    volume = _times(_whole(minimum, step), step)
    return volume if volume >= minimum and volume > ZERO else volume + step


def _circumstances(
    rules: CopyRules, leader: LeaderTrade, follower: FollowerAccount, arithmetic: Arithmetic, now: datetime
) -> tuple[SizeNote, ...]:
    notes: tuple[SizeNote, ...] = ()
    if arithmetic.balance_at is not None and now - arithmetic.balance_at > BALANCE_MAX_AGE:
        notes += (SizeNote.STALE_BALANCE_USED,)
    if rules.ignore_contract_size and leader.contract_size != follower.spec.contract_size:
        notes += (SizeNote.CONTRACT_SIZE_IGNORED,)
    return notes


def _unusable_balance(
    rules: CopyRules, leader: LeaderTrade, balance: Balance | None, now: datetime
) -> Skip | None:
    if leader.balance is None or leader.balance <= ZERO:
        return Skip(
            SkipReason.LEADER_BALANCE_MISSING, f"the leader's balance is {leader.balance or 'unknown'}"
        )
    if balance is None:
        return Skip(SkipReason.BALANCE_MISSING, "the follower's EA has not reported a balance yet")
    if balance.amount <= ZERO:
        return Skip(SkipReason.BALANCE_NOT_POSITIVE, f"the balance is {balance.amount} {balance.currency}")
    if rules.stale_balance is StaleBalance.SKIP and now - balance.at > BALANCE_MAX_AGE:
        return Skip(SkipReason.BALANCE_STALE, f"the balance was last reported at {balance.at.isoformat()}")
    return None


def _unusable_rate(rate: RateMissing | RateStale | None, source: str, target: str) -> Skip:
    if isinstance(rate, RateStale):
        way = " ".join(rate.path)
        return Skip(
            SkipReason.RATE_STALE, f"{source} to {target} by {way} was last quoted at {rate.at.isoformat()}"
        )
    return Skip(SkipReason.RATE_MISSING, f"no quotes lead from {source} to {target}")


def _contracts(leader_contract: Decimal | None, spec: SymbolSpec) -> str:
    known = leader_contract if leader_contract is not None else "unknown"
    return f"contract size is {known} at the leader and {spec.contract_size} at the follower ({spec.symbol})"

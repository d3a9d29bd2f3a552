"""How large is a follower's copy of a leader's trade, and why.

mode → contract size → multiplier → maximum → lot step (down) → minimum, as one exact fraction that is floored once:
no intermediate rounding can move the result by a lot step. The grid of steps starts at zero, as MetaTrader's does.
"""

from datetime import datetime
from decimal import Decimal, DecimalException
from enum import StrEnum

import msgspec

from kopitra.domain.arithmetic import EXACT, Arithmetic, BalanceShare, floored, least_volume
from kopitra.domain.quantities import ONE, ZERO
from kopitra.domain.rates import Rate, RateMissing, RateStale
from kopitra.domain.readings import BALANCE_MAX_AGE, Balance
from kopitra.domain.rules import CopyRules, StaleBalance
from kopitra.domain.sizing_modes import BalanceRatio, FixedVolume, mode_of
from kopitra.domain.skips import Skip, SkipReason
from kopitra.domain.symbols import SymbolSpec


class SizeNote(StrEnum):
    """What else happened on the way to a volume."""

    CLAMPED_TO_MAX = "clamped_to_max"
    RAISED_TO_MIN = "raised_to_min"
    STALE_BALANCE_USED = "stale_balance_used"
    CONTRACT_SIZE_IGNORED = "contract_size_ignored"


class LeaderTrade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The leader's side of one open. `contract_size` None: its catalogue is unknown. `balance` is in `currency`."""

    volume: Decimal
    contract_size: Decimal | None
    balance: Decimal | None
    currency: str


class FollowerAccount(msgspec.Struct, frozen=True, gc=False):
    """The follower's side: the mapped symbol, and the last balance reading where there is one."""

    spec: SymbolSpec
    balance: Balance | None = None


class Sized(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """`volume` in lots: above zero, a multiple of the step, within the symbol's and the rules' limits."""

    volume: Decimal
    arithmetic: Arithmetic
    notes: tuple[SizeNote, ...] = ()


RateReading = Rate | RateMissing | RateStale | None
"""None: the caller has no quotes at all, or knows that the currencies are the same."""


class RateOfOtherCurrencies(ValueError):
    """The rate given to sizing does not lead from the follower's currency to the leader's: a caller's mistake."""


def size_copy(
    rules: CopyRules, leader: LeaderTrade, follower: FollowerAccount, rate: RateReading, now: datetime
) -> Sized | Skip:
    """The volume of one follower's copy, or the reason for none. `rules` have passed `rule_checks.validate`.

    `rate` leads from the follower's currency to the leader's (`rates.find_rate`); only balance_ratio reads it, and
    only where the two differ. Raises RateOfOtherCurrencies.
    """
    try:
        unusable = _unusable_trade(rules, leader, follower.spec)
        if unusable is not None:
            return unusable
        share = _balance_share(rules, leader, follower.balance, rate, now)
        if isinstance(share, Skip):
            return share
        return _fitted(
            rules, _arithmetic(rules, leader, follower.spec, share), _notes(rules, leader, follower, now)
        )
    except DecimalException:
        return Skip(
            SkipReason.FIGURES_OUT_OF_RANGE, "a volume, balance, rate or contract size is beyond reason"
        )


def _unusable_trade(rules: CopyRules, leader: LeaderTrade, spec: SymbolSpec) -> Skip | None:
    if leader.volume <= ZERO:
        return Skip(SkipReason.LEADER_VOLUME_NOT_POSITIVE, f"the leader's volume is {leader.volume}")
    if spec.volume_step <= ZERO or spec.volume_max <= ZERO:
        limits = f"volume step {spec.volume_step} and maximum {spec.volume_max}"
        return Skip(SkipReason.SYMBOL_SPEC_INVALID, f"{spec.symbol} has {limits}")
    contract = leader.contract_size
    if not rules.ignore_contract_size and (
        contract is None or contract <= ZERO or spec.contract_size <= ZERO
    ):
        sizes = f"{contract or 'unknown'} at the leader and {spec.contract_size} at the follower"
        return Skip(SkipReason.CONTRACT_UNKNOWN, f"the contract size of {spec.symbol} is {sizes}")
    return None


def _balance_share(
    rules: CopyRules, leader: LeaderTrade, balance: Balance | None, rate: RateReading, now: datetime
) -> BalanceShare | Skip | None:
    """None where the mode does not look at balances."""
    if not isinstance(rules.sizing, BalanceRatio):
        return None
    if leader.balance is None or leader.balance <= ZERO:
        known = "unknown" if leader.balance is None else leader.balance
        return Skip(SkipReason.LEADER_BALANCE_MISSING, f"the leader's balance is {known}")
    if balance is None:
        return Skip(SkipReason.BALANCE_MISSING, "the follower's EA has not reported a balance yet")
    if balance.amount <= ZERO:
        return Skip(SkipReason.BALANCE_NOT_POSITIVE, f"the balance is {balance.amount} {balance.currency}")
    if rules.stale_balance is StaleBalance.SKIP and now - balance.at > BALANCE_MAX_AGE:
        return Skip(SkipReason.BALANCE_STALE, f"the balance was last reported at {balance.at.isoformat()}")
    if balance.currency == leader.currency:
        return BalanceShare(balance, leader.balance, leader.currency)
    if not isinstance(rate, Rate):
        return _unusable_rate(rate, balance.currency, leader.currency)
    if rate.source != balance.currency or rate.target != leader.currency:
        raise RateOfOtherCurrencies(rate.source, rate.target)
    return BalanceShare(balance, leader.balance, leader.currency, rate)


def _unusable_rate(rate: RateMissing | RateStale | None, source: str, target: str) -> Skip:
    if isinstance(rate, RateStale):
        way = " ".join(rate.path)
        last = f"{source} to {target} by {way} was last quoted at {rate.at.isoformat()}"
        return Skip(SkipReason.RATE_STALE, last)
    return Skip(SkipReason.RATE_MISSING, f"no quotes lead from {source} to {target}")


def _arithmetic(
    rules: CopyRules, leader: LeaderTrade, spec: SymbolSpec, share: BalanceShare | None
) -> Arithmetic:
    sizing, contract = rules.sizing, leader.contract_size
    limit = rules.max_volume
    return Arithmetic(
        mode_of(sizing),
        sizing.volume if isinstance(sizing, FixedVolume) else leader.volume,
        rules.multiplier,
        max(rules.min_volume, spec.volume_min),
        spec.volume_max if limit is None else min(limit, spec.volume_max),
        spec.volume_step,
        None if rules.ignore_contract_size or contract is None else (contract, spec.contract_size),
        share,
    )


def _notes(
    rules: CopyRules, leader: LeaderTrade, follower: FollowerAccount, now: datetime
) -> tuple[SizeNote, ...]:
    notes: tuple[SizeNote, ...] = ()
    if rules.ignore_contract_size and leader.contract_size != follower.spec.contract_size:
        notes = (SizeNote.CONTRACT_SIZE_IGNORED,)
    balance = follower.balance
    if isinstance(rules.sizing, BalanceRatio) and balance is not None and now - balance.at > BALANCE_MAX_AGE:
        notes += (SizeNote.STALE_BALANCE_USED,)
    return notes


def _fitted(rules: CopyRules, arithmetic: Arithmetic, notes: tuple[SizeNote, ...]) -> Sized | Skip:
    """The exact volume: at most the maximum, down onto the grid, and checked against the minimum."""
    step, minimum, maximum = arithmetic.step, arithmetic.minimum, arithmetic.maximum
    numerator, denominator = arithmetic.fraction()
    if numerator > EXACT.multiply(maximum, denominator):
        volume = floored(maximum, ONE, step)
        notes += (SizeNote.CLAMPED_TO_MAX,)
    else:
        volume = floored(numerator, denominator, step)
    if volume >= minimum and volume > ZERO:
        return Sized(volume, arithmetic, notes)
    if not rules.force_min_volume:
        found = f"{volume} lots is below the minimum of {minimum}"
        return Skip(SkipReason.BELOW_MINIMUM, found, arithmetic)
    raised = least_volume(minimum, step)
    if raised > maximum:
        found = f"the least volume of {raised} lots is above the maximum of {maximum}"
        return Skip(SkipReason.BELOW_MINIMUM, found, arithmetic)
    return Sized(raised, arithmetic, (*notes, SizeNote.RAISED_TO_MIN))

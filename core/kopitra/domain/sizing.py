"""How large is a follower's copy of a leader's trade, and why.

mode → contract size → multiplier → maximum → lot step (down) → minimum, as one exact fraction that is floored once:
no intermediate rounding can move the result by a lot step. The grid of steps starts at zero, as MetaTrader's does.
"""

from datetime import datetime
from decimal import Decimal, DecimalException

import msgspec

from kopitra.domain.arithmetic import EXACT, Arithmetic, floored, least_volume
from kopitra.domain.measures import Measured, measure, normalises
from kopitra.domain.quantities import ONE, ZERO
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing_inputs import (
    UNKNOWN_ENTRY,
    Entry,
    FollowerAccount,
    LeaderTrade,
    RateReading,
    SizeNote,
)
from kopitra.domain.sizing_modes import mode_of
from kopitra.domain.skips import Skip, SkipReason
from kopitra.domain.symbols import SymbolSpec


class Sized(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """`volume` in lots: above zero, a multiple of the step, within the symbol's and the rules' limits."""

    volume: Decimal
    arithmetic: Arithmetic
    notes: tuple[SizeNote, ...] = ()


def size_copy(
    rules: CopyRules,
    leader: LeaderTrade,
    follower: FollowerAccount,
    rate: RateReading,
    now: datetime,
    entry: Entry = UNKNOWN_ENTRY,
) -> Sized | Skip:
    """The volume of one follower's copy, or the reason for none. `rules` have passed `rule_checks.validate`.

    `rate` leads from the follower's currency to the leader's (`rates.find_rate`). `measures.needs_of` tells whether a
    mode reads it, and the `entry`. Raises RateOfOtherCurrencies.
    """
    try:
        normalised = normalises(rules)
        unusable = _unusable_trade(leader, follower.spec, normalised)
        if unusable is not None:
            return unusable
        measured = measure(rules, leader, follower, rate, entry, now)
        if isinstance(measured, Skip):
            return measured
        arithmetic = _arithmetic(rules, leader, follower.spec, measured, normalised)
        notes = measured.notes
        if (
            rules.ignore_contract_size
            and not normalised
            and leader.contract_size != follower.spec.contract_size
        ):
            notes = (SizeNote.CONTRACT_SIZE_IGNORED, *notes)
        return _fitted(rules, arithmetic, notes)
    except DecimalException:
        return Skip(
            SkipReason.FIGURES_OUT_OF_RANGE, "a volume, balance, rate or contract size is beyond reason"
        )


def _unusable_trade(leader: LeaderTrade, spec: SymbolSpec, normalised: bool) -> Skip | None:
    if leader.volume <= ZERO:
        return Skip(SkipReason.LEADER_VOLUME_NOT_POSITIVE, f"the leader's volume is {leader.volume}")
    if spec.volume_step <= ZERO or spec.volume_max <= ZERO:
        limits = f"volume step {spec.volume_step} and maximum {spec.volume_max}"
        return Skip(SkipReason.SYMBOL_SPEC_INVALID, f"{spec.symbol} has {limits}")
    contract = leader.contract_size
    if normalised and (contract is None or contract <= ZERO or spec.contract_size <= ZERO):
        sizes = f"{contract or 'unknown'} at the leader and {spec.contract_size} at the follower"
        return Skip(SkipReason.CONTRACT_UNKNOWN, f"the contract size of {spec.symbol} is {sizes}")
    return None


def _arithmetic(
    rules: CopyRules, leader: LeaderTrade, spec: SymbolSpec, measured: Measured, normalised: bool
) -> Arithmetic:
    contract, limit = leader.contract_size, rules.max_volume
    return Arithmetic(
        mode_of(rules.sizing),
        measured.start,
        rules.multiplier,
        max(rules.min_volume, spec.volume_min),
        spec.volume_max if limit is None else min(limit, spec.volume_max),
        spec.volume_step,
        (contract, spec.contract_size) if contract is not None and normalised else None,
        measured.share,
        measured.budget,
        measured.formula,
    )


def _fitted(rules: CopyRules, arithmetic: Arithmetic, notes: tuple[SizeNote, ...]) -> Sized | Skip:
    """The exact volume: at most the maximum, down onto the grid, and checked against the minimum."""
    step, minimum, maximum = arithmetic.step, arithmetic.minimum, arithmetic.maximum
    if arithmetic.start <= ZERO:  # only an expression can say so, and what it does not want is not raised
        return Skip(SkipReason.BELOW_MINIMUM, f"the expression gives {arithmetic.start} lots", arithmetic)
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
    return _raised(rules, arithmetic, numerator, denominator, notes)


def _raised(
    rules: CopyRules,
    arithmetic: Arithmetic,
    numerator: Decimal,
    denominator: Decimal,
    notes: tuple[SizeNote, ...],
) -> Sized | Skip:
    """The least volume that the broker and the rules take, unless that is too much."""
    raised, maximum = least_volume(arithmetic.minimum, arithmetic.step), arithmetic.maximum
    if raised > maximum:
        found = f"the least volume of {raised} lots is above the maximum of {maximum}"
        return Skip(SkipReason.BELOW_MINIMUM, found, arithmetic)
    most = rules.max_risk_multiple
    if most is not None and EXACT.multiply(raised, denominator) > EXACT.multiply(numerator, most):
        found = f"the least volume of {raised} lots is more than {most} times the exact one"
        return Skip(SkipReason.RISK_MULTIPLE_EXCEEDED, found, arithmetic)
    return Sized(raised, arithmetic, (*notes, SizeNote.RAISED_TO_MIN))

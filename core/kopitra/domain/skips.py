"""Why a follower did not get a copy: one list of reasons, one vocabulary for "why was I not copied?"."""

from enum import StrEnum

import msgspec

from kopitra.domain.arithmetic import Arithmetic


class SkipReason(StrEnum):
    # sizing
    BELOW_MINIMUM = "below_minimum"
    CONTRACT_UNKNOWN = "contract_unknown"
    RATE_MISSING = "rate_missing"
    RATE_STALE = "rate_stale"
    BALANCE_MISSING = "balance_missing"
    BALANCE_STALE = "balance_stale"
    BALANCE_NOT_POSITIVE = "balance_not_positive"
    LEADER_BALANCE_MISSING = "leader_balance_missing"
    LEADER_VOLUME_NOT_POSITIVE = "leader_volume_not_positive"
    SYMBOL_SPEC_INVALID = "symbol_spec_invalid"
    FIGURES_OUT_OF_RANGE = "figures_out_of_range"
    EQUITY_MISSING = "equity_missing"
    EQUITY_STALE = "equity_stale"
    EQUITY_NOT_POSITIVE = "equity_not_positive"
    FREE_MARGIN_MISSING = "free_margin_missing"
    FREE_MARGIN_STALE = "free_margin_stale"
    FREE_MARGIN_NOT_POSITIVE = "free_margin_not_positive"
    LEADER_EQUITY_MISSING = "leader_equity_missing"
    LEADER_FREE_MARGIN_MISSING = "leader_free_margin_missing"
    STOP_LOSS_MISSING = "stop_loss_missing"
    PRICE_MISSING = "price_missing"
    EXPRESSION_FAILED = "expression_failed"
    RISK_MULTIPLE_EXCEEDED = "risk_multiple_exceeded"
    # symbol
    SYMBOL_UNMAPPED = "symbol_unmapped"
    SYMBOL_AMBIGUOUS = "symbol_ambiguous"
    SYMBOL_NOT_TRADABLE = "symbol_not_tradable"
    SYMBOL_EXCLUDED = "symbol_excluded"
    CATALOGUE_MISSING = "catalogue_missing"
    # order
    STOPS_TOO_CLOSE = "stops_too_close"
    PENDING_NOT_COPIED = "pending_not_copied"
    # filters
    SIDE_FILTERED = "side_filtered"
    MAGIC_FILTERED = "magic_filtered"
    STOP_TOO_FAR = "stop_too_far"
    OUTSIDE_SCHEDULE = "outside_schedule"
    # guards and standing
    GUARD_HIT = "guard_hit"
    GUARD_WOULD_BREAK = "guard_would_break"
    GUARD_UNKNOWN = "guard_unknown"
    LEADER_SILENT = "leader_silent"
    SANDBOX = "sandbox"
    UNSUBSCRIBED = "unsubscribed"
    NETTING_LEADER = "netting_leader"
    COPY_OF_COPY = "copy_of_copy"
    # time and state
    CLOSED_BEFORE_OPEN = "closed_before_open"
    EXPIRED = "expired"
    PRICE_DRIFT = "price_drift"
    HALTED = "halted"
    FOLLOWER_UNKNOWN = "follower_unknown"
    MISSED_OPEN = "missed_open"
    NOT_COPIED = "not_copied"
    ALREADY_COPIED = "already_copied"
    NOT_OPEN = "not_open"
    INCREASE_NOT_COPIED = "increase_not_copied"


class Skip(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A follower is left out of one copy: an expected outcome that is recorded and counted, not an error.

    `detail` is a sentence for the follower's owner; `arithmetic` is there where sizing got as far as a volume.
    """

    reason: SkipReason
    detail: str = ""
    arithmetic: Arithmetic | None = None

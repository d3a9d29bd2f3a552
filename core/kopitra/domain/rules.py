"""The settings of one subscription: how a leader's trades become one follower's.

Volumes in the follower's lots, prices and drifts in price units, times in seconds. Decimals are accepted as JSON
numbers or strings. An unknown field or sizing mode is refused: a setting that is ignored costs money.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from kopitra.domain.orders import Side
from kopitra.domain.quantities import ZERO
from kopitra.domain.sizing_modes import Sizing

DEFAULT_OPEN_TTL_SECONDS = 60
"""An open that is older than this is another trade at another price."""
DEFAULT_LEADER_SILENCE_SECONDS = 60
"""A leader's EA heartbeats every 120 s but polls and reports far more often: a minute without any call is trouble."""


class StaleBalance(StrEnum):
    SKIP = "skip"
    USE_LAST = "use_last"


class Remainder(StrEnum):
    """What to do when a partial close would leave less than the symbol's minimum volume."""

    CLOSE_ALL = "close_all"
    KEEP = "keep"


class PendingPolicy(StrEnum):
    """What to do when the leader's pending order was filled and the follower's was not."""

    WAIT = "wait"
    MARKET = "market"
    CANCEL = "cancel"


class CloseStops(StrEnum):
    """What to do with a stop loss or take profit that is nearer to the price than the broker allows."""

    WIDEN = "widen"
    SKIP = "skip"


class ManualClose(StrEnum):
    """What to do when the follower closed a copy by hand (client, mobile, web); never asked after a stop."""

    RESPECT = "respect"
    REOPEN = "reopen"


class UnknownPosition(StrEnum):
    """What to do with a position of the follower that no copy owns."""

    IGNORE = "ignore"
    ADOPT = "adopt"
    """It becomes the copy of the leader's position that it matches and that has none."""


class OnDrift(StrEnum):
    """What to do when a copy's volume or stops are not what they should be."""

    CORRECT = "correct"
    ALERT = "alert"


class Corrections(StrEnum):
    """Who lets reconciliation act."""

    AUTO = "auto"
    APPROVE = "approve"
    """Each correction waits for an operator; closes of orphans and leaders' closes never do."""


class LateJoin(StrEnum):
    """What a new subscription does with trades that its leader has open."""

    NEW_ONLY = "new_only"
    SYNC_NOW = "sync_now"
    SYNC_AT_LOSS = "sync_at_loss"
    """Only those that can be entered at the leader's price or better."""


class Unsubscribe(StrEnum):
    """What becomes of open copies when a subscription is disabled."""

    KEEP = "keep"
    """They stay and are not managed any more."""
    CLOSE_GRACEFULLY = "close_gracefully"
    """They go on following their leader's trades until those end; nothing new is opened."""
    CLOSE_NOW = "close_now"


class Weekday(StrEnum):
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class TradingWindow(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, gc=False):
    """Times of day (HH:MM, in `timezone`, an IANA name) between which opens are copied; from `start` inclusive to
    `end` exclusive; an `end` not after `start` lies on the next day. `days`: those on which the window starts."""

    start: str
    end: str
    days: tuple[Weekday, ...] = tuple(Weekday)
    timezone: str = "UTC"


class CopyRules(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,
):
    """One subscription's settings. `min_volume` and `max_volume` narrow the symbol's own limits, never widen them.

    `symbols` maps the leader's names to the follower's; `include_symbols` (empty: all) and `exclude_symbols` are
    the leader's names; all are compared ignoring case. `copy_stop_loss` and `copy_take_profit` speak of the
    follower's own stops, after `reverse` has swapped them. `max_drift`: how far the price may have moved from the
    leader's before an open is dropped; `max_deviation`: the slippage that the broker is allowed.
    `max_risk_multiple`: how many times its exact volume a copy that is raised to the minimum may have.
    `sides` (empty: both), `include_magics` (empty: all) and `exclude_magics` are the leader's. `max_stop_distance`:
    price units between the trade's price and its stop loss. `schedule` (empty: always) and `delay_seconds` concern
    opens only. `leader_silence_close_seconds` None: copies are kept however long their leader is silent.
    """

    sizing: Sizing
    multiplier: Decimal = Decimal(1)
    min_volume: Decimal = ZERO
    max_volume: Decimal | None = None
    force_min_volume: bool = False
    ignore_contract_size: bool = False
    stale_balance: StaleBalance = StaleBalance.SKIP
    symbols: dict[str, str] = {}
    suffix_discovery: bool = True
    include_symbols: tuple[str, ...] = ()
    exclude_symbols: tuple[str, ...] = ()
    copy_stop_loss: bool = True
    copy_take_profit: bool = True
    close_stops: CloseStops = CloseStops.WIDEN
    copy_pending: bool = True
    pending_policy: PendingPolicy = PendingPolicy.WAIT
    remainder: Remainder = Remainder.CLOSE_ALL
    open_ttl_seconds: int = DEFAULT_OPEN_TTL_SECONDS
    max_drift: Decimal | None = None
    max_deviation: Decimal | None = None
    reverse: bool = False
    max_risk_multiple: Decimal | None = None
    sides: tuple[Side, ...] = ()
    include_magics: tuple[int, ...] = ()
    exclude_magics: tuple[int, ...] = ()
    require_stop_loss: bool = False
    max_stop_distance: Decimal | None = None
    schedule: tuple[TradingWindow, ...] = ()
    delay_seconds: int = 0
    sandbox: bool = False
    manual_close: ManualClose = ManualClose.RESPECT
    unknown_position: UnknownPosition = UnknownPosition.IGNORE
    on_drift: OnDrift = OnDrift.CORRECT
    corrections: Corrections = Corrections.AUTO
    late_join: LateJoin = LateJoin.NEW_ONLY
    unsubscribe: Unsubscribe = Unsubscribe.CLOSE_GRACEFULLY
    leader_silence_seconds: int = DEFAULT_LEADER_SILENCE_SECONDS
    leader_silence_close_seconds: int | None = None
    deferred_replay: bool = False

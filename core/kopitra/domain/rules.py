"""The settings of one subscription: how a leader's trades become one follower's.

Volumes in the follower's lots, prices and drifts in price units, times in seconds. Decimals are accepted as JSON
numbers or strings. An unknown field or sizing mode is refused: a setting that is ignored costs money.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from kopitra.domain.quantities import ZERO

DEFAULT_OPEN_TTL_SECONDS = 60
"""An open that is older than this is another trade at another price."""


class SameVolume(
    msgspec.Struct,
    frozen=True,
    tag_field="mode",
    tag="same_volume",
    rename="camel",
    forbid_unknown_fields=True,
):
    """The leader's volume."""


class ByMultiplier(
    msgspec.Struct,
    frozen=True,
    tag_field="mode",
    tag="multiplier",
    rename="camel",
    forbid_unknown_fields=True,
):
    """The leader's volume times the subscription's `multiplier`, which every other mode applies too."""


class FixedVolume(
    msgspec.Struct,
    frozen=True,
    tag_field="mode",
    tag="fixed_volume",
    rename="camel",
    forbid_unknown_fields=True,
):
    """The same volume for every trade, whatever the leader's. In lots of the leader's contract size, as in every
    mode; in the follower's own lots where `ignore_contract_size` is set."""

    volume: Decimal


class BalanceRatio(
    msgspec.Struct,
    frozen=True,
    tag_field="mode",
    tag="balance_ratio",
    rename="camel",
    forbid_unknown_fields=True,
):
    """The leader's volume times follower balance ÷ leader balance, in one currency."""


Sizing = SameVolume | ByMultiplier | FixedVolume | BalanceRatio
"""How a volume starts; each mode holds the parameters that only it has. A new mode is a new member."""

MODES: dict[type[Sizing], str] = {
    SameVolume: "same_volume",
    ByMultiplier: "multiplier",
    FixedVolume: "fixed_volume",
    BalanceRatio: "balance_ratio",
}


def mode_of(sizing: Sizing) -> str:
    """The mode's name on the wire."""
    return MODES[type(sizing)]


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

"""How a copy's volume starts: one struct for each sizing mode, with the parameters that only it has.

Volumes in lots. An unknown mode or parameter is refused: a setting that is ignored costs money.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec


class RiskBasis(StrEnum):
    """What a fraction of risk is taken of."""

    BALANCE = "balance"
    EQUITY = "equity"


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


class EquityRatio(
    msgspec.Struct,
    frozen=True,
    tag_field="mode",
    tag="equity_ratio",
    rename="camel",
    forbid_unknown_fields=True,
):
    """The leader's volume times follower equity ÷ leader equity, in one currency."""


class FreeMarginRatio(
    msgspec.Struct,
    frozen=True,
    tag_field="mode",
    tag="free_margin_ratio",
    rename="camel",
    forbid_unknown_fields=True,
):
    """The leader's volume times follower free margin ÷ leader free margin, in one currency."""


class ContractSize(
    msgspec.Struct,
    frozen=True,
    tag_field="mode",
    tag="contract_size",
    rename="camel",
    forbid_unknown_fields=True,
):
    """The leader's volume in units of base: normalised by contract size even where `ignore_contract_size` is set."""


class FixedRisk(
    msgspec.Struct,
    frozen=True,
    tag_field="mode",
    tag="fixed_risk",
    rename="camel",
    forbid_unknown_fields=True,
):
    """So many lots that the stop loss would cost `fraction` (0.01: one percent) of the follower's `basis`. Needs a
    stop loss; the leader's volume does not matter."""

    fraction: Decimal
    basis: RiskBasis = RiskBasis.EQUITY


class FixedLeverage(
    msgspec.Struct,
    frozen=True,
    tag_field="mode",
    tag="fixed_leverage",
    rename="camel",
    forbid_unknown_fields=True,
):
    """So many lots that the trade's notional value is `leverage` times the follower's equity."""

    leverage: Decimal


class ByExpression(
    msgspec.Struct,
    frozen=True,
    tag_field="mode",
    tag="expression",
    rename="camel",
    forbid_unknown_fields=True,
):
    """Lots of the leader's contract size, as a formula over named inputs (`domain/expressions.py`)."""

    expression: str


Sizing = (
    SameVolume
    | ByMultiplier
    | FixedVolume
    | BalanceRatio
    | EquityRatio
    | FreeMarginRatio
    | ContractSize
    | FixedRisk
    | FixedLeverage
    | ByExpression
)
"""How a volume starts; each mode holds the parameters that only it has. A new mode is a new member."""

MODES: dict[type[Sizing], str] = {
    SameVolume: "same_volume",
    ByMultiplier: "multiplier",
    FixedVolume: "fixed_volume",
    BalanceRatio: "balance_ratio",
    EquityRatio: "equity_ratio",
    FreeMarginRatio: "free_margin_ratio",
    ContractSize: "contract_size",
    FixedRisk: "fixed_risk",
    FixedLeverage: "fixed_leverage",
    ByExpression: "expression",
}


def mode_of(sizing: Sizing) -> str:
    """The mode's name on the wire."""
    return MODES[type(sizing)]

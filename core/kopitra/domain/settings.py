"""Which setting applies: platform, group, subscription and follower each say what they care about, the later one wins.

A layer sets any of `CopyRules`' fields and leaves the others to whoever else sets them. `symbols` is merged name by
name (ignoring case); every other field is replaced whole.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kopitra.domain.orders import Side
from kopitra.domain.quantities import ZERO
from kopitra.domain.rule_checks import Problem, as_problem, validate
from kopitra.domain.rules import (
    CloseStops,
    CopyRules,
    Corrections,
    LateJoin,
    ManualClose,
    OnDrift,
    PendingPolicy,
    Remainder,
    StaleBalance,
    TradingWindow,
    UnknownPosition,
    Unsubscribe,
)
from kopitra.domain.sizing_modes import FixedVolume, SameVolume, Sizing


class SettingsScope(StrEnum):
    """Whom a layer of settings is published for; a subscription's own come with the subscription."""

    PLATFORM = "platform"
    GROUP = "group"
    FOLLOWER = "follower"


class Layer(StrEnum):
    """Where a value in force comes from, widest first."""

    DEFAULT = "default"
    PLATFORM = "platform"
    GROUP = "group"
    SUBSCRIPTION = "subscription"
    FOLLOWER = "follower"


class CopySettings(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,
):
    """What one layer sets; the fields mean what they mean in `CopyRules`."""

    sizing: Sizing | UnsetType = UNSET
    multiplier: Decimal | UnsetType = UNSET
    min_volume: Decimal | UnsetType = UNSET
    max_volume: Decimal | UnsetType | None = UNSET
    force_min_volume: bool | UnsetType = UNSET
    ignore_contract_size: bool | UnsetType = UNSET
    stale_balance: StaleBalance | UnsetType = UNSET
    symbols: dict[str, str] | UnsetType = UNSET
    suffix_discovery: bool | UnsetType = UNSET
    include_symbols: tuple[str, ...] | UnsetType = UNSET
    exclude_symbols: tuple[str, ...] | UnsetType = UNSET
    copy_stop_loss: bool | UnsetType = UNSET
    copy_take_profit: bool | UnsetType = UNSET
    close_stops: CloseStops | UnsetType = UNSET
    copy_pending: bool | UnsetType = UNSET
    pending_policy: PendingPolicy | UnsetType = UNSET
    remainder: Remainder | UnsetType = UNSET
    open_ttl_seconds: int | UnsetType = UNSET
    max_drift: Decimal | UnsetType | None = UNSET
    max_deviation: Decimal | UnsetType | None = UNSET
    reverse: bool | UnsetType = UNSET
    max_risk_multiple: Decimal | UnsetType | None = UNSET
    sides: tuple[Side, ...] | UnsetType = UNSET
    include_magics: tuple[int, ...] | UnsetType = UNSET
    exclude_magics: tuple[int, ...] | UnsetType = UNSET
    require_stop_loss: bool | UnsetType = UNSET
    max_stop_distance: Decimal | UnsetType | None = UNSET
    schedule: tuple[TradingWindow, ...] | UnsetType = UNSET
    delay_seconds: int | UnsetType = UNSET
    sandbox: bool | UnsetType = UNSET
    manual_close: ManualClose | UnsetType = UNSET
    unknown_position: UnknownPosition | UnsetType = UNSET
    on_drift: OnDrift | UnsetType = UNSET
    corrections: Corrections | UnsetType = UNSET
    late_join: LateJoin | UnsetType = UNSET
    unsubscribe: Unsubscribe | UnsetType = UNSET
    leader_silence_seconds: int | UnsetType = UNSET
    leader_silence_close_seconds: int | UnsetType | None = UNSET
    deferred_replay: bool | UnsetType = UNSET


NOTHING_SET = CopySettings()
NO_SIZING = FixedVolume(volume=ZERO)
"""Stands where no layer says how to size: it is no valid setting and sizes nothing."""
NOTHING_IN_FORCE = CopyRules(sizing=NO_SIZING)
SIZING_MISSING = Problem("sizing", "is set for neither platform, group, subscription nor follower")
NAMES: tuple[str, ...] = CopySettings.__struct_fields__
WIRE_NAMES: Mapping[str, str] = dict(
    zip(CopySettings.__struct_fields__, CopySettings.__struct_encode_fields__, strict=True)
)
"""Field → its name on the wire."""
SYMBOLS = "symbols"

Layers = Iterable[tuple[Layer, CopySettings]]
"""Widest first."""


class Effective(msgspec.Struct, frozen=True):
    """The rules in force, and the layer behind each value: every field by its name on the wire, and for each mapped
    symbol `symbols.NAME`. What is not listed is a default."""

    rules: CopyRules
    origins: dict[str, Layer]
    problems: tuple[Problem, ...] = ()
    """Why these rules must not be used; empty where they may."""

    def origin(self, path: str) -> Layer:
        """The layer that set the value at this path ("sizing.volume"), as nearly as layers can tell."""
        while path:
            if path in self.origins:
                return self.origins[path]
            path = path.rpartition(".")[0]
        return Layer.DEFAULT


def effective(layers: Layers) -> Effective:
    """Merged, checked and with the origin of every value."""
    origins: dict[str, Layer] = {}
    values = _merged(layers, origins)
    if "sizing" in values:
        rules = CopyRules(**values)
        return Effective(rules, origins, tuple(validate(rules)))
    others = validate(CopyRules(**values, sizing=SameVolume()))
    return Effective(CopyRules(**values, sizing=NO_SIZING), origins, (SIZING_MISSING, *others))


def rules_of(layers: Layers) -> CopyRules:
    """Merged, whether they may be used or not."""
    values = _merged(layers, None)
    values.setdefault("sizing", NO_SIZING)
    return CopyRules(**values)


def layer_of(rules: CopyRules) -> CopySettings:
    """One layer that sets whatever differs from the defaults."""
    default = CopyRules(sizing=rules.sizing)
    differing = {n: v for n in NAMES if n != "sizing" and (v := getattr(rules, n)) != getattr(default, n)}
    return CopySettings(sizing=rules.sizing, **differing)


def read_settings(raw: object) -> CopySettings | list[Problem]:
    """One layer as decoded JSON or YAML: the settings, or what is wrong with their types."""
    try:
        return msgspec.convert(raw, CopySettings, strict=True)
    except msgspec.ValidationError as refusal:
        return [as_problem(str(refusal))]


def set_in(settings: CopySettings) -> dict[str, Any]:
    """The fields that a layer sets."""
    return {name: value for name in NAMES if (value := getattr(settings, name)) is not UNSET}


def _merged(layers: Layers, origins: dict[str, Layer] | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for layer, settings in layers:
        if settings is NOTHING_SET:
            continue
        given = set_in(settings)
        if SYMBOLS in given:
            given[SYMBOLS] = _symbols(values.get(SYMBOLS, {}), given[SYMBOLS], layer, origins)
        values.update(given)
        if origins is not None:
            origins.update((WIRE_NAMES[name], layer) for name in given)
    return values


def _symbols(
    wider: Mapping[str, str], given: Mapping[str, str], layer: Layer, origins: dict[str, Layer] | None
) -> dict[str, str]:
    """A later layer's name replaces a wider one's, however it is spelled; twice in one layer stays, to be refused."""
    folded = {name.casefold() for name in given}
    kept = {name: theirs for name, theirs in wider.items() if name.casefold() not in folded}
    if origins is not None:
        for name in wider:
            if name not in kept:
                origins.pop(f"{SYMBOLS}.{name}", None)
        origins.update((f"{SYMBOLS}.{name}", layer) for name in given)
    return kept | dict(given)

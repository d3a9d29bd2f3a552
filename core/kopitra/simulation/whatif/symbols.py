"""What each account's broker lists: the leader's symbols as its statement tells them, a follower's as its plan does."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from kopitra.domain.symbol_names import squeezed
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.histories.specs import specs_for
from kopitra.simulation.timeline import Timeline
from kopitra.simulation.whatif.contracts import RateSeries, implied_by
from kopitra.simulation.whatif.plan import FollowerPlan, LeaderPlan


class LeaderSymbols(msgspec.Struct, frozen=True, kw_only=True):
    """`rates`: what other currencies were worth in the leader's, as its profits tell."""

    specs: tuple[SymbolSpec, ...]
    rates: Mapping[str, RateSeries]
    notes: tuple[str, ...]


class FollowerSymbols(msgspec.Struct, frozen=True, kw_only=True):
    """`names` are the follower's by the leader's."""

    specs: tuple[SymbolSpec, ...]
    names: dict[str, str]


def leader_symbols(timeline: Timeline, plan: LeaderPlan, currency: str) -> LeaderSymbols:
    """Contract sizes are those of the plan, else what the leader's own profits tell, else the usual ones."""
    derived = specs_for(timeline)
    implied = implied_by(timeline.events, derived.specs, currency)
    sizes = {**implied.sizes, **_by_listed_name(plan.contract_sizes, derived.specs)}
    notes = [
        f"{symbol}: one lot is {size:f} units, as the statement's own profits tell"
        for symbol, size in implied.sizes.items()
        if sizes[symbol] == size
    ]
    unknown = [note for note in derived.notes if note.split(" ", 1)[0] not in sizes]
    return LeaderSymbols(
        specs=tuple(_sized(spec, sizes.get(spec.symbol)) for spec in derived.specs),
        rates=implied.rates,
        notes=(*unknown, *notes),
    )


def follower_symbols(
    specs: Sequence[SymbolSpec], plan: FollowerPlan, mapping: Mapping[str, str]
) -> FollowerSymbols:
    """The leader's symbols as this follower's broker lists them: under its own names and steps. `mapping` is that of
    the rules in force."""
    names = _names(specs, plan.broker.suffix, mapping)
    sizes = _by_listed_name(plan.broker.contract_sizes, specs)
    listed = {
        names[spec.symbol]: _listed(spec, names[spec.symbol], plan, sizes.get(spec.symbol)) for spec in specs
    }
    return FollowerSymbols(specs=tuple(listed.values()), names=names)


def unknown_names(named: Mapping[str, object], specs: Sequence[SymbolSpec]) -> list[str]:
    """Names in a setting that no symbol of the statement has, whatever the case."""
    known = {spec.symbol.casefold() for spec in specs}
    return [name for name in named if name.casefold() not in known]


def _sized(spec: SymbolSpec, size: Decimal | None) -> SymbolSpec:
    return spec if size is None else msgspec.structs.replace(spec, contract_size=size)


def _names(specs: Sequence[SymbolSpec], suffix: str, mapping: Mapping[str, str]) -> dict[str, str]:
    """What the rules map is listed as they say; a suffix is put to the plain name ("eurusd." → "EURUSD.m"), or to the
    whole where two plain names are one."""
    mapped = {ours.casefold(): theirs for ours, theirs in mapping.items()}
    plain = [squeezed(spec.symbol) for spec in specs]
    names: dict[str, str] = {}
    for spec, name in zip(specs, plain, strict=True):
        own = (name if plain.count(name) == 1 else spec.symbol) + suffix if suffix else spec.symbol
        names[spec.symbol] = mapped.get(spec.symbol.casefold(), own)
    return names


def _listed(spec: SymbolSpec, name: str, plan: FollowerPlan, size: Decimal | None) -> SymbolSpec:
    broker = plan.broker
    step = broker.lot_step or spec.volume_step
    return msgspec.structs.replace(
        _sized(spec, size),
        symbol=name,
        volume_step=step,
        volume_min=broker.min_volume or max(step, spec.volume_min if broker.lot_step is None else step),
        volume_max=broker.max_volume or spec.volume_max,
        stops_level=broker.stops_level,
    )


def _by_listed_name(sizes: Mapping[str, Decimal], specs: Sequence[SymbolSpec]) -> dict[str, Decimal]:
    folded = {name.casefold(): size for name, size in sizes.items()}
    return {spec.symbol: folded[spec.symbol.casefold()] for spec in specs if spec.symbol.casefold() in folded}

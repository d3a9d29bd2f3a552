"""One broker's symbols, indexed by what they are instead of by how that broker spells them.

Building the index reads every symbol once, so callers keep it by the catalogue's hash.
"""

from collections.abc import Iterable, Mapping

from kopitra.domain.symbol_names import names_its_pair, stem
from kopitra.domain.symbols import SymbolSpec

Specs = tuple[SymbolSpec, ...]


class Catalogue:
    """`by_name` is exact; `by_pair` holds currency pairs by (base, profit); `by_stem` every symbol by its bare name;
    `partners` the currencies that are paired with each currency."""

    __slots__ = ("by_name", "by_pair", "by_stem", "partners")

    def __init__(self, symbols: Iterable[SymbolSpec]) -> None:
        self.by_name: Mapping[str, SymbolSpec] = {spec.symbol: spec for spec in symbols}
        by_stem: dict[str, Specs] = {}
        by_pair: dict[tuple[str, str], Specs] = {}
        for spec in self.by_name.values():
            bare = stem(spec.symbol)
            by_stem[bare] = (*by_stem.get(bare, ()), spec)
            if names_its_pair(spec):
                pair = spec.base_currency, spec.profit_currency
                by_pair[pair] = (*by_pair.get(pair, ()), spec)
        self.by_stem: Mapping[str, Specs] = by_stem
        self.by_pair: Mapping[tuple[str, str], Specs] = by_pair
        self.partners: Mapping[str, frozenset[str]] = _partners(by_pair)


def _partners(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    partners: dict[str, set[str]] = {}
    for base, profit in pairs:
        partners.setdefault(base, set()).add(profit)
        partners.setdefault(profit, set()).add(base)
    return {currency: frozenset(others) for currency, others in partners.items()}

"""One broker's symbols, indexed for finding the counterpart of another broker's symbol.

Building the index reads every symbol once (about 10 ms for 3,000), so callers keep it by the catalogue's hash.
"""

from collections.abc import Iterable, Mapping

from kopitra.domain.symbol_names import names_its_pair, stem
from kopitra.domain.symbols import SymbolSpec

Specs = tuple[SymbolSpec, ...]


class Catalogue:
    """`by_name` is exact. `by_pair` holds currency pairs by (base, profit); `by_stem` every symbol by its bare name."""

    __slots__ = ("by_name", "by_pair", "by_stem")

    def __init__(self, symbols: Iterable[SymbolSpec]) -> None:
        by_name = {spec.symbol: spec for spec in symbols}
        by_pair: dict[tuple[str, str], Specs] = {}
        by_stem: dict[str, Specs] = {}
        for spec in by_name.values():
            bare = stem(spec.symbol)
            by_stem[bare] = (*by_stem.get(bare, ()), spec)
            if names_its_pair(spec):
                pair = spec.base_currency, spec.profit_currency
                by_pair[pair] = (*by_pair.get(pair, ()), spec)
        self.by_name: Mapping[str, SymbolSpec] = by_name
        self.by_pair: Mapping[tuple[str, str], Specs] = by_pair
        self.by_stem: Mapping[str, Specs] = by_stem

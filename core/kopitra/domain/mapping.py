"""Which of a follower's symbols stands for a leader's.

An explicit mapping wins, then the same name, then suffix discovery, which accepts exactly one candidate. The answer
is a pure function of the rules, the leader's symbol and the catalogue: callers keep it by (subscription revision,
catalogue hash, symbol).
"""

from enum import StrEnum

import msgspec

from kopitra.domain.catalogues import Catalogue, Specs
from kopitra.domain.orders import Side
from kopitra.domain.rules import CopyRules
from kopitra.domain.skips import Skip, SkipReason
from kopitra.domain.symbol_names import names_its_pair, stem
from kopitra.domain.symbols import SymbolSpec, TradeMode

OPENABLE = frozenset({TradeMode.FULL, TradeMode.LONG_ONLY, TradeMode.SHORT_ONLY})


class MappedBy(StrEnum):
    EXPLICIT = "explicit"
    SAME_NAME = "same_name"
    DISCOVERED = "discovered"


class Mapped(msgspec.Struct, frozen=True, gc=False):
    """The follower's symbol. Whether it may be opened in one direction is `opens(spec, side)`."""

    spec: SymbolSpec
    how: MappedBy

    @property
    def symbol(self) -> str:
        return self.spec.symbol


def map_symbol(rules: CopyRules, leader: SymbolSpec | str, catalogue: Catalogue) -> Mapped | Skip:
    """`leader` is the leader's symbol, or just its name where its catalogue is unknown."""
    name = leader if isinstance(leader, str) else leader.symbol
    if _excluded(rules, name):
        return Skip(SkipReason.SYMBOL_EXCLUDED, f"{name} is not among the copied symbols")
    explicit = _by_mapping(rules, name)
    if explicit is not None:
        return _explicit(name, explicit, catalogue)
    same = catalogue.by_name.get(name)
    if same is not None and same.trade_mode in OPENABLE:
        return Mapped(same, MappedBy.SAME_NAME)
    candidates = alike(leader, catalogue) if rules.suffix_discovery else ()
    return _discovered(name, candidates, same)


def opens(spec: SymbolSpec, side: Side) -> bool:
    """Whether the broker lets this side be opened."""
    if spec.trade_mode is TradeMode.FULL:
        return True
    return spec.trade_mode is (TradeMode.LONG_ONLY if side is Side.BUY else TradeMode.SHORT_ONLY)


def _excluded(rules: CopyRules, name: str) -> bool:
    folded = name.casefold()
    if any(folded == excluded.casefold() for excluded in rules.exclude_symbols):
        return True
    included = rules.include_symbols
    return bool(included) and all(folded != one.casefold() for one in included)


def _by_mapping(rules: CopyRules, name: str) -> str | None:
    if name in rules.symbols:
        return rules.symbols[name]
    folded = name.casefold()
    return next((theirs for ours, theirs in rules.symbols.items() if ours.casefold() == folded), None)


def _explicit(name: str, symbol: str, catalogue: Catalogue) -> Mapped | Skip:
    spec = catalogue.by_name.get(symbol)
    if spec is None:
        return Skip(
            SkipReason.SYMBOL_UNMAPPED,
            f"{name} is mapped to {symbol}, which the follower's broker does not have",
        )
    if spec.trade_mode not in OPENABLE:
        return Skip(SkipReason.SYMBOL_NOT_TRADABLE, f"{symbol} is {spec.trade_mode} at the follower's broker")
    return Mapped(spec, MappedBy.EXPLICIT)


def _discovered(name: str, candidates: Specs, same: SymbolSpec | None) -> Mapped | Skip:
    if len(candidates) == 1:
        return Mapped(candidates[0], MappedBy.DISCOVERED)
    if candidates:
        names = ", ".join(sorted(spec.symbol for spec in candidates))
        return Skip(SkipReason.SYMBOL_AMBIGUOUS, f"{name} may be any of {names}; map it explicitly")
    if same is not None:
        return Skip(SkipReason.SYMBOL_NOT_TRADABLE, f"{name} is {same.trade_mode} at the follower's broker")
    return Skip(SkipReason.SYMBOL_UNMAPPED, f"the follower's broker has no counterpart of {name}")


def alike(leader: SymbolSpec | str, catalogue: Catalogue) -> Specs:
    """Fully tradable symbols that are the leader's under another decoration."""
    name = leader if isinstance(leader, str) else leader.symbol
    found = {
        spec.symbol: spec for spec in catalogue.by_stem.get(stem(name), ()) if _currencies_agree(leader, spec)
    }
    if not isinstance(leader, str) and names_its_pair(leader):
        pair = leader.base_currency, leader.profit_currency
        found.update({spec.symbol: spec for spec in catalogue.by_pair.get(pair, ())})
    return tuple(spec for spec in found.values() if spec.trade_mode is TradeMode.FULL)


def _currencies_agree(leader: SymbolSpec | str, spec: SymbolSpec) -> bool:
    """Equal base and profit currency, as far as both brokers tell: an index's base (JP225: JPY) tells nothing."""
    if isinstance(leader, str):
        return True
    ours, theirs = leader.profit_currency, spec.profit_currency
    if ours and theirs and ours != theirs:
        return False
    return not (_tells_base(leader) and _tells_base(spec)) or leader.base_currency == spec.base_currency


def _tells_base(spec: SymbolSpec) -> bool:
    return bool(spec.base_currency) and spec.base_currency != spec.profit_currency

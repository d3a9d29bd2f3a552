"""What a broker's symbol name says once its decorations (suffix, prefix, separators, case) are taken off."""

import re

from kopitra.domain.symbols import SymbolSpec

BROKER_SUFFIXES = frozenset({
    "cash", "cent", "ecn", "fix", "fx", "index", "ltd", "mic", "micro", "mini", "nano", "plus", "prime", "pro", "raw",
    "spot", "std", "stp", "var", "vip", "zero",
})  # fmt: skip
"""Suffixes that brokers add for an account type; another one needs an explicit mapping or currencies to confirm."""

SHARE_CLASSES = frozenset("ABCK")
"""Single letters that after a separator name another share (BRK.A, BRK.B), so they are no decoration."""

_NOT_ALPHANUMERIC = re.compile(r"[^A-Z0-9]+")
_SEPARATED = re.compile(r"^(?P<stem>.+?)[^A-Za-z0-9]+(?P<suffix>[A-Za-z]+)$")
_AFTER_DIGIT = re.compile(r"^(?P<stem>.*[0-9])(?P<suffix>[A-Za-z]+)$")
_LOWER_TAIL = re.compile(r"^(?P<stem>[^a-z]+)(?P<suffix>[a-z]+)$")


def squeezed(name: str) -> str:
    """The letters and digits of a name, in upper case: "EUR/USD.m" → "EURUSDM"."""
    return _NOT_ALPHANUMERIC.sub("", name.upper())


def names_its_pair(spec: SymbolSpec) -> bool:
    """Whether the symbol is a pair of two different currencies and its name holds both codes, base first."""
    base, profit = spec.base_currency, spec.profit_currency
    return bool(base and profit and base != profit) and (base + profit).upper() in squeezed(spec.symbol)


def stem(name: str) -> str:
    """The name without known decoration: "jp225.", "#JP225", "JP225m", "JP225.cash" → "JP225"."""
    trimmed = name.strip("#._-!+*^ ")
    for pattern, spared in (
        (_SEPARATED, SHARE_CLASSES),
        (_AFTER_DIGIT, frozenset[str]()),
        (_LOWER_TAIL, frozenset[str]()),
    ):
        found = pattern.match(trimmed)
        if found is not None and _is_decoration(found["suffix"], spared):
            return squeezed(found["stem"])
    return squeezed(trimmed)


def _is_decoration(suffix: str, spared: frozenset[str]) -> bool:
    if len(suffix) == 1:
        return suffix.upper() not in spared
    return suffix.lower() in BROKER_SUFFIXES

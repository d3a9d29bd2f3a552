"""What a bench run found: named figures, the table on the screen, and `build/bench.json`."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """`ceiling` is what a bare program reaches with the same load in the same run; `ratio` is value ÷ ceiling."""

    name: str
    value: float
    unit: str
    ceiling: float | None = None
    ratio: float | None = None


class Target(msgspec.Struct, frozen=True):
    """A bound of a figure, or of its ratio."""

    most: float | None = None
    least_ratio: float | None = None

    def met(self, figure: Figure) -> bool:
        if self.most is not None:
            return figure.value <= self.most
        return figure.ratio is not None and figure.ratio >= (self.least_ratio or 0)

    def __str__(self) -> str:
        return f"≤ {self.most:g}" if self.most is not None else f"≥ {self.least_ratio:.0%} of the ceiling"


TARGETS = {
    "planning.1000.multiplier.decide": Target(most=25),
    "planning.1000.balance_ratio.decide": Target(most=25),
    "latency.100.held.p99": Target(most=40),
    "latency.1000.held.last": Target(most=300),
    "signals.per_second": Target(least_ratio=0.6),
    "idle.session.memory": Target(most=50),
    "recovery.100000.journal.seconds": Target(most=5),
    "management.lists.p95": Target(most=100),
}
"""For a machine of two cores with nothing else to do; on a busy one the ratios say more than the figures."""


def figure(name: str, value: float, unit: str, ceiling: float | None = None) -> Figure:
    """Rounded to four significant digits: more would pretend a precision that no run has."""
    bound = _rounded(ceiling) if ceiling else None
    return Figure(name, _rounded(value), unit, bound, _rounded(value / ceiling) if ceiling else None)


def write(figures: Sequence[Figure], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n")


def show(figures: Sequence[Figure], console: Console) -> None:
    table = Table(title="Kopitra under load", title_justify="left")
    table.add_column("figure", no_wrap=True)
    for heading in ("value", "ceiling", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("target", no_wrap=True)
    for found in figures:
        target = TARGETS.get(found.name)
        verdict = "" if target is None else f"{'✓' if target.met(found) else '✗'} {target}"
        table.add_row(
            found.name, plain(found.value), plain(found.ceiling), plain(found.ratio), found.unit, verdict
        )
    console.print(table)


def plain(value: float | None) -> str:
    """No exponent, a separator in thousands."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:g}"


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")

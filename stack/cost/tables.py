"""The reckoning for people: one table an environment, one of choices."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from stack.cost.model import Line, total
from stack.cost.prices import DEARER_REGION, PRICES

HEAD = ("resource", "meter", "quantity", "unit", "USD", "what that is")
ALIGNED = "<<><><"
"""`>`: to the right."""


def environment_table(name: str, lines: Sequence[Line], budget: int) -> str:
    rows = [
        (
            line.resource,
            f"{line.price.service} {line.price.sku}",
            f"{line.quantity:,.2f}",
            line.price.unit,
            f"{line.usd:.2f}",
            line.note,
        )
        for line in sorted(lines, key=lambda line: -line.usd)
    ]
    whole = total(lines)
    beyond = whole * DEARER_REGION
    return (
        f"{name}: USD {whole:.2f} a month when quiet, of a budget of {budget} (USD {beyond:.2f} where all is "
        f"{(DEARER_REGION - 1) * 100:.0f} % dearer)\n\n{_aligned([HEAD, *rows], ALIGNED)}\n"
    )


def choices_table(environment: str, differences: Mapping[str, Decimal]) -> str:
    rows = [(says, f"{usd:+.2f}") for says, usd in differences.items()]
    return f"{environment} otherwise, USD a month\n\n{_aligned(rows, '<>')}\n"


def sources() -> str:
    noted = max(price.noted for price in PRICES)
    return (
        f"{len(PRICES)} list prices of East US as noted on {noted}, without tax, discounts and free grants; "
        "the page to compare each with: stack/cost/prices.py"
    )


def _aligned(rows: Sequence[Sequence[str]], sides: str) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(sides))]
    return "\n".join(
        "  "
        + "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)
        ).rstrip()
        for row in rows
    )

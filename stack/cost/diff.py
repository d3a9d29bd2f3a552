"""`python -m stack.cost.diff base.json head.json`: what a change costs, as Markdown for a pull request."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

Report = Mapping[str, Any]
"""What `make cost` writes."""
MARKED = "<!-- kopitra: cost -->"
"""By this a later run finds its own comment again."""
EXIT_WRONG_USE = 2


def comparison(base: Report, head: Report) -> str:
    """Markdown: totals of every environment, then each meter that differs."""
    rows = [_row(name, base.get(name), head.get(name)) for name in sorted({*base, *head}, key=_order(head))]
    table = ["| environment | before | after | change | budget |", "|---|---:|---:|---:|---:|", *rows]
    details = list(_details(base, head))
    if not details:
        return "\n".join([MARKED, "**Cost when quiet**: no change", "", *table, ""])
    changed = ["", "| environment | resource | meter | before | after |", "|---|---|---|---:|---:|", *details]
    return "\n".join([MARKED, "**Cost when quiet** (USD a month)", "", *table, *changed, ""])


def _order(head: Report) -> Callable[[str], int]:
    known = list(head)

    def place(name: str) -> int:
        return known.index(name) if name in known else len(known)

    return place


def _row(name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    was = Decimal(before["usd"]) if before else Decimal(0)
    becomes = Decimal(after["usd"]) if after else Decimal(0)
    budget = (after or before or {}).get("budgetUsd", "")
    over = " ⚠" if after and becomes > Decimal(budget) else ""
    return f"| {name} | {was:.2f} | {becomes:.2f}{over} | {becomes - was:+.2f} | {budget} |"


def _details(base: Report, head: Report) -> Iterator[str]:
    for name in sorted({*base, *head}, key=_order(head)):
        was, becomes = _meters(base.get(name)), _meters(head.get(name))
        for key in sorted({*was, *becomes}):
            before, after = was.get(key), becomes.get(key)
            if before != after:
                resource, meter = key
                yield f"| {name} | {resource} | {meter} | {_or_none(before)} | {_or_none(after)} |"


def _meters(environment: Mapping[str, Any] | None) -> dict[tuple[str, str], Decimal]:
    if environment is None:
        return {}
    return {(line["resource"], line["meter"]): Decimal(line["usd"]) for line in environment["lines"]}


def _or_none(usd: Decimal | None) -> str:
    return "–" if usd is None else f"{usd:.2f}"


def main(arguments: Sequence[str]) -> int:
    try:
        base, head = (json.loads(Path(name).read_text()) for name in arguments)
    except ValueError as problem:
        print(f"usage: python -m stack.cost.diff BASE.json HEAD.json ({problem})", file=sys.stderr)
        return EXIT_WRONG_USE
    except OSError as problem:
        print(f"{problem.filename}: {problem.strerror}", file=sys.stderr)
        return EXIT_WRONG_USE
    print(comparison(base, head))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

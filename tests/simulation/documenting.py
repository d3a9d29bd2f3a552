"""Writes the tables of docs/simulation.md from the last run and hunt: `make simulate DOCUMENT=1`."""

from pathlib import Path

import msgspec

from tests.simulation.planted.all_of_them import BUGS
from tests.simulation.planted.hunting import Catch, recorded
from tests.simulation.tally import REPORT, Report

PAGE = Path("docs/simulation.md")
BEGINS, ENDS = "<!-- tables of the run begin -->", "<!-- tables of the run end -->"


def tables(report: Report, catches: dict[str, Catch]) -> str:
    return "\n\n".join(
        (_speed(report), *(_coverage(k, c) for k, c in report.coverage.items()), _bugs(catches))
    )


def _speed(report: Report) -> str:
    return (
        f"{report.seeds:,} seeds from {report.start} with {report.workers} processes: {report.seeds_per_second} seeds "
        f"a second, {report.cpu_seconds_per_seed} s of processor time each, {len(report.failed)} of them violating, "
        f"{len(report.never_exercised)} names never exercised."
    )


def _coverage(kind: str, counted: dict[str, int]) -> str:
    rows = [f"| {name} | {count:,} |" for name, count in sorted(counted.items(), key=lambda i: (-i[1], i[0]))]
    return "\n".join((f"### {kind.capitalize()}", "", "| what | how often |", "|---|---:|", *rows))


def _bugs(catches: dict[str, Catch]) -> str:
    ordered = sorted(catches.items(), key=lambda item: (BUGS[item[0]].layer, item[0]))
    rows = [
        " | ".join(
            (
                f"| {BUGS[name].layer}",
                name,
                BUGS[name].story.replace("\n", " "),
                str(catch.seed),
                ", ".join(catch.invariants),
                f"{catch.alone} |",
            )
        )
        for name, catch in ordered
    ]
    head = (
        "| layer | defect | what it would mean | seed | invariants | alone by |",
        "|---|---|---|---:|---|---|",
    )
    return "\n".join(("### Planted defects", "", *head, *rows))


def main() -> None:
    if not REPORT.exists():
        raise SystemExit(f"{REPORT} is not there: make simulate writes it")
    report = msgspec.json.decode(REPORT.read_bytes(), type=Report)
    before, _, rest = PAGE.read_text().partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    PAGE.write_text(f"{before}{BEGINS}\n\n{tables(report, recorded())}\n\n{ENDS}{after}")


if __name__ == "__main__":
    main()

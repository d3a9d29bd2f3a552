"""The verdict as people read it."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from kopitra_cli.demo.closing import ManagementReport
from kopitra_cli.demo.invariants import FollowerInvariants
from kopitra_cli.demo.run import Outcome
from kopitra_cli.demo.verdict import FollowerVerdict, Verdict, percentile

MOST_COMPLAINTS = 12
"""For each follower: one broken rule can break hundreds of positions."""


def show_verdict(console: Console, outcome: Outcome, verdict: Verdict) -> None:
    """A table with a line for each follower, then every difference."""
    table = Table(
        title="Verdict: the oracle's expectation against the brokers' own records", title_justify="left"
    )
    for name in (
        "follower",
        "verdict",
        "copies",
        "open",
        "expected",
        "skipped",
        "p50 ms",
        "p99 ms",
        "lost",
        "doubled",
    ):
        table.add_column(name, justify="left" if name in ("follower", "verdict", "skipped") else "right")
    for each in verdict.followers:
        table.add_row(*_row(each))
    console.print(table)
    for line in _summary(outcome, verdict):
        _say(console, line)
    for line in verdict_complaints(verdict):
        _say(console, f"✗ {line}")
    _say(console, "PASSED" if verdict.passed else "FAILED")


def verdict_complaints(verdict: Verdict) -> Iterator[str]:
    """Everything that is wrong, each line naming follower and position; long lists are cut short and say so."""
    yield from _cut(verdict.complaints, "the run")
    for each in verdict.followers:
        yield from _cut(each.complaints, each.account)


def show_invariants(console: Console, outcome: Outcome, followers: Sequence[FollowerInvariants]) -> bool:
    """Whether all hold."""
    table = Table(title="Invariants while copies may expire", title_justify="left")
    for name in ("follower", "holds", "copies", "missing, as recorded"):
        table.add_column(name, justify="right" if name == "copies" else "left")
    for each in followers:
        table.add_row(
            each.account,
            "no" if each.complaints else "yes",
            str(each.copies),
            _counts(each.missing) or "none",
        )
    console.print(table)
    for line in _what_happened(outcome):
        _say(console, line)
    for line in _management(outcome.management):
        _say(console, line)
    for each in followers:
        for line in _cut(each.complaints, each.account):
            _say(console, f"✗ {line}")
    for line in _cut(outcome.management.complaints, "the run"):
        _say(console, f"✗ {line}")
    holds = not outcome.management.complaints and not any(each.complaints for each in followers)
    _say(console, "HOLDS" if holds else "BROKEN")
    return holds


def _row(each: FollowerVerdict) -> tuple[str, ...]:
    return (
        each.account,
        "passed" if each.passed else "FAILED",
        str(each.copies),
        str(each.open_actual),
        str(each.open_expected),
        _counts(each.skips),
        _milliseconds(each.latencies, 50),
        _milliseconds(each.latencies, 99),
        str(each.lost),
        str(each.duplicated),
    )


def _summary(outcome: Outcome, verdict: Verdict) -> Iterator[str]:
    copies = sum(each.copies for each in verdict.followers)
    times = f"p50 {_milliseconds(verdict.latencies, 50)} ms, p99 {_milliseconds(verdict.latencies, 99)} ms"
    yield f"{copies} copies in {outcome.play_seconds:.1f} s, set up in {outcome.set_up_seconds:.1f} s"
    yield f"deal to deal: {times}"
    yield from _management(outcome.management)
    yield from _what_happened(outcome)


def _management(report: ManagementReport) -> Iterator[str]:
    slowest = max(report.in_force, default=0.0)
    yield f"{len(report.in_force)} changes in force within {slowest:.2f} s, halted within {report.halted:.2f} s"
    counts = report.history.counts
    rows = ", ".join(f"{count} {name}" for name, count in counts.items())
    agrees = "DIFFERS FROM" if report.history.complaints else "equals"
    yield f"history in SQL {agrees} the journal: {rows}"


def _what_happened(outcome: Outcome) -> Iterator[str]:
    if outcome.kills:
        yield f"{len(outcome.kills)} × kill -9: {', '.join(outcome.kills)}"
    for incident in outcome.evidence.record.incidents[:MOST_COMPLAINTS]:
        yield f"incident: {incident}"
    if outcome.notes:
        yield f"{len(outcome.notes)} notes, told above"


def _cut(complaints: Sequence[str], account: str) -> Iterator[str]:
    yield from complaints[:MOST_COMPLAINTS]
    if len(complaints) > MOST_COMPLAINTS:
        yield f"{account}: {len(complaints) - MOST_COMPLAINTS} more"


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))


def _milliseconds(values: Sequence[float], percent: int) -> str:
    value = percentile(values, percent)
    return "–" if value is None else f"{value:.0f}"


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)

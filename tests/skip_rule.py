"""Where CI=true, a skipped test is a failed one unless tests/allowed-skips.txt names it."""

import os
import re
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

ALLOWED = Path(__file__).with_name("allowed-skips.txt")


def named(nodeid: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern names this test, its file or a folder above it; `*` stands for any characters."""
    expressions = (".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns)
    return any(re.fullmatch(rf"{expression}([/\[:].*)?", nodeid, re.DOTALL) for expression in expressions)


def allowed_patterns(text: str) -> list[str]:
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def _is_refused(report: pytest.TestReport | pytest.CollectReport) -> bool:
    if os.environ.get("CI") != "true" or not report.skipped or hasattr(report, "wasxfail"):
        return False
    return not named(report.nodeid, allowed_patterns(ALLOWED.read_text()))


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{reason}\nA skip fails where CI=true unless {ALLOWED.name} names the test."


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if _is_refused(report):
        _refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if _is_refused(report):
        _refuse(report)
    return report

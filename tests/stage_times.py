"""A table of how long each stage's tests took, before pytest's closing line."""

import time
from collections import Counter, defaultdict
from pathlib import PurePosixPath

import pytest

from scripts.tooling.stages import STAGES, stage_of

OTHER = "other"
"""Tests outside every stage's folders."""


class StageTimes:
    def __init__(self) -> None:
        self._started = time.monotonic()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._tests: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        parts = PurePosixPath(report.nodeid.split("::")[0]).parts
        stage = (len(parts) > 1 and stage_of(parts[1])) or OTHER
        self._seconds[stage] += report.duration
        if report.when == "setup":
            self._tests[stage] += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._seconds:
            return
        terminalreporter.section("time by stage")
        for stage in (*STAGES, OTHER):
            if stage in self._seconds:
                terminalreporter.write_line(
                    f"{stage:<12}{self._tests[stage]:>6} tests{self._seconds[stage]:9.1f} s"
                )
        rest = time.monotonic() - self._started - sum(self._seconds.values())
        terminalreporter.write_line(f"{'the rest':<12}{'':>12}{rest:9.1f} s")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(StageTimes())

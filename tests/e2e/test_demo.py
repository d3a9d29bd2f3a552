"""The demonstration as a user runs it: processes, sockets, files, an exit code, and nothing left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stack.observed import OF_APPS

NOT_IN_A_SHORT_DEMONSTRATION = {
    "kopitra.closes.refused",
    "kopitra.fence.lost",
    "kopitra.signal.ingestion.p95",
}
"""Trouble that there is none of, and what is told of a whole minute."""
TIMEOUT_SECONDS = 180
"""Fourteen processes start in eight seconds on two idle cores; loaded ones take several times that."""
PATIENCE_SECONDS = TIMEOUT_SECONDS - 20
"""Less than a test may take, so that one which does not end says what it did."""


class Show:
    """One `kopitra demo`, its temporary files in a folder of its own."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.folder = folder
        inherited = {
            name: value for name, value in os.environ.items() if name not in ("STATEMENT", "CHAOS", "SEED")
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kopitra_cli", "demo", *options],
            env=inherited | {"TMPDIR": str(folder)} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self.output = ""
        self.code: int | None = None

    def end(self) -> "Show":
        """Wait for the end; what does not come to one is killed, and fails with all that it said."""
        try:
            self.output += self.process.communicate(timeout=PATIENCE_SECONDS)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(self.output + self.process.communicate()[0]) from None
        self.code = self.process.returncode
        return self

    def until(self, words: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if words in line:
                return
        raise AssertionError(self.output)

    def left_over(self) -> list[str]:
        """Processes that work in the folder, and what is in it."""
        return [*_working_in(self.folder), *(path.name for path in self.folder.iterdir())]


def _working_in(folder: Path) -> Iterator[str]:
    for process in psutil.process_iter(["cmdline", "environ"]):
        words: list[str] = [*(process.info["cmdline"] or ()), *(process.info["environ"] or {}).values()]
        if process.pid != os.getpid() and any(str(folder) in word for word in words):
            yield f"process {process.info['cmdline']}"


@pytest.mark.timeout(TIMEOUT_SECONDS)
def test_a_history_reaches_five_different_followers_and_nothing_is_left_behind(tmp_path: Path) -> None:
    show = Show(tmp_path, "--events", "220").end()
    assert show.code == 0, show.output
    assert "PASSED" in show.output
    assert show.output.count(" passed ") == 5
    assert "below_minimum" in show.output
    assert "while SQL was locked" in show.output
    assert "history in SQL equals the journal" in show.output
    assert show.left_over() == []


@pytest.mark.timeout(TIMEOUT_SECONDS)
def test_what_alerts_and_the_workbook_ask_for_is_told_by_the_running_demonstration(tmp_path: Path) -> None:
    show = Show(tmp_path, "--events", "60", "--keep").end()
    assert show.code == 0, show.output
    files = list(tmp_path.glob("*/logs/*.telemetry"))
    assert {file.stem for file in files} == {"counterparty", "functions"}
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    told = {(line["metric"], line["service"]): line["dimensions"] for line in lines if "metric" in line}
    asked = {each.name: each for each in OF_APPS}
    assert {name for name, _ in told} >= asked.keys() - NOT_IN_A_SHORT_DEMONSTRATION
    for (name, service), dimensions in told.items():
        if name in asked:
            assert service in asked[name].roles
            assert asked[name].dimension is None or asked[name].dimension in dimensions


@pytest.mark.timeout(TIMEOUT_SECONDS)
def test_a_real_statement_reaches_them_too(tmp_path: Path, shared_data: Path) -> None:
    statement = shared_data / "statements" / "mt4-detailed-2019-2020.htm"
    show = Show(tmp_path, "--events", "200", STATEMENT=str(statement)).end()
    assert show.code == 0, show.output
    assert "mt4_statement: 200 events" in show.output


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Show:
    """One run with one fault at each of four followers: their verdicts do not depend on each other."""
    plants = ("drop", "double", "volume", "side")
    options = [option for plant in plants for option in ("--plant", plant)]
    return Show(tmp_path_factory.mktemp("planted"), "--events", "120", *options).end()


@pytest.mark.timeout(TIMEOUT_SECONDS)
@pytest.mark.parametrize(
    ("follower", "plant", "told"),
    [
        ("ratio", "drop", "missing open"),
        ("fixed", "double", "unexpected open"),
        ("suffix", "volume", "volume differ: expected open"),
        ("small", "side", "side"),
    ],
)
def test_one_wrong_trade_fails_the_demonstration_by_follower_and_position(
    planted: Show, follower: str, plant: str, told: str
) -> None:
    assert planted.code == 1, planted.output
    assert f"planted at {follower}: {plant}" in planted.output
    complaints = [line for line in planted.output.splitlines() if line.startswith(f"✗ {follower}, position ")]
    assert any(told in line for line in complaints), planted.output
    assert not [line for line in planted.output.splitlines() if line.startswith("✗ late")]
    assert "Everything that was written is in" in planted.output


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Show:
    """One run after which SQL lacks a row, has one twice, and another with a wrong amount."""
    options = [option for plant in ("lost", "doubled", "changed") for option in ("--plant-history", plant)]
    return Show(tmp_path_factory.mktemp("spoilt"), "--events", "40", *options).end()


@pytest.mark.timeout(TIMEOUT_SECONDS)
@pytest.mark.parametrize(
    ("row", "told"),
    [
        (r"decisions \d+:\d+", "is missing: follower "),
        (r"executions 1000\d+", "is in no journal: account "),
        (r"trades \S+", "profit is 1234.56 in SQL, "),
    ],
)
def test_history_that_is_not_the_journals_fails_the_demonstration_by_its_row(
    spoilt: Show, row: str, told: str
) -> None:
    assert spoilt.code == 1, spoilt.output
    assert spoilt.output.count(" passed ") == 5, spoilt.output
    assert "history in SQL DIFFERS FROM the journal" in spoilt.output
    complaints = [line for line in spoilt.output.splitlines() if line.startswith("✗ ")]
    assert len(complaints) == 3, spoilt.output
    assert any(re.match(f"✗ history, {row}:? {re.escape(told)}", line) for line in complaints), complaints


@pytest.mark.timeout(TIMEOUT_SECONDS)
def test_a_middleman_who_changes_nothing_changes_no_verdict_nor_does_a_wait_for_the_end(
    tmp_path: Path,
) -> None:
    show = Show(tmp_path, "--seconds", "3", "--plant", "none").end()
    assert show.code == 0, show.output


@pytest.mark.timeout(TIMEOUT_SECONDS)
def test_chaos_ends_in_the_same_verdict_and_breaks_no_invariant(tmp_path: Path) -> None:
    show = Show(tmp_path, "--events", "150", "--seed", "11", CHAOS="1").end()
    assert show.code == 0, show.output
    assert "Chaos seed 11" in show.output
    assert show.output.count("× kill -9") == 2
    assert ("PASSED" in show.output, "HOLDS" in show.output) == (True, True)
    assert re.search("× kill -9: .*management side", show.output)
    assert show.output.count("history in SQL equals the journal") == 2
    assert show.left_over() == []


@pytest.mark.timeout(TIMEOUT_SECONDS)
def test_an_interrupt_ends_everything_that_was_started(tmp_path: Path) -> None:
    show = Show(tmp_path)
    show.until("Ready after")
    time.sleep(0.5)
    show.process.send_signal(signal.SIGINT)
    show.end()
    assert show.code == 130, show.output
    assert list(_working_in(tmp_path)) == []


def test_a_file_that_is_no_statement_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("eggs\n")
    show = Show(tmp_path, STATEMENT=str(file)).end()
    assert show.code == 2
    assert "line 1" in show.output

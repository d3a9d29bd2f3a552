"""The demonstration as its user runs it: it passes when all is well, and names follower and position when it is not."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PLAYED_SECONDS = "3"
"""Enough for a few dozen of the leader's events."""
PATIENCE_SECONDS = 110


def demo(folder: Path, *options: str) -> tuple[int, str]:
    """Exit code and what was printed; everything that the run writes stays in `folder`."""
    ran = subprocess.run(
        [sys.executable, "-m", "kopitra_cli", "demo", "--seconds", PLAYED_SECONDS, *options],
        env=os.environ | {"TMPDIR": str(folder), "COLUMNS": "200", "CHAOS": "", "STATEMENT": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE_SECONDS,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout


def test_every_follower_passes_and_nothing_is_left_behind(tmp_path: Path) -> None:
    code, told = demo(tmp_path)
    assert code == 0, told
    assert told.count("passed") == 5, told
    assert "PASSED" in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("plant", ["drop", "double", "volume", "side"])
def test_one_wrong_trade_is_found_and_named(tmp_path: Path, plant: str) -> None:
    code, told = demo(tmp_path, "--plant", plant)
    assert code == 1, told
    assert "FAILED" in told
    named = re.findall(r"✗ (\w+), position (\d+)", told)
    assert len({follower for follower, _ in named}) == 1, told
    assert told.count("passed") == 4, told

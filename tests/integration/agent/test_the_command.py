"""`python -m kopitra_agent` as it is started beside a terminal: what it says when its settings are not right."""

import os
import subprocess
import sys
from pathlib import Path

from scripts.tooling.steps import ROOT

SAMPLES = ROOT / "ea" / "agent"
GIVEN = {
    "KOPITRA_AGENT_ACCOUNT": "follower-1",
    "KOPITRA_AGENT_DEVICE_ID": "vps",
    "KOPITRA_MT5_LOGIN": "5012345",
}


def filled(**more: str) -> str:
    """Both samples one after the other, filled in."""
    text = (SAMPLES / ".env.sample").read_text() + (SAMPLES / ".env.mt5.sample").read_text()
    for name, value in GIVEN.items():
        assert f"{name}=\n" in text
        text = text.replace(f"{name}=\n", f"{name}={value}\n")
    return text + "".join(f"{name}={value}\n" for name, value in more.items())


def start(folder: Path, **variables: str) -> tuple[int, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KOPITRA_")}
    done = subprocess.run(
        [sys.executable, "-m", "kopitra_agent"],
        cwd=folder,
        env=inherited | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr.strip()


def test_without_settings_it_names_what_is_missing(tmp_path: Path):
    code, said = start(tmp_path)
    assert code == 2
    assert "base_url" in said
    assert "Traceback" not in said


def test_it_reads_env_and_a_wrong_value_there_is_named(tmp_path: Path):
    (tmp_path / ".env").write_text(filled(KOPITRA_AGENT_POLL_WAIT_SECONDS="60"))
    assert start(tmp_path) == (
        2,
        "kopitra_agent: KOPITRA_AGENT_…: poll_wait_seconds must be between 0 and 25",
    )


def test_a_variable_wins_over_env(tmp_path: Path):
    (tmp_path / ".env").write_text(filled())
    _, said = start(tmp_path, KOPITRA_AGENT_ROLE="spectator")
    assert "role" in said


def test_with_filled_samples_only_the_terminal_s_package_is_missing(tmp_path: Path):
    (tmp_path / ".env").write_text(filled())
    code, said = start(tmp_path)
    assert code == 2
    assert "MetaTrader5 is not installed" in said

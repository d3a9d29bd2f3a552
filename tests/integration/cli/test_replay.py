"""`kopitra replay` as its user runs it: a process with files in, tables and files out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kopitra.simulation.histories.generated import Knobs, generated_history
from tests.unit.statements.statement_writer import statement_of

SETTINGS = """
followers:
  small: {currency: USD, deposit: 20000, rules: {sizing: {mode: multiplier}, multiplier: 0.3}}
  ratio:
    currency: USD
    deposit: 100000
    broker: {suffix: .m, slippagePoints: [0, 5], partialFillsPerMille: 20}
    rules: {sizing: {mode: balance_ratio}}
"""
TICKS = "time,bid,ask\n" + "".join(
    f"2024-03-04T{9 + n // 60:02}:{n % 60:02}:00,1.084{n % 10}0,1.084{n % 10}9\n" for n in range(300)
)


@pytest.fixture(scope="module")
def statement(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("history") / "statement.htm"
    file.write_text(
        statement_of(generated_history(3, Knobs(positions=60, partial_closes=30))), encoding="utf-8"
    )
    return file


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "followers.yaml"
    file.write_text(SETTINGS)
    return file


def replay(*arguments: object, seed: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kopitra_cli", "replay", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
    )


def test_tables_json_and_report_come_of_one_run(statement: Path, settings: Path, tmp_path: Path) -> None:
    told, report = tmp_path / "out.json", tmp_path / "out.html"
    ran = replay("--statement", statement, "--settings", settings, "--json", told, "--html", report)
    assert ran.returncode == 0, ran.stderr
    result = json.loads(told.read_text())
    assert (result["schema"], result["version"]) == ("kopitra.what-if", 1)
    assert [part["name"] for part in result["followers"]] == ["small", "ratio"]
    assert result["followers"][1]["copied"] > 50
    assert report.read_text().startswith("<!doctype html>")
    for words in ("leader", "small", "ratio", "copies by symbol", f"written: {report}"):
        assert words in ran.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["followers.yaml", "out.html", "out.json"]


def test_the_same_inputs_give_the_same_bytes_whatever_the_hash_seed(
    statement: Path, settings: Path, tmp_path: Path
) -> None:
    written: list[bytes] = []
    for seed in ("1", "2"):
        told = tmp_path / f"{seed}.json"
        ran = replay("--statement", statement, "--settings", settings, "--json", told, seed=seed)
        assert ran.returncode == 0, ran.stderr
        written.append(told.read_bytes())
    assert written[0] == written[1]


def test_quotes_and_several_settings_files(statement: Path, settings: Path, tmp_path: Path) -> None:
    other, ticks, told = tmp_path / "other.yaml", tmp_path / "eurusd.csv", tmp_path / "out.json"
    other.write_text(SETTINGS)
    ticks.write_text(TICKS)
    ran = replay(
        "--statement", statement, "--settings", settings, "--settings", other, "--ticks", f"leader={ticks}",
        "--ticks", f"other ratio={ticks}", "--json", told,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    result = json.loads(told.read_text())
    names = [part["name"] for part in result["followers"]]
    assert names == ["followers small", "followers ratio", "other small", "other ratio"]
    assert result["quotes"][0]["used"] > 0


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        ({"settings": "followers: 5\n"}, "followers.yaml:1: followers: expected names"),
        ({"settings": None}, "followers.yaml: No such file or directory"),
        ({"statement": "eggs\nmilk\n"}, "statement.htm: line 1: "),
        ({"statement": None}, "statement.htm: No such file or directory"),
        ({"ticks": "time,bid,ask\nnoon,1,2\n"}, "eurusd.csv:2: 'noon,1,2' is not a time, a bid and an ask"),
        ({"ticks": None}, "eurusd.csv: No such file or directory"),
        ({"settings": SETTINGS.replace("USD", "PLN")}, "needs: give it as rates: {USDPLN: …}"),
        ({"zone": "Mars/Base"}, "'Mars/Base' is neither an IANA time zone nor an offset"),
        ({"out": "nowhere/out.json"}, "there is no folder"),
    ],
)
def test_a_bad_file_is_one_sentence_and_nothing_is_written(
    statement: Path, settings: Path, tmp_path: Path, break_it: dict[str, str | None], sentence: str
) -> None:
    history, ticks = tmp_path / "statement.htm", tmp_path / "eurusd.csv"
    history.write_bytes(statement.read_bytes())
    ticks.write_text(TICKS)
    for name, file in (("settings", settings), ("statement", history), ("ticks", ticks)):
        if name in break_it:
            text = break_it[name]
            file.unlink() if text is None else file.write_text(text)
    out = tmp_path / (break_it.get("out") or "out.json")
    before = sorted(tmp_path.iterdir())
    ran = replay(
        "--statement", history, "--settings", settings, "--ticks", ticks, "--json", out, "--html", tmp_path / "o.html",
        "--timezone", break_it.get("zone") or "UTC",
    )  # fmt: skip
    assert ran.returncode == 2
    assert sentence in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert ran.stdout == ""
    assert sorted(tmp_path.iterdir()) == before

"""The comment under a pull request."""

import json
from pathlib import Path
from typing import Any

import pytest

from stack.cost.diff import comparison, main


def environment(usd: str, budget: int = 50, **meters: str) -> dict[str, Any]:
    lines = [{"resource": name, "meter": f"meter of {name}", "usd": cost} for name, cost in meters.items()]
    return {"usd": usd, "budgetUsd": budget, "lines": lines}


def test_what_differs_is_told_by_meter_and_what_does_not_is_left_out() -> None:
    base = {"prod": environment("14.40", plan="12.41", sql="1.99")}
    head = {"prod": environment("58.57", plan="56.58", sql="1.99")}

    text = comparison(base, head)

    assert "| prod | 14.40 | 58.57 ⚠ | +44.17 | 50 |" in text
    assert "| prod | plan | meter of plan | 12.41 | 56.58 |" in text
    assert "meter of sql" not in text


def test_a_meter_that_comes_or_goes_has_no_price_on_the_other_side() -> None:
    text = comparison({"dev": environment("1.00", old="1.00")}, {"dev": environment("2.00", new="2.00")})

    assert "| dev | new | meter of new | – | 2.00 |" in text
    assert "| dev | old | meter of old | 1.00 | – |" in text


def test_no_change_is_said_in_a_line() -> None:
    same = {"dev": environment("1.00", plan="1.00")}

    assert "no change" in comparison(same, same)


def test_a_new_environment_costs_all_of_it_more() -> None:
    assert "| prod | 0.00 | 3.00 | +3.00 | 50 |" in comparison({}, {"prod": environment("3.00")})


def test_the_command_writes_markdown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cost.json"
    file.write_text(json.dumps({"dev": environment("1.00")}))

    assert main([str(file), str(file)]) == 0
    assert capsys.readouterr().out.startswith("<!-- kopitra: cost -->")


@pytest.mark.parametrize("arguments", [[], ["one.json"], ["missing.json", "missing.json"]])
def test_wrong_use_is_refused_with_a_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([str(tmp_path / name) for name in arguments]) == 2
    assert capsys.readouterr().err

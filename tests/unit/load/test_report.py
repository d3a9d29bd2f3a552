"""The list that a bench run leaves behind, and its table."""

from io import StringIO
from pathlib import Path

import msgspec
from rich.console import Console

from tests.load.report import TARGETS, Target, figure, plain, show, write


def test_a_figure_beside_a_ceiling_carries_their_ratio() -> None:
    found = figure("signals.per_second", 1234.567, "signals/s", 2000)
    assert (found.value, found.ceiling, found.ratio) == (1235, 2000, 0.6173)


def test_the_file_is_a_list_that_leaves_out_what_a_figure_has_not(tmp_path: Path) -> None:
    path = tmp_path / "build" / "bench.json"
    write([figure("a", 1.5, "ms"), figure("b", 1, "ms", 4)], path)
    assert msgspec.json.decode(path.read_bytes()) == [
        {"name": "a", "value": 1.5, "unit": "ms"},
        {"name": "b", "value": 1, "unit": "ms", "ceiling": 4, "ratio": 0.25},
    ]


def test_a_target_is_a_bound_of_the_figure_or_of_its_ratio() -> None:
    assert Target(most=40).met(figure("x", 40, "ms"))
    assert not Target(most=40).met(figure("x", 41, "ms"))
    assert Target(least_ratio=0.6).met(figure("x", 6, "signals/s", 10))
    assert not Target(least_ratio=0.6).met(figure("x", 5.9, "signals/s", 10))
    assert not Target(least_ratio=0.6).met(figure("x", 6, "signals/s"))


def test_the_table_says_which_targets_are_met() -> None:
    screen = StringIO()
    name = "latency.100.held.p99"
    show([figure(name, 12, "ms", 10), figure("other", 1, "ms")], Console(file=screen, width=120))
    assert name in TARGETS
    assert "✓ ≤ 40" in screen.getvalue()
    assert "✗" not in screen.getvalue()


def test_numbers_are_shown_without_exponents() -> None:
    assert [plain(value) for value in (None, 12345.6, 0.25, 3.0)] == ["", "12,346", "0.25", "3"]

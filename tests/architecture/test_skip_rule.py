"""Where CI=true a skip fails unless tests/allowed-skips.txt names the test; elsewhere it is only a skip."""

from pathlib import Path

import pytest

from tests.skip_rule import ALLOWED, allowed_patterns, named

SKIPPING = """
import pytest

@pytest.fixture
def absent():
    pytest.skip("no such thing here")

def test_in_a_fixture(absent): ...

def test_in_the_body():
    pytest.skip("not today")

@pytest.mark.skip(reason="by mark")
def test_by_mark(): ...

@pytest.mark.xfail(strict=True, reason="known")
def test_expected_to_fail():
    assert False

def test_that_runs(): ...
"""


@pytest.fixture
def skipping(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.Pytester:
    """A project of skipping tests, with an empty list of allowed ones."""
    pytester.makepyfile(test_skips=SKIPPING)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr("tests.skip_rule.ALLOWED", tmp_path / "allowed-skips.txt")
    (tmp_path / "allowed-skips.txt").write_text("")
    return pytester


def test_every_skip_fails_in_ci(skipping: pytest.Pytester):
    result = skipping.runpytest_inprocess("-p", "tests.skip_rule")
    result.assert_outcomes(passed=1, failed=1, errors=2, xfailed=1)
    result.stdout.fnmatch_lines(["*A skip fails where CI=true unless allowed-skips.txt names the test*"])


def test_a_module_that_skips_itself_fails_in_ci(skipping: pytest.Pytester):
    skipping.makepyfile(test_module="import pytest\npytest.importorskip('nowhere')")
    result = skipping.runpytest_inprocess("-p", "tests.skip_rule", "test_module.py")
    result.assert_outcomes(errors=1)


def test_a_named_skip_is_allowed_in_ci(skipping: pytest.Pytester, tmp_path: Path):
    (tmp_path / "allowed-skips.txt").write_text(
        "test_skips.py::test_in_*  # why\ntest_skips.py::test_by_mark\n"
    )
    result = skipping.runpytest_inprocess("-p", "tests.skip_rule")
    result.assert_outcomes(passed=1, skipped=3, xfailed=1)


def test_a_skip_outside_ci_is_only_a_skip(skipping: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CI")
    result = skipping.runpytest_inprocess("-p", "tests.skip_rule")
    result.assert_outcomes(passed=1, skipped=3, xfailed=1)


@pytest.mark.parametrize(
    ("pattern", "covers"),
    [
        ("tests/unit/test_a.py::test_x", True),
        ("tests/unit/test_a.py", True),
        ("tests/unit", True),
        ("tests/*/test_a.py::test_x", True),
        ("tests/unit/test_a.py::test_x[b]", False),
        ("tests/unit/test_a.py::test_", False),
        ("tests/un", False),
    ],
)
def test_a_line_covers_a_test_its_parameters_its_file_or_its_folder(pattern: str, covers: bool):
    assert named("tests/unit/test_a.py::test_x[a-[1]]", [pattern]) is covers


def test_every_allowed_skip_still_names_a_file():
    root = ALLOWED.parents[1]
    patterns = allowed_patterns(ALLOWED.read_text())
    assert not [pattern for pattern in patterns if not list(root.glob(pattern.split("::")[0]))]

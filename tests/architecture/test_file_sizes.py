"""One concept a file: above 250 lines it is worth asking whether it still is one, above 500 it is not."""

import warnings
from collections.abc import Mapping

from scripts.tooling.steps import ROOT
from tests.architecture.sources import modules

WORTH_A_LOOK = 250
CEILING = 500


def longer_than(limit: int, lengths: Mapping[str, int]) -> list[str]:
    """Longest first, a line each."""
    found = sorted(((lines, name) for name, lines in lengths.items() if lines > limit), reverse=True)
    return [f"{name}: {lines} lines" for lines, name in found]


def test_no_source_file_outgrows_one_concept():
    paths = [
        *(module.path for module in modules()),
        *(ROOT / "scripts").rglob("*.py"),
        *(ROOT / "tests").rglob("*.py"),
    ]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in paths}
    if long := longer_than(WORTH_A_LOOK, lengths):
        warnings.warn(
            f"more than {WORTH_A_LOOK} lines; still one concept each?\n" + "\n".join(long), stacklevel=1
        )
    assert not longer_than(CEILING, lengths)


def test_a_long_file_is_named_with_its_length():
    assert longer_than(CEILING, {"short.py": CEILING, "long.py": CEILING + 1}) == ["long.py: 501 lines"]

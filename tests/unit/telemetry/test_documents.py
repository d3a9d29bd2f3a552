"""docs/telemetry.md says what the code's tables say."""

import re

from kopitra.application.measured import INSTRUMENTS
from scripts.tooling.steps import ROOT
from tests.unit.telemetry.documenting import figures, flags

PAGE = ROOT / "docs" / "telemetry.md"


def test_the_page_has_the_table_of_figures():
    assert figures() in PAGE.read_text()


def test_the_page_has_the_table_of_flags():
    assert flags() in PAGE.read_text()


def test_figures_have_names_of_their_own_that_say_what_they_are():
    names = [instrument.name for instrument in INSTRUMENTS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"kopitra(\.[a-z0-9_]+)+", name) for name in names)
    assert all(one.description.endswith(".") and one.told_by and one.unit for one in INSTRUMENTS)
    assert all(one.values for instrument in INSTRUMENTS for one in instrument.dimensions)

"""What every test shares: profiles of generated tests, the shared data folder, seeds, skips, times."""

import os
from pathlib import Path

import hypothesis
import pytest

from tests import low_files

pytest_plugins = ["pytester", "tests.seeds", "tests.skip_rule", "tests.stage_times"]

low_files.keep()

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA_ABSENT = (
    "the shared data folder is absent (KOPITRA_SHARED_DATA, or ../shared/data beside the checkout)"
)

# A slow machine is no failure of the code under test. In CI the same examples run every time, so a red run can be
# repeated; on a developer's machine each run tries new ones.
hypothesis.settings.register_profile("developer", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") == "true" else "developer")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real statements and ticks, which may not be copied into the repository; skips where they are absent."""
    folder = Path(os.environ.get("KOPITRA_SHARED_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(SHARED_DATA_ABSENT)
    return folder

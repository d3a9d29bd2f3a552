"""A wrong setting is told at once, not after Azure's libraries were loaded."""

import subprocess
import sys

MOST_SECONDS = 1.0
PROGRAM = """
import sys, time
before = time.process_time()
import stack.settings, stack.naming
print(time.process_time() - before)
print([name for name in sys.modules if name.startswith(("pulumi_azure_native", "pulumi"))])
"""


def test_settings_and_names_load_within_a_second_and_without_azures_libraries() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=60
    )
    seconds, loaded = done.stdout.splitlines()

    assert float(seconds) < MOST_SECONDS
    assert loaded == "[]"

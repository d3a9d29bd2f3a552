"""Which build is running: what the package that this code was unpacked from says of itself.

Not a setting: settings change before the code does, and the old version would then pass for the new one.
"""

from pathlib import Path

BUILD_FILE = Path(__file__).parents[1] / "BUILD"
"""Written where a package is made: the hash of everything in it but this file."""
DEVELOPMENT = "development"


def packaged_build(file: Path = BUILD_FILE) -> str:
    """`development` outside a package."""
    try:
        return file.read_text().strip() or DEVELOPMENT
    except FileNotFoundError:
        return DEVELOPMENT

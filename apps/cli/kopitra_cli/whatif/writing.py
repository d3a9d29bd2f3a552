"""Results as files: all of them are written, or none."""

import os
from collections.abc import Mapping
from pathlib import Path

HALF_WRITTEN = ".part"


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Each file appears whole, after every one has been written beside its place. Raises OSError."""
    parts = {path: path.with_name(path.name + HALF_WRITTEN) for path in contents}
    try:
        for path, part in parts.items():
            part.write_bytes(contents[path])
        for path, part in parts.items():
            os.replace(part, path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)

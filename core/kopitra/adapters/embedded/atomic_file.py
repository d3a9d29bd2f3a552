"""Write a file whole or not at all, also when the power goes."""

import os
from pathlib import Path


def write_atomically(path: Path, content: bytes, temporary: Path) -> None:
    """Put `content` at `path` by way of `temporary`, which must be on the same file system. Blocks until durable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary.parent.mkdir(parents=True, exist_ok=True)
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """The rename itself; file systems keep it in the folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

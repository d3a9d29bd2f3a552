"""A lock that the operating system drops when its process dies: how a restart sees at once that a holder is dead."""

import os
from pathlib import Path
from types import ModuleType

try:
    import fcntl as _fcntl_module

    _fcntl: ModuleType | None = _fcntl_module
except ImportError:  # Windows has none; a crashed holder's lease then simply runs out
    _fcntl = None


LONGEST_NAME = 20
"""Digits of the largest process number there can be."""


class HolderLock:
    """An exclusive `flock` on a file beside the journal, which names the process that took it last. A shortcut only:
    the fence is what keeps writers apart."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Whether the lock is ours now; never waits."""
        if self._descriptor is not None:
            return True
        if _fcntl is None:
            return False
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _fcntl.flock(descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return True

    def last_taker(self) -> int | None:
        """The process that took it last, whether or not it still has it; for people only."""
        try:
            with self._path.open("rb") as file:
                return int(file.read(LONGEST_NAME))
        except (OSError, ValueError):
            return None

    def drop(self) -> None:
        """Let others take it; dropping what was never taken is fine."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

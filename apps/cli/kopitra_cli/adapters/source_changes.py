"""Tells when source files change."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from watchfiles import PythonFilter, awatch  # pyright: ignore[reportUnknownVariableType]

GATHER_MILLISECONDS = 300
"""An editor writes a file in several steps, a checkout writes many."""
STEP_MILLISECONDS = 50


async def source_changes(folders: Sequence[Path]) -> AsyncIterator[list[str]]:
    """Names of Python files below the folders that changed, a burst at a time; until cancelled."""
    watching = awatch(
        *folders, watch_filter=PythonFilter(), debounce=GATHER_MILLISECONDS, step=STEP_MILLISECONDS
    )
    async for changes in watching:
        yield sorted({Path(path).name for _, path in changes})

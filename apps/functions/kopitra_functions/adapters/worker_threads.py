"""A few threads for blocking work."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

DEFAULT_THREADS = 4
"""SQLite writes one at a time and reads take milliseconds; a serverless database of one core is busy with as many."""


class WorkerThreads:
    """`kopitra_functions.sql.threads.Threads`. Starts no thread before it is used."""

    def __init__(self, threads: int = DEFAULT_THREADS) -> None:
        self._executor = ThreadPoolExecutor(threads, "sql")

    async def run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def close(self) -> None:
        await asyncio.to_thread(self._executor.shutdown)

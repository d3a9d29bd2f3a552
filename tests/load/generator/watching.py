"""Processor time and memory, of the process under test and of the generator itself."""

import psutil


class Watched:
    """Another process of this machine."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)

    def cpu(self) -> float:
        """Seconds so far, user and system, all threads; the kernel counts in steps of 10 ms."""
        times = self._process.cpu_times()
        return times.user + times.system

    def memory(self) -> int:
        """Resident bytes."""
        return self._process.memory_info().rss

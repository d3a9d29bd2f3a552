"""Several processes on one journal file: killed, stopped and resumed."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.journal import SqliteJournal
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.application.ports.journal import (
    LEASE_SECONDS,
    Fence,
    FenceHeld,
    FenceLost,
    Frame,
    JournalUnavailable,
)

APPENDER = Path(__file__).with_name("appender.py")
KILLS = 8
TRIES = 5


class ShiftedClock(SystemClock):
    """The machine's clock, that a test sets forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


class Appender:
    """A child process that appends."""

    def __init__(self, path: Path, owner: str, *more: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(APPENDER), str(path), owner, *more], stdout=subprocess.PIPE, text=True
        )
        self.epoch = int(self.line().split()[1])

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def acknowledged(self, commits: int) -> list[int]:
        return [int(self.line()) for _ in range(commits)]

    def kill(self) -> list[int]:
        """kill -9; the sequences that it had told of and nobody had read yet."""
        self.process.kill()
        assert self.process.stdout is not None
        return [int(line) for line in self.process.stdout.read().splitlines() if line.strip()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def children() -> Iterator[list[Appender]]:
    children: list[Appender] = []
    yield children
    for child in children:
        child.process.kill()
        child.process.wait()
        if child.process.stdout is not None:
            child.process.stdout.close()


async def opened(path: Path, clock: SystemClock | None = None) -> SqliteJournal:
    return await SqliteJournal.open(path, shard="main", clock=clock or SystemClock(), ids=SystemIds())


async def sequences(journal: SqliteJournal) -> list[int]:
    return [frame.sequence async for commit in journal.read() for frame in commit]


async def test_kill_9_loses_nothing_acknowledged_and_a_restart_need_not_wait(
    path: Path, children: list[Appender]
):
    last = 0
    for run in range(1, KILLS + 1):
        child = Appender(path, "counterparty")
        children.append(child)
        assert child.epoch == run
        told = [*child.acknowledged(10 + 7 * run), *child.kill()]
        assert min(told) > last
        last = max(told)
    journal = await opened(path)
    read = await sequences(journal)
    assert read == list(range(1, len(read) + 1))
    assert last <= len(read) <= last + 5
    assert (await journal.acquire("counterparty")).epoch == KILLS + 1
    await journal.close()


async def test_a_living_holder_is_left_alone(path: Path, children: list[Appender]):
    children.append(Appender(path, "holder"))
    journal = await opened(path)
    with pytest.raises(FenceHeld):
        await journal.acquire("other")
    children[0].acknowledged(3)
    await journal.close()


async def stopped_between_writes(child: Appender, journal: SqliteJournal) -> None:
    """It writes all the time; one that stands still within a write is the next test's."""
    for _ in range(TRIES):
        child.process.send_signal(signal.SIGSTOP)
        try:
            await journal.acquire("other")
        except FenceHeld:
            return
        except JournalUnavailable:
            child.process.send_signal(signal.SIGCONT)
            child.acknowledged(1)
    pytest.fail(f"it was within a write at each of {TRIES} looks")


async def test_a_process_stopped_past_its_lease_finds_itself_replaced(path: Path, children: list[Appender]):
    child = Appender(path, "holder")
    children.append(child)
    child.acknowledged(3)
    clock = ShiftedClock()
    journal = await opened(path, clock)
    await stopped_between_writes(child, journal)
    clock.ahead = timedelta(seconds=LEASE_SECONDS + 1)
    fence = await journal.acquire("other")
    fence = await journal.append(fence, [Frame(fence.sequence + 1, fence.sequence + 1, b"the winner's")])
    child.process.send_signal(signal.SIGCONT)
    while (line := child.line()) != "lost":
        assert int(line) < fence.sequence
    assert await journal.head() == fence.sequence
    await journal.close()


async def test_a_holder_stopped_in_the_middle_of_a_write_is_named_and_replaced_once_it_is_killed(
    path: Path, children: list[Appender]
):
    child = Appender(path, "holder", "stop")
    children.append(child)
    assert child.line() == "stopping"
    journal = await opened(path)
    named = f"in the middle of a write.* {child.process.pid}$"
    with pytest.raises(JournalUnavailable, match=named) as refused:
        await journal.acquire("other")
    assert refused.value.reason == "busy"
    child.kill()
    assert (await journal.acquire("other")).epoch == child.epoch + 1
    await journal.close()


async def test_a_holder_without_the_lock_of_a_stopped_one_is_not_mistaken_for_dead(path: Path):
    clock = ShiftedClock()
    stopped, holder, third = [await opened(path, clock) for _ in range(3)]
    lost = await stopped.acquire("stopped")
    clock.ahead += timedelta(seconds=LEASE_SECONDS + 1)
    held = await holder.acquire("holder")
    with pytest.raises(FenceLost):
        await stopped.verify(lost)
    with pytest.raises(FenceHeld):
        await third.acquire("third")
    held = await _renewed(holder, held, clock)
    with pytest.raises(FenceHeld):
        await third.acquire("third")
    await holder.close()
    assert (await third.acquire("third")).epoch == held.epoch + 1
    await stopped.close()
    await third.close()


async def _renewed(journal: SqliteJournal, fence: Fence, clock: ShiftedClock) -> Fence:
    clock.ahead += timedelta(seconds=LEASE_SECONDS - 1)
    return await journal.verify(fence)

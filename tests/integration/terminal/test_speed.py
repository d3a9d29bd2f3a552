"""One terminal process executes at least 2,000 operations a second of its own processor time, the log included."""

import asyncio
import resource
from pathlib import Path

import pytest

from kopitra.domain.orders import Side
from kopitra_agent.ports.terminal import TradeRequest
from kopitra_terminal.client import VirtualTerminal
from tests.integration.terminal.stage import staged
from tests.unit.broker.house import D

OPERATIONS = 4000
OPERATIONS_PER_SECOND = 2000
CLIENTS = 20


async def _round_trips(terminal: VirtualTerminal, count: int) -> None:
    for _ in range(count):
        opened = await terminal.send(
            TradeRequest(action="deal", symbol="EURUSD", side=Side.BUY, volume=D("0.1"), comment="K1abcdef")
        )
        await terminal.send(TradeRequest(action="deal", symbol="EURUSD", position=opened.position_ticket))


def _processor_seconds_of_ended_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


async def _spent_on(folder: Path, trades: int) -> float:
    """Processor seconds of a process that starts, executes so many operations, and ends."""
    before = _processor_seconds_of_ended_children()
    async with staged(folder) as stage:
        await asyncio.gather(
            *(_round_trips(stage.terminal(), trades // CLIENTS // 2) for _ in range(CLIENTS))
        )
        assert len(await stage.control().ledger()) == trades + 1
        await stage.process.stop()
    return _processor_seconds_of_ended_children() - before


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    made = (tmp_path / "idle", tmp_path / "busy")
    for folder in made:
        folder.mkdir()
    return made


async def test_a_process_executes_2000_operations_per_processor_second(folders: tuple[Path, Path]) -> None:
    idle = await _spent_on(folders[0], 0)
    spent = await _spent_on(folders[1], OPERATIONS) - idle
    print(f"{OPERATIONS} operations: {spent:.2f} s of processor time")
    assert OPERATIONS / spent >= OPERATIONS_PER_SECOND

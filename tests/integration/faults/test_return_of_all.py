"""A thousand EAs come back after a restart: nobody lost its lease, and all are served soon."""

import asyncio
import os
import time
from pathlib import Path
from random import Random

import pytest

from kopitra.machine.events import SessionEnded, SessionOpened
from tests.integration.faults import configuration
from tests.integration.faults.lives import Life
from tests.integration.faults.recorded import Record
from tests.integration.faults.roles import leader
from tests.integration.faults.traffic import PAUSE_SECONDS, Terminal, Traffic

EAS = int(os.environ.get("KOPITRA_FAULT_EAS", "1000"))
AT_ONCE = 100
"""Of enrolments, before the restart."""
BACK_WITHIN_SECONDS = 30.0
"""On a loaded machine; the target for one that has nothing else to do is 10 s."""


async def enrolled(traffic: Traffic, folder: Path, names: list[str]) -> list[Terminal]:
    await configuration.publish(folder, configuration.accounts(names))
    while (await Record.in_folder(folder)).last < len(names):  # noqa: ASYNC110  # it is another process
        await asyncio.sleep(PAUSE_SECONDS * 10)
    terminals = [Terminal(traffic, name) for name in names]
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(terminal: Terminal) -> None:
        async with turns:
            await terminal.enrol_once_published()
            await terminal.open()
            await terminal.poll(0, 0)

    await asyncio.gather(*(one(terminal) for terminal in terminals))
    return terminals


@pytest.mark.timeout(240)
async def test_a_thousand_eas_return_with_their_leases_and_are_served(tmp_path: Path):
    life = Life("counterparty", tmp_path)
    traffic = Traffic(lambda: (life.port,) if life.port else (), Random(1))
    life.start()
    try:
        await life.serving()
        names = [f"ea-{number:04}" for number in range(EAS)]
        terminals = await enrolled(traffic, tmp_path, names)
        last = (await Record.in_folder(tmp_path)).last
        life.kill()
        life.port = 0
        begun = time.monotonic()
        polling = [asyncio.create_task(terminal.poll(0, 0)) for terminal in terminals]
        life.start()
        await life.serving()
        serving = time.monotonic() - begun
        await asyncio.gather(*polling)
        polled = time.monotonic() - begun
        assert (await Record.in_folder(tmp_path)).last == last, "somebody lost its lease"
        answers = await asyncio.gather(*(terminal.open() for terminal in terminals))
        opened = time.monotonic() - begun
        await leader("stream")(terminals[0])
        served = time.monotonic() - begun
    finally:
        life.close()
    print(
        f"{EAS} EAs after a restart: serving after {serving:.2f} s, all polled with their old tokens after"
        f" {polled:.2f} s, all opened new sessions after {opened:.2f} s, a signal planned after {served:.2f} s"
    )
    assert {answer.status for answer in answers} == {201}
    record = await Record.in_folder(tmp_path)
    assert sum(1 for _ in record.all(SessionOpened)) == 2 * EAS
    assert {event.reason.value for _, event in record.all(SessionEnded)} == {"taken_over"}
    assert served < BACK_WITHIN_SECONDS

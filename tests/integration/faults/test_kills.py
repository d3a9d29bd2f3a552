"""kill -9 of the counterparty while requests are in flight."""

import asyncio
import os
from pathlib import Path
from random import Random

import pytest

from tests.integration.faults.audit import audit
from tests.integration.faults.crew import opened, workers
from tests.integration.faults.lives import Life
from tests.integration.faults.recorded import Record
from tests.integration.faults.roles import for_ever
from tests.integration.faults.traffic import Traffic

KILLS = int(os.environ.get("KOPITRA_FAULT_KILLS", "50"))
FEWEST_IN_FLIGHT = 2
RECOVERED_WITHIN_SECONDS = 1.0


async def until_in_flight(traffic: Traffic, random: Random, working: asyncio.Future[list[None]]) -> int:
    """Return at a random moment at which requests are in flight; how many."""
    await asyncio.sleep(random.uniform(0.05, 0.35))
    while traffic.in_flight < FEWEST_IN_FLIGHT:
        if working.done():
            working.result()
        await asyncio.sleep(random.uniform(0, 0.003))
    return traffic.in_flight


@pytest.mark.timeout(240)
async def test_killed_again_and_again_it_loses_and_doubles_nothing(tmp_path: Path, seed: int):
    random = Random(seed)
    life = Life("counterparty", tmp_path)
    traffic = Traffic(lambda: (life.port,) if life.port else (), random)
    life.start()
    await life.serving()
    terminals = await opened(traffic, tmp_path)
    working = asyncio.gather(*(for_ever(terminal, turn) for terminal, turn in workers(terminals)))
    in_flight: list[int] = []
    recoveries: list[float] = []
    try:
        while len(in_flight) < KILLS:
            in_flight.append(await until_in_flight(traffic, random, working))
            life.kill()
            life.port = 0
            acknowledged = traffic.highest_answered()
            life.start()
            assert (await life.serving())["sequence"] >= acknowledged
            recoveries.append((await life.said("recovered"))["seconds"])
            await random.choice(terminals).repeat_any()
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        life.close()
    found = audit(await Record.in_folder(tmp_path), traffic.asked)
    resent = sum(1 for asked in traffic.asked if asked.sent > 1)
    print(
        f"{len(in_flight)} kills with {sum(in_flight)} requests in flight ({min(in_flight)} to {max(in_flight)});"
        f" {resent} requests sent more than once, {traffic.replays} first answers replayed;"
        f" slowest recovery {max(recoveries):.3f} s; found {dict(found)}"
    )
    assert len(in_flight) >= KILLS
    assert min(in_flight) > 0
    assert traffic.replays >= KILLS
    assert {"signal", "inbox", "execution", "session"} <= set(found)
    assert sorted(recoveries)[len(recoveries) // 2] < RECOVERED_WITHIN_SECONDS

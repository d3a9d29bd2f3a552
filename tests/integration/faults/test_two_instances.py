"""Two counterparties on one journal: who lost it answers nothing, and nothing is lost or doubled."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from random import Random

import msgspec
import pytest

from kopitra.adapters.azure.journal import TableJournal
from kopitra.adapters.azure.tables import connect_table
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.application.ports.journal import Journal
from tests.fixtures.azurite import Azurite, azurite_blob, azurite_table, storage_of_its_own
from tests.fixtures.wire import Dropped, Line, request_bytes
from tests.integration.faults.audit import audit
from tests.integration.faults.crew import opened, workers
from tests.integration.faults.lives import Life
from tests.integration.faults.pairs import Pair, may_have_served
from tests.integration.faults.recorded import Record, open_file
from tests.integration.faults.roles import for_ever
from tests.integration.faults.traffic import Terminal, Traffic

__all__ = ["azurite_blob", "azurite_table"]

SECONDS = float(os.environ.get("KOPITRA_FAULT_SECONDS", "20"))
"""How long failures go on; one of each kind happens in any case."""
SURE_FAILURES = ["kill holder", "stop holder"]
MORE_FAILURES = [*SURE_FAILURES, "kill idle", "stop idle"]
UNDER_LOAD_SECONDS = 1.5
"""Between two failures."""
PATIENCE_SECONDS = 3.0
DROP_SHARE = 0.05


class Storage(msgspec.Struct, frozen=True):
    """What both counterparties are told, and how to read what they wrote."""

    settings: dict[str, object]
    journal: Callable[[], Awaitable[Journal]]


class Said(msgspec.Struct, frozen=True):
    """One answer to a probe."""

    name: str
    status: int
    server_time: datetime | None


@pytest.fixture(params=["sqlite", pytest.param("azurite", marks=pytest.mark.timeout(900))])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "sqlite":
        return Storage({}, lambda: open_file(tmp_path))
    tables: Azurite = request.getfixturevalue("azurite_table")
    blobs: Azurite = request.getfixturevalue("azurite_blob")
    settings = storage_of_its_own(tables, blobs)

    async def journal() -> Journal:
        writing, reading = (
            connect_table(settings["journal_table"], connection_string=tables.connection_string)
            for _ in range(2)
        )
        return await TableJournal.open(writing, reading, shard="main", clock=SystemClock(), ids=SystemIds())

    return Storage(dict(settings), journal)


async def probe(life: Life, terminal: Terminal, heard: list[Said]) -> None:
    """Ask one instance directly, again and again, whether it serves this session."""
    headers = {"X-TradeAgent-Account": terminal.account, "Authorization": f"Bearer {terminal.token}"}
    raw = request_bytes("GET", "/sessions/current/outbox?wait=0&limit=1", headers)
    while True:
        line = Line(life.port, patience=60.0)
        try:
            answer = await line.ask(raw)
        except Dropped:
            continue
        finally:
            line.hang_up()
            await asyncio.sleep(0.05)
        at = datetime.fromisoformat(answer.json["serverTime"]) if answer.status == 200 else None
        heard.append(Said(life.name, answer.status, at))


@pytest.mark.timeout(300)
async def test_of_two_counterparties_only_the_writer_answers_and_a_failure_moves_it_once(
    storage: Storage, tmp_path: Path, seed: int
):
    random = Random(seed)
    pair = Pair([Life(name, tmp_path, **storage.settings) for name in ("first", "second")], random)
    traffic = Traffic(pair.ports, random)
    traffic.patience = PATIENCE_SECONDS
    heard: list[Said] = []
    tasks: list[asyncio.Task[None]] = []
    try:
        await pair.start()
        terminals = await opened(traffic, tmp_path)
        traffic.drop_share = DROP_SHARE
        working = [for_ever(terminal, turn) for terminal, turn in workers(terminals)]
        probing = [probe(life, terminals[0], heard) for life in pair.lives]
        tasks = [asyncio.create_task(each) for each in (*working, *probing)]
        begun = time.monotonic()
        sure = list(SURE_FAILURES)
        while sure or time.monotonic() - begun < SECONDS:
            await asyncio.sleep(UNDER_LOAD_SECONDS)
            await pair.fail(sure.pop(0) if sure else random.choice(MORE_FAILURES))
        lasted = time.monotonic() - begun
        await asyncio.sleep(UNDER_LOAD_SECONDS)
        for ended in [task for task in tasks if task.done()]:
            ended.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        terms = pair.terms()
        pair.close()
    journal = await storage.journal()
    found = audit(await Record.of(journal), traffic.asked)
    await journal.close()
    take_overs = len(terms) - 1
    refusals = sum(1 for said in heard if said.status == 503)
    print(
        f"{lasted:.0f} s: {len(pair.failures)} failures ({', '.join(pair.failures)}), {take_overs} take-overs;"
        f" {len(heard)} probes, {refusals} refused; {traffic.dropped_by_us} answers dropped,"
        f" {traffic.replays} replayed; found {dict(found)}"
    )
    assert [term.epoch for term in terms] == list(range(terms[0].epoch, terms[0].epoch + len(terms)))
    assert pair.failures.count("kill holder") <= take_overs
    assert take_overs <= sum(1 for kind in pair.failures if kind.endswith("holder"))
    assert {said.status for said in heard} == {200, 503}
    for said in heard:
        assert said.server_time is None or may_have_served(said.name, said.server_time, terms), said
    assert traffic.dropped_by_us > 0

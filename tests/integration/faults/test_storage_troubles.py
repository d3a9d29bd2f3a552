"""A full disk and a journal that takes no writes, seen by an EA: 503, nothing acknowledged, and back by itself."""

import asyncio
import os
import resource
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from random import Random

from hypercorn.asyncio import serve  # pyright: ignore[reportUnknownVariableType]

from kopitra.adapters.embedded.journal import SqliteJournal
from kopitra.application.engine import Phase
from kopitra.machine.events import InboxRecorded
from kopitra_counterparty.bootstrap import open_ports
from kopitra_counterparty.counterparty import counterparty
from kopitra_counterparty.server import listening_socket, server_config
from kopitra_counterparty.service import Service
from kopitra_counterparty.settings import load_settings
from tests.fixtures.serving import KEY_ID, SERVICE_KEY
from tests.fixtures.wire import Answer
from tests.integration.faults import configuration
from tests.integration.faults.audit import audit
from tests.integration.faults.lives import Life
from tests.integration.faults.recorded import Record
from tests.integration.faults.traffic import PAUSE_SECONDS, Asked, Terminal, Traffic

EVENTS_A_BATCH = 60
MESSAGE_BYTES = 250
"""Random, in hexadecimal digits: a batch is some 15 kB that no compression makes smaller."""
ROOM_BYTES = 150_000
"""How much the journal's log may still grow once the disk is said to be full."""
REFUSALS_WANTED = 3
BACK_WITHIN_SECONDS = 30.0


class Reporter:
    """An EA that sends report after report, each once, and sorts them by what it was told."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.taken: list[Asked] = []
        self.refused: list[tuple[Asked, Answer]] = []
        self._numbers = count(1)

    async def report(self) -> Answer:
        ids = tuple(f"report-{next(self._numbers)}" for _ in range(EVENTS_A_BATCH))
        events = [
            {
                "eventType": "ea.error",
                "eventId": each,
                "payload": {"code": "note", "message": os.urandom(MESSAGE_BYTES).hex()},
            }
            for each in ids
        ]
        asked = self.terminal.request("inbox", "/sessions/current/inbox", {"events": events}, ids)
        answer = await self.terminal.once(asked)
        if answer.status == 202:
            asked.answer = answer
            self.taken.append(asked)
        else:
            self.refused.append((asked, answer))
        return answer

    async def until_refused(self) -> None:
        while len(self.refused) < REFUSALS_WANTED:
            await self.report()

    async def until_taken(self) -> None:
        async with asyncio.timeout(BACK_WITHIN_SECONDS):
            while (await self.report()).status != 202:  # noqa: ASYNC110  # asking is how one learns
                await asyncio.sleep(PAUSE_SECONDS)

    async def audit(self, folder: Path) -> None:
        """What was refused is not there, what was acknowledged is, and a repeat of the refused is a first request."""
        for _, answer in self.refused:
            assert answer.status == 503, answer
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json["code"] in ("journal_unavailable", "recovering", "standby", "unverified"), (
                answer
            )
            assert int(answer.headers["retry-after"]) > 0
        record = await Record.in_folder(folder)
        audit(record, self.terminal.traffic.asked)
        kept = {str(event.event_id) for _, event in record.all(InboxRecorded)}
        assert kept == {mark for asked in self.taken for mark in asked.marks}
        assert len(self.taken) >= 2


async def reporter(port: int, folder: Path) -> Reporter:
    traffic = Traffic(lambda: (port,), Random(1))
    await configuration.publish(folder, configuration.accounts(["reporter"]))
    terminal = Terminal(traffic, "reporter")
    await terminal.enrol_once_published()
    await terminal.open()
    return Reporter(terminal)


def most_bytes_a_file(process: int, size: int) -> None:
    """Writes beyond fail with EFBIG: the nearest to a full disk that one process can arrange for another."""
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def test_a_full_disk_is_a_503_and_acknowledges_nothing_until_there_is_room(tmp_path: Path):
    life = Life("counterparty", tmp_path)
    life.start()
    try:
        await life.serving()
        ea = await reporter(life.port, tmp_path)
        await ea.report()
        process = life.process.pid
        assert process is not None
        most_bytes_a_file(process, (tmp_path / "main.journal-wal").stat().st_size + ROOM_BYTES)
        await ea.until_refused()
        most_bytes_a_file(process, resource.RLIM_INFINITY)
        await ea.until_taken()
        again = ea.refused[0][0]
        again.answer = await ea.terminal.once(again)
        assert again.answer.status == 202
        assert "idempotent-replayed" not in again.answer.headers
        ea.taken.append(again)
        life.kill()
    finally:
        life.close()
    await ea.audit(tmp_path)


@asynccontextmanager
async def served_here(folder: Path) -> AsyncGenerator[tuple[Service, int]]:
    """A counterparty in this process, so that its journal's connection can be told what to do."""
    settings = load_settings(
        data_folder=folder, token_keys={KEY_ID: SERVICE_KEY}, token_key_id=KEY_ID, rate_limit_burst=1_000_000
    )
    service = counterparty(settings, await open_ports(settings), None)
    listener, stopped = listening_socket("127.0.0.1", 0), asyncio.Event()
    serving = asyncio.ensure_future(
        serve(service.asgi, server_config(listener), shutdown_trigger=stopped.wait)  # type: ignore[arg-type]
    )
    service.start()
    while service.core.engine.phase is not Phase.SERVING:  # noqa: ASYNC110  # nothing says so
        await asyncio.sleep(PAUSE_SECONDS)
    try:
        yield service, listener.getsockname()[1]
    finally:
        await service.stop()
        stopped.set()
        await serving
        await service.ports.close()


async def take_writes(service: Service, allowed: bool) -> None:
    """As a file system does that was mounted again read-only, or writable."""
    journal = service.ports.journal
    assert isinstance(journal, SqliteJournal)
    statement = f"PRAGMA query_only={'OFF' if allowed else 'ON'}"
    await asyncio.to_thread(journal.writer.file.connection.execute, statement)


async def test_a_read_only_journal_is_a_503_and_acknowledges_nothing_until_it_takes_writes(tmp_path: Path):
    async with served_here(tmp_path) as (service, port):
        ea = await reporter(port, tmp_path)
        await ea.report()
        await take_writes(service, False)
        await ea.until_refused()
        await take_writes(service, True)
        await ea.until_taken()
    await ea.audit(tmp_path)

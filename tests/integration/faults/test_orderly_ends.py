"""Ends and beginnings of the real command: SIGTERM, a snapshot left behind, and starts that are refused."""

import asyncio
import signal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from kopitra.adapters.embedded.blobs import FolderBlobs
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.adapters.snapshots import BlobSnapshots
from kopitra.application.ports.journal import Frame
from kopitra.application.relay import Position
from kopitra.machine.codec import EVENTS
from kopitra.machine.events import ConsumerCheckpointed, CopyPlanned, Recorded
from tests.fixtures.wire import Answer, Line
from tests.integration.counterparty.server import Server
from tests.integration.faults import configuration
from tests.integration.faults.audit import audit
from tests.integration.faults.lives import Life
from tests.integration.faults.recorded import Record, open_file
from tests.integration.faults.roles import leader
from tests.integration.faults.traffic import Terminal, Traffic

ORDERLY = 0
REFUSED = 3
PARKED_POLLS = 20
DRAINED_WITHIN_SECONDS = 5.0
BEYOND = 1_000_000
"""A sequence that no journal here reaches."""


async def one_leader(life: Life, folder: Path) -> Terminal:
    """A counterparty that serves, and a leader with a session."""
    life.start()
    await life.serving()
    traffic = Traffic(lambda: (life.port,), Random(1))
    await configuration.publish(folder, configuration.accounts(["leader"]))
    terminal = Terminal(traffic, "leader")
    await terminal.enrol_once_published()
    await terminal.open()
    return terminal


async def parked(terminal: Terminal, port: int) -> Answer:
    line = Line(port)
    headers = {"X-TradeAgent-Account": terminal.account, "Authorization": f"Bearer {terminal.token}"}
    try:
        return await line.call("GET", "/sessions/current/outbox?wait=25", headers=headers)
    finally:
        line.hang_up()


async def test_the_command_serves_and_sigterm_ends_it_in_order(tmp_path: Path):
    server = await Server(tmp_path).serving()
    answer = await Line(server.port).call("GET", "/health")
    assert (answer.status, answer.json["status"]) == (200, "serving")
    server.process.terminate()
    assert (server.errors(), await server.end()) == ("", ORDERLY)


async def test_sigterm_answers_parked_polls_at_once_and_commits_in_flight(tmp_path: Path):
    life = Life("counterparty", tmp_path)
    loop = asyncio.get_running_loop()
    try:
        terminal = await one_leader(life, tmp_path)
        names = [f"parked-{number}" for number in range(PARKED_POLLS)]
        await configuration.publish(tmp_path, configuration.accounts(names))
        waiting: list[asyncio.Task[Answer]] = []
        for name in names:
            follower = Terminal(terminal.traffic, name)
            await follower.enrol_once_published()
            await follower.open()
            waiting.append(asyncio.ensure_future(parked(follower, life.port)))
        trading = [terminal.beside() for _ in range(8)]
        turns = [leader(f"stream-{number}") for number in range(len(trading))]
        await asyncio.sleep(0.5)
        assert not any(poll.done() for poll in waiting)
        in_flight = [asyncio.ensure_future(turn(each)) for each, turn in zip(trading, turns, strict=True)]
        await asyncio.sleep(0.005)
        life.signal(signal.SIGTERM)
        asked_at = loop.time()
        answers = await asyncio.gather(*waiting)
        drained = loop.time() - asked_at
        assert await life.ended() == ORDERLY
    finally:
        life.close()
    assert [answer.status for answer in answers] == [200] * PARKED_POLLS
    assert all(answer.json["events"] == [] for answer in answers)
    assert drained < DRAINED_WITHIN_SECONDS
    for each in in_flight:
        each.cancel()
    await asyncio.gather(*in_flight, return_exceptions=True)
    record = await Record.in_folder(tmp_path)
    audit(record, terminal.traffic.asked)
    committed = {event.signal.signal_id for _, event in record.all(CopyPlanned)}
    assert committed == {a.marks[0] for a in terminal.traffic.answered if a.kind == "signal"}


async def test_a_restart_after_sigterm_finds_a_snapshot_of_everything(tmp_path: Path):
    life = Life("counterparty", tmp_path)
    try:
        terminal = await one_leader(life, tmp_path)
        turn = leader("stream")
        for _ in range(5):
            await turn(terminal)
        life.signal(signal.SIGTERM)
        assert await life.ended() == ORDERLY
        last = (await Record.in_folder(tmp_path)).last
        life.start()
        await life.serving()
        recovered = await life.said("recovered")
        assert (recovered["snapshot"], recovered["events"], recovered["sequence"]) == (last, 0, last)
        await turn(terminal)
    finally:
        life.close()
    audit(await Record.in_folder(tmp_path), terminal.traffic.asked)


async def a_journal(folder: Path) -> int:
    """Leave a journal with a few events behind; the last sequence."""
    life = Life("counterparty", folder)
    try:
        await one_leader(life, folder)
        life.kill()
    finally:
        life.close()
    return (await Record.in_folder(folder)).last


async def a_later_snapshot(folder: Path) -> str:
    journal = await open_file(folder)
    snapshots = BlobSnapshots(FolderBlobs(folder / "blobs", SystemIds()), journal.journal_id, "main")
    await snapshots.put(BEYOND, "0" * 64, b"a state from a journal that was longer")
    await journal.close()
    return "a snapshot"


async def a_later_relay_checkpoint(folder: Path) -> str:
    journal = await open_file(folder)
    position = msgspec.json.encode(Position(journal.journal_id, BEYOND))
    await FolderBlobs(folder / "blobs", SystemIds()).put("main/relay/checkpoint.json", position)
    await journal.close()
    return "the relay's checkpoint"


async def a_later_consumer_checkpoint(folder: Path) -> str:
    """The journal itself says how far a consumer has got, and ends before that."""
    journal = await open_file(folder)
    fence = await journal.acquire("whoever restored it")
    event = ConsumerCheckpointed(consumer="functions", sequence=BEYOND)
    sequence = fence.sequence + 1
    recorded = Recorded(sequence, sequence, SystemClock().now(), event)
    fence = await journal.append(fence, [Frame(sequence, sequence, EVENTS.encode(recorded))])
    await journal.release(fence)
    await journal.close()
    return "consumer functions"


@pytest.mark.parametrize("knows", [a_later_snapshot, a_later_relay_checkpoint, a_later_consumer_checkpoint])
async def test_no_start_on_a_journal_that_is_behind_what_somebody_knows(knows: Any, tmp_path: Path):
    await a_journal(tmp_path)
    who = await knows(tmp_path)
    last = (await Record.in_folder(tmp_path)).last
    server = Server(tmp_path)
    sentence = f"the journal ends at sequence {last}, but {who} knows sequence {BEYOND}"
    assert server.errors().strip() == sentence
    assert await server.end() == REFUSED
    [refusal] = [line for line in server.log if line["event"] == "start_refused"]
    assert refusal["error"] == sentence
    assert (await Record.in_folder(tmp_path)).last == last

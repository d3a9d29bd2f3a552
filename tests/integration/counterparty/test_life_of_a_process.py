"""The real server: it starts, is killed, restarts, stops in order, stands by, and refuses to start where it must."""

import asyncio
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fixtures.serving import SERVICE_KEY
from tests.fixtures.wire import Answer, Line
from tests.integration.counterparty.server import SECRET, Server, seed

UNKNOWN_EVENTS = {"events": [{"eventType": "ea.error", "payload": {"code": "x"}}] * 100}

pytestmark = pytest.mark.timeout(120)


class Servers:
    """Starts servers and leaves none behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[Server] = []

    def start(self, **settings: str) -> Server:
        self.started.append(Server(self.folder, None, **settings))
        return self.started[-1]

    async def end(self) -> None:
        for server in self.started:
            await server.end(signal.SIGKILL)


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    await seed(tmp_path)
    running = Servers(tmp_path)
    yield running
    await running.end()


async def test_first_answers_and_pending_commands_survive_kill_9(servers: Servers) -> None:
    first = await servers.start().serving()
    leader, follower = await first.ea("leader"), await first.ea("follower-0")
    signal_answer = await leader.signal("p1", 1, key="signal")
    assert signal_answer.status == 202
    assert await first.end(signal.SIGKILL) == -signal.SIGKILL

    second = await servers.start().serving()
    leader.line = Line(second.port)
    follower.line = Line(second.port)
    again = await leader.signal("p1", 1, key="signal")
    assert (again.status, again.body) == (signal_answer.status, signal_answer.body)
    assert again.headers["idempotent-replayed"] == "true"
    token = leader.token
    assert (await leader.open("open")).headers["idempotent-replayed"] == "true"
    assert leader.token == token
    (event,) = (await follower.poll(0)).json["events"]
    assert event["sequence"] == signal_answer.json["sequence"]
    later = await leader.signal("p2", 2)
    assert later.json["sequence"] > signal_answer.json["sequence"]


async def test_sigterm_releases_parked_polls_answers_what_is_in_flight_and_exits_with_0(
    servers: Servers,
) -> None:
    server = await servers.start().serving()
    leader, follower = await server.ea("leader"), await server.ea("follower-0")
    parked = asyncio.create_task(follower.poll(follower.session["resumeCursor"], wait=25))
    await asyncio.sleep(0.5)
    sending = asyncio.create_task(leader.call("POST", "/sessions/current/inbox", UNKNOWN_EVENTS))
    await asyncio.sleep(0)
    server.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(10):
        answer = await parked
    assert (answer.status, answer.json["events"]) == (200, [])
    assert (await sending).status in (202, 503)
    assert await server.end() == 0
    assert (await server.said("stopped"))["event"] == "stopped"
    assert (await server.said("snapshot_taken"))["sequence"] > 0


async def test_a_standby_lives_is_not_ready_and_takes_over(servers: Servers) -> None:
    first = await servers.start(instance="one").serving()
    leader = await first.ea("leader")
    second = await servers.start(instance="two").listening()
    health = Line(second.port)
    assert (await health.call("GET", "/health/live")).status == 200
    ready = await health.call("GET", "/health")
    assert (ready.status, ready.json["status"]) == (503, "standby")
    leader.line = Line(second.port)
    assert (await leader.signal("p1", 1)).json["code"] == "standby"
    assert await first.end(signal.SIGTERM) == 0
    await second.serving()
    assert (await leader.signal("p1", 1)).status == 202


async def test_a_staging_slot_never_takes_the_shard(servers: Servers) -> None:
    staging = await servers.start(slot="staging").listening()
    await asyncio.sleep(1.5)
    connection = Line(staging.port)
    assert (await connection.call("GET", "/health")).status == 503
    assert (await connection.call("GET", "/health/live")).status == 200


async def test_a_full_disk_is_503_and_nothing_that_was_acknowledged_is_lost(tmp_path: Path) -> None:
    await seed(tmp_path)
    journal = tmp_path / "main.journal"
    room = journal.stat().st_size + 400_000
    server = await Server(tmp_path, file_bytes=room).serving()
    leader = await server.ea("leader")
    acknowledged: list[int] = []
    refused: Answer | None = None
    for number in range(1, 2000):
        answer = await leader.signal(f"p{number}", number)
        if answer.status == 202:
            acknowledged.append(answer.json["sequence"])
        else:
            refused = answer
            break
    assert refused is not None, "the limit was never reached"
    assert (refused.status, refused.json["code"]) == (503, "journal_unavailable")
    assert refused.headers["retry-after"] == "1"
    await server.end(signal.SIGKILL)

    healthy = await Server(tmp_path).serving()
    leader.line = Line(healthy.port)
    for number, sequence in enumerate(acknowledged, 1):
        again = await leader.signal(f"p{number}", number)
        assert (again.json["status"], again.json["sequence"]) == ("duplicate", sequence)
    assert await healthy.end() == 0


async def test_a_journal_that_is_behind_its_snapshot_is_not_served(servers: Servers) -> None:
    older = servers.folder.with_name("older")
    shutil.copytree(servers.folder, older)
    server = await servers.start().serving()
    leader = await server.ea("leader")
    await leader.signal("p1", 1)
    assert await server.end() == 0
    for name in older.glob("main.journal*"):
        shutil.copy(name, servers.folder / name.name)
    for leftover in ("main.journal-wal", "main.journal-shm"):
        if not (older / leftover).exists():
            (servers.folder / leftover).unlink(missing_ok=True)
    behind = servers.start()
    with suppress(AssertionError):
        await behind.said("never")
    assert await behind.end() == 3
    assert any(line["event"] == "start_refused" for line in behind.log)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"port": "99999"}, "KOPITRA_PORT: Input should be less than or equal to 65535"),
        (
            {"token_key_id": "k9"},
            "KOPITRA_TOKEN_KEYS: the service key 'k9' is not among the keys given",
        ),
        ({"token_keys": ""}, "KOPITRA_TOKEN_KEYS: is not JSON"),
        ({"quarantined": "[1,"}, "KOPITRA_QUARANTINED: is not JSON"),
        ({"log_level": "loud"}, "KOPITRA_LOG_LEVEL: must be one of debug, info, warning, error"),
        (
            {"storage": "azure"},
            "KOPITRA_AZURE_TABLES and KOPITRA_AZURE_BLOBS are needed where storage is azure",
        ),
    ],
)
async def test_a_wrong_setting_stops_the_start_with_a_sentence(
    tmp_path: Path, settings: dict[str, str], sentence: str
) -> None:
    server = Server(tmp_path, None, **settings)
    assert server.errors().strip() == sentence
    assert server.process.returncode == 2
    server.process.stdout.close()  # type: ignore[union-attr]


NOBODY_LISTENS = (
    "AccountName=house;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1/house;"
    "TableEndpoint=http://127.0.0.1:1/house"
)


@pytest.mark.parametrize(
    ("tables", "blobs", "sentence"),
    [
        (NOBODY_LISTENS, NOBODY_LISTENS, "KOPITRA_AZURE_BLOBS: .*Connection refused"),
        (
            NOBODY_LISTENS,
            "nonsense",
            "KOPITRA_AZURE_BLOBS is neither a connection string nor an https address",
        ),
        (NOBODY_LISTENS, "http://house", "KOPITRA_AZURE_BLOBS is neither a connection string nor an https"),
        (NOBODY_LISTENS, "AccountName=house;AccountKey=b", "KOPITRA_AZURE_BLOBS: .*shared key"),
        (
            "nonsense",
            NOBODY_LISTENS,
            "KOPITRA_AZURE_TABLES is neither a connection string nor an https address",
        ),
        (
            "https://",
            NOBODY_LISTENS,
            "KOPITRA_AZURE_TABLES is neither a connection string nor an https address",
        ),
    ],
)
async def test_azure_storage_that_cannot_be_used_stops_the_start_with_a_sentence(
    tmp_path: Path, tables: str, blobs: str, sentence: str
) -> None:
    await refuses_to_start(tmp_path, sentence, storage="azure", azure_tables=tables, azure_blobs=blobs)


@pytest.mark.parametrize("name", ["queues.sqlite", "main.journal"])
async def test_a_data_folder_with_a_file_that_is_none_of_ours_stops_the_start(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("no database at all, and certainly not ours" * 30)
    await refuses_to_start(tmp_path, "KOPITRA_DATA_FOLDER .*: .*file is not a database")


async def test_a_data_folder_that_is_a_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    await refuses_to_start(tmp_path / "taken", "KOPITRA_DATA_FOLDER .*File exists")


async def test_a_port_that_is_taken_stops_the_start(servers: Servers) -> None:
    first = await servers.start().serving()
    other = servers.folder / "other"
    await refuses_to_start(other, "KOPITRA_PORT .*: Address already in use", port=str(first.port))


async def refuses_to_start(folder: Path, sentence: str, **settings: str) -> None:
    """It ends with 3 and says nothing but one sentence."""
    server = Server(folder, None, **settings)
    try:
        said = server.errors().strip()
        assert re.search(sentence, said)
        assert len(said.splitlines()) == 1
        assert server.process.returncode == 3
    finally:
        await server.end(signal.SIGKILL)


async def test_bodies_that_are_too_large_are_refused_on_both_ways(servers: Servers) -> None:
    server = await servers.start().serving()
    leader = await server.ea("leader")
    large = {"padding": "x" * (300 * 1024)}
    for path in ("/signals", "/sessions"):
        answer = await leader.call("POST", path, large)
        assert (answer.status, answer.json["code"]) == (413, "body_too_large")
        leader.line = Line(server.port)


async def test_no_secret_ever_reaches_the_log(servers: Servers) -> None:
    server = await servers.start(log_level="debug").serving()
    leader = await server.ea("leader")
    await leader.signal("p1", 1)
    await leader.call("POST", "/sessions", {"secret": "a wrong one", "deviceId": "vps"})
    assert await server.end() == 0
    text = repr(server.log)
    for secret in (leader.token, SECRET, "a wrong one", SERVICE_KEY):
        assert secret not in text

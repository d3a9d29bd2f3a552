"""The kill switch reaches a real counterparty within a second while another process holds the database."""

import subprocess
import sys
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import msgspec
import pytest

from kopitra.adapters.embedded.timing import SystemClock, SystemSleeper
from kopitra.adapters.operator_tokens import OperatorTokens
from kopitra_functions.counterparty_client import CounterpartyClient
from kopitra_functions.http.app import create_app
from kopitra_functions.http.desk import desk_over
from kopitra_functions.ports import World
from tests.integration.counterparty.server import Ea, Server, seed
from tests.management.world import ISSUED_BY, ISSUER, Managed, managed, request
from tests.unit.copying.world import GROUP, LEADER, TENANT
from tests.unit.counterparty.test_operators import AUDIENCE

MOST_SECONDS = 1.0
"""What the issue asks for."""
HOLDER = """
import sqlite3, sys
blocker = sqlite3.connect(sys.argv[1], isolation_level=None)
blocker.execute("PRAGMA locking_mode=EXCLUSIVE")
blocker.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


class Console:
    """An operator's requests, by the wall clock."""

    def __init__(self, house: Managed, world: World) -> None:
        operators = OperatorTokens(
            load_keys=ISSUER.keys, issuer=ISSUED_BY, audience=AUDIENCE, clock=SystemClock()
        )
        self._app = create_app(desk=desk_over(world, house.database), operators=operators)
        until = int(SystemClock().now().timestamp()) + 3600
        self._token = ISSUER.token(roles=["admin"], tenant=TENANT, sub="olga", exp=until)
        self._calls = 0

    async def ask(self, method: str, path: str, body: object = None):
        self._calls += 1
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"console-{self._calls}",
            "X-TradeAgent-Request-ID": f"request-{self._calls}",
        }
        raw = None if body is None else msgspec.json.encode(body)
        return await request(self._app, method, path, raw, headers)


@contextmanager
def database_held(file: Path) -> Generator[None]:
    """By another process, for itself alone."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        yield
    finally:
        holder.stdin.close()
        holder.wait(10)
        holder.stdout.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    folder = tmp_path / "counterparty"
    await seed(folder)
    keys = tmp_path / "operators.jwks"
    keys.write_bytes(msgspec.json.encode(await ISSUER.keys()))
    server = await Server(
        folder, operator_issuer=ISSUED_BY, operator_audience=AUDIENCE, operator_jwks=str(keys)
    ).serving()
    yield server
    await server.end()


async def test_halted_within_a_second_while_sql_is_locked(server: Server, tmp_path: Path) -> None:
    leader, follower = await server.ea(LEADER), await server.ea("follower-0")
    async with managed(tmp_path) as house:
        client = CounterpartyClient(f"http://127.0.0.1:{server.port}", house.world.tokens, SystemSleeper())
        console = Console(
            house, msgspec.structs.replace(house.world, counterparty=client, clock=SystemClock())
        )
        with database_held(house.file):
            before = await _copied(leader, console, "p1", 1)
            assert before == "planned"

            began = perf_counter()
            answer = await console.ask(
                "POST",
                "/kill-switch",
                {"action": "halt", "scope": "group", "target": GROUP, "reason": "fire"},
            )
            took = perf_counter() - began
            assert (answer.status, answer.json["status"]) == (200, "halted"), answer
            assert took < MOST_SECONDS
            print(f"halted in {took * 1000:.0f} ms with SQL locked; {answer.headers['server-timing']}")

            # What the leader does from now on is no longer copied, and the run says why.
            assert await _copied(leader, console, "p2", 2) == "halted"
            listed = await console.ask("GET", "/brokers")
            assert (listed.status, listed.json["code"]) == (503, "database_resuming")
        sent = (await follower.poll(0)).json["events"]
        assert [event["eventType"] for event in sent if event["eventType"] == "trade.started"] == []
        await client.close()


async def _copied(leader: Ea, console: Console, ref: str, ordinal: int) -> str:
    """What became of a new trade for its one follower, as the run's story tells it."""
    signal = await leader.signal(ref, ordinal)
    story = await console.ask("GET", f"/runs/{signal.json['runId']}/story")
    assert story.status == 200, story
    [copy] = story.json["copies"]
    return copy.get("reason") or copy["outcome"]

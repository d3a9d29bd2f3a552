"""Ten thousand bad requests to a real server: no 5xx, always a problem document, and nothing is journaled.

`tests/unit/counterparty/test_bad_requests.py` sends as many without a server and compares the state's hash.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from kopitra.protocol.endpoints import EA_ENDPOINTS, Access, Endpoint
from kopitra.protocol.management_endpoints import MANAGEMENT_ENDPOINTS
from tests.contract.bad_requests import NOT_HTTP, BadRequests, Good, Headers
from tests.fixtures.wire import Answer, Line, request_bytes
from tests.integration.faults import configuration
from tests.integration.faults.lives import Life
from tests.integration.faults.recorded import Record
from tests.integration.faults.traffic import Terminal, Traffic, now

REQUESTS = 10_000
CONNECTIONS = 8
ISSUER, AUDIENCE = "https://issuer.example", "kopitra"
NEVER = 4_000_000_000
"""An expiry in the year 2096, in seconds since 1970."""


class Served:
    """A counterparty with operators, one EA's session, and one admin's access token."""

    def __init__(self, life: Life, folder: Path, ea: Terminal, operator: str) -> None:
        self.life = life
        self.folder = folder
        self.ea = ea
        self.operator = operator

    def as_ea(self) -> Headers:
        return {"X-TradeAgent-Account": self.ea.account, "Authorization": f"Bearer {self.ea.token}"}

    def as_operator(self) -> Headers:
        return {"Authorization": f"Bearer {self.operator}"}

    async def last_sequence(self) -> int:
        return (await Record.in_folder(self.folder)).last


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
    key_set = tmp_path / "keys.json"
    key_set.write_bytes(msgspec.json.encode(KeySet([key]).as_dict(private=False)))
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "olga", "exp": NEVER, "tenant": "*", "roles": ["admin"]}
    life = Life(
        "counterparty",
        tmp_path,
        operator_issuer=ISSUER,
        operator_audience=AUDIENCE,
        operator_jwks=key_set,
    )
    life.start()
    try:
        await life.serving()
        await configuration.publish(tmp_path, configuration.accounts(["leader", "stranger"]))
        ea = Terminal(Traffic(lambda: (life.port,), Random(1)), "leader")
        await ea.enrol_once_published()
        await ea.open()
        yield Served(life, tmp_path, ea, jwt.encode({"alg": "ES256", "kid": "one"}, claims, key))
    finally:
        life.close()


def good_body(endpoint: Endpoint) -> dict[str, Any] | None:
    """Its required fields only: each of them is needed."""
    fill = {"status": "filled", "symbol": "EURUSD", "side": "buy", "executedAt": now()}
    bodies: dict[str, dict[str, Any]] = {
        "/enrolments": {"code": "unknown", "deviceId": "d"},
        "/sessions": {"secret": "wrong"},
        "/sessions/current/inbox": {"events": []},
        "/signals": {
            "signalId": "s",
            "action": "open",
            "positionRef": "p",
            "symbol": "EURUSD",
            "side": "buy",
            "volume": "1",
            "volumeAfter": "1",
            "account": {"balance": "1", "currency": "USD"},
            "occurredAt": now(),
            "streamId": "s",
            "ordinal": 1,
        },
        "/executions": fill | {"orderTicket": 1, "fillVolume": "1", "fillPrice": "1"},
        "/guards/reset": {"scope": "follower", "target": "nobody", "name": "daily"},
        "/reconciliation/decide": {"decisions": [{"proposalId": "x-unknown", "approve": False}]},
        "/kill-switch": {"scope": "follower", "target": "nobody"},
        "/subscriptions/{subscriptionId}/preview": {"rules": {}},
        "/settings/preview": {"scope": "group", "settings": {}},
        "/sessions/{sessionId}/orders": {"action": "open", "symbol": "EURUSD", "side": "buy", "volume": "1"},
    }
    return bodies[endpoint.path] if endpoint.request else None


async def send_all(port: int, requests: list[bytes], answers: list[tuple[bytes, Answer]]) -> None:
    line = Line(port)
    while requests:
        raw = requests.pop()
        answers.append((raw, await line.ask(raw)))
    line.hang_up()


@pytest.mark.timeout(240)
async def test_ten_thousand_bad_requests_get_problems_and_leave_no_trace(served: Served):
    goods = [
        Good(
            endpoint,
            served.as_operator() if endpoint.access is Access.OPERATOR else served.as_ea(),
            good_body(endpoint),
        )
        for endpoint in (*EA_ENDPOINTS, *MANAGEMENT_ENDPOINTS)
    ]
    draw = BadRequests(goods, Random(20260105))
    requests = [draw.next() for _ in range(REQUESTS)]
    before = await served.last_sequence()
    answers: list[tuple[bytes, Answer]] = []
    await asyncio.gather(*(send_all(served.life.port, requests, answers) for _ in range(CONNECTIONS)))
    statuses = Counter(answer.status for _, answer in answers)
    print(f"{len(answers)} bad requests: {dict(sorted(statuses.items()))}")
    for raw, answer in answers:
        assert 400 <= answer.status < 500, (raw[:2000], answer)
        assert answer.headers["content-type"] == "application/problem+json", (raw[:2000], answer)
        assert answer.json["status"] == answer.status
        assert answer.json["code"], answer
    assert len(answers) == REQUESTS
    assert {400, 401, 404, 405, 413, 415, 422} <= set(statuses)
    assert await served.last_sequence() == before
    assert (await served.ea.poll(0, 0))["events"] == []


async def test_what_is_no_http_ends_its_connection_and_nothing_else(served: Served):
    before = await served.last_sequence()
    for raw in NOT_HTTP:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.life.port)
        writer.write(raw)
        writer.write_eof()
        async with asyncio.timeout(20):
            said = await reader.read()
        assert said[9:12] in (b"", b"400", b"431"), (raw[:100], said)
        writer.close()
    assert await served.last_sequence() == before
    assert (await served.ea.poll(0, 0))["events"] == []


async def ask(served: Served, endpoint: Endpoint, headers: Headers) -> Answer:
    path = endpoint.path.replace("{runId}", "r").replace("{sessionId}", "s")
    path = path.replace("{proposalId}", "x").replace("{subscriptionId}", "x")
    body = good_body(endpoint)
    given = headers | (
        {"Idempotency-Key": f"as another to {endpoint.path}"[:40].replace(" ", "-")} if endpoint.keyed else {}
    )
    raw = request_bytes(endpoint.method, path, given, msgspec.json.encode(body) if body is not None else None)
    return await Line(served.life.port).ask(raw)


async def test_an_eas_token_is_refused_on_every_route_of_operators(served: Served):
    before = await served.last_sequence()
    for endpoint in MANAGEMENT_ENDPOINTS:
        answer = await ask(served, endpoint, served.as_ea())
        assert (answer.status, answer.json["code"]) == (403, "operators_only"), (endpoint.scope, answer)
    assert await served.last_sequence() == before


async def test_an_operators_token_opens_no_route_of_eas(served: Served):
    before = await served.last_sequence()
    for endpoint in EA_ENDPOINTS:
        headers = served.as_operator() | {"X-TradeAgent-Account": served.ea.account}
        answer = await ask(served, endpoint, headers)
        assert answer.status in (401, 403), (endpoint.scope, answer)
    assert await served.last_sequence() == before
    answer = await ask(served, MANAGEMENT_ENDPOINTS[0], served.as_operator())
    assert answer.status == 200, answer

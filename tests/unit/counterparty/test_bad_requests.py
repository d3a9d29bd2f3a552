"""Ten thousand bad requests: never a 5xx, always a problem document, and not one of them changes the state."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from kopitra.machine.state_codec import state_hash
from kopitra.protocol.endpoints import EA_ENDPOINTS, Endpoint
from tests.unit.counterparty.house import Ea, House, in_house
from tests.unit.counterparty.test_policies import FILL

REQUESTS = 10_000
SEED = 20260105
STRANGE: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**30,
    1e308,
    "",
    "x" * 600,
    "NaN",
    "-Infinity",
    "1e999999",
    "0.00000000001",
    "1_0",
    "\x00",
    "\u202eevil",
    "9" * 40,
    "0001-01-01T00:00:00+23:59",
    "2026-01-05",
    "9999-12-31T23:59:59.999999Z",
    [],
    {},
    [[[]]],
    {"a": {"b": {}}},
)


class Mutations:
    """Draws a bad body from a good one. Each mutation makes it bad for certain."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    def of(self, good: dict[str, Any], required: tuple[str, ...]) -> bytes:
        kind = self.draw.randrange(6)
        if kind == 0:
            return self._torn(msgspec.json.encode(good))
        if kind == 1:
            return self._noise()
        if kind == 2:
            return b"[" * self.draw.randint(33, 3000)
        body = dict(good)
        name = self.draw.choice(required)
        if kind == 3:
            del body[name]
        elif kind == 4:
            body[name] = self.draw.choice(
                ({"strange": self.draw.choice(STRANGE)}, [self.draw.choice(STRANGE)], None, 1.5)
            )
        else:
            return msgspec.json.encode([body])
        return msgspec.json.encode(body)

    def _torn(self, raw: bytes) -> bytes:
        return raw[: self.draw.randrange(len(raw) - 1)]

    def _noise(self) -> bytes:
        return b"\xff" + self.draw.randbytes(self.draw.randrange(200))

    def header(self) -> str:
        """Any characters that the server's HTTP parser lets through."""
        return "".join(chr(self.draw.randrange(32, 256)) for _ in range(self.draw.randrange(1, 300)))


def bodies(ea: Ea) -> dict[str, tuple[dict[str, Any], tuple[str, ...]]]:
    """A good body of each route, and fields that cannot be left out or replaced."""
    signal = ea.intent("never seen")
    return {
        "/enrolments": ({"code": "c", "deviceId": "d"}, ("code", "deviceId")),
        "/sessions": ({"secret": "s", "deviceId": "d"}, ("secret",)),
        "/signals": (
            signal,
            ("signalId", "action", "positionRef", "side", "account", "occurredAt", "streamId"),
        ),
        "/executions": (FILL, ("status", "symbol", "side", "executedAt")),
        "/sessions/current/inbox": ({"events": []}, ("events",)),
    }


def spoil_headers(mutations: Mutations, endpoint: Endpoint) -> dict[str, str]:
    """One header that makes the request bad, or {} for none."""
    choices: list[Callable[[], dict[str, str]]] = [
        lambda: {"X_TradeAgent_Account": "\x80" + mutations.header()},
        lambda: {"X_TradeAgent_Account": "nobody"},
        lambda: {"Authorization": mutations.header()},
        lambda: {"Authorization": "Bearer " + mutations.header()},
        lambda: {"Idempotency_Key": " " + mutations.header()},
    ]
    if endpoint.request:
        choices.append(lambda: {"Content_Type": "text/" + mutations.header()})
    return mutations.draw.choice(choices)()


def test_ten_thousand_bad_requests_change_nothing() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        ea = await house.ea("leader")
        await ea.signal()
        engine = house.service.core.engine
        before, written = state_hash(engine.state), house.disk.appends
        mutations, statuses = Mutations(SEED), Counter[int]()
        good = bodies(ea)
        for number in range(REQUESTS):
            endpoint = mutations.draw.choice(EA_ENDPOINTS)
            answer = await send_bad(ea, endpoint, mutations, good)
            statuses[answer.status] += 1
            assert 400 <= answer.status < 500, (number, endpoint.scope, answer)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json["status"] == answer.status
        assert state_hash(engine.state) == before
        assert house.disk.appends == written
        assert {400, 401, 404, 413, 415, 422} <= set(statuses), statuses

    in_house(scenario, rate_limit_per_second=1e9, rate_limit_burst=10**9, log_level="error")


async def send_bad(
    ea: Ea, endpoint: Endpoint, mutations: Mutations, good: dict[str, tuple[dict[str, Any], tuple[str, ...]]]
) -> Any:
    path = endpoint.path.replace("{runId}", "%00" + str(mutations.draw.random()))
    if endpoint.query and mutations.draw.random() < 0.5:
        query = mutations.draw.choice(
            ("cursor=-1", "cursor=٣", "limit=1e3", "wait=99999999999999999999", "limit=")
        )
        return await ea.call(endpoint.method, f"{path}?{query}".encode("ascii", "replace").decode())
    if endpoint.request and mutations.draw.random() < 0.7:
        if mutations.draw.random() < 0.02:
            return await ea.call(endpoint.method, path, b" " * (256 * 1024 + 1))
        return await ea.call(endpoint.method, path, mutations.of(*good[endpoint.path]))
    if endpoint.path.startswith("/runs/"):
        return await ea.call(endpoint.method, path)
    if endpoint.path == "/enrolments":
        return await ea.call(endpoint.method, path, good[endpoint.path][0])
    body = good[endpoint.path][0] if endpoint.request else None
    spoiled = spoil_headers(mutations, endpoint)
    if "Idempotency_Key" in spoiled and not endpoint.keyed:
        spoiled = {"Authorization": ""}
    if endpoint.path == "/sessions":
        spoiled.pop("Authorization", None)
    return await ea.call(endpoint.method, path, body, **spoiled)


def test_values_at_and_beyond_every_bound_are_taken_or_refused_but_never_fail() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        ea = await house.ea("leader")
        draw = random.Random(SEED)
        for number in range(1500):
            body = ea.intent(f"p{draw.randrange(40)}", draw.choice(ACTIONS))
            for _ in range(draw.randrange(3)):
                body[draw.choice(sorted(body))] = draw.choice(STRANGE)
            answer = await ea.call("POST", "/signals", body)
            assert answer.status < 500, (number, body, answer)
        assert (await ea.poll()).status == 200

    in_house(scenario, rate_limit_per_second=1e9, rate_limit_burst=10**9, log_level="error")


ACTIONS = (
    "open",
    "increase",
    "modify",
    "partial_close",
    "close",
    "reverse",
    "close_by",
    "pending_placed",
    "pending_modified",
    "pending_filled",
    "pending_cancelled",
)

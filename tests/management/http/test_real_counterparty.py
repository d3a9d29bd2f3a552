"""A counterparty in a process of its own takes what is configured here, within two seconds."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kopitra.adapters.embedded.timing import SystemClock, SystemSleeper
from kopitra_functions.counterparty_client import CounterpartyClient
from tests.fixtures.wire import Answer
from tests.integration.faults.lives import Life
from tests.management.http.configured import SAME, made, shop
from tests.management.world import ISSUED_BY, ISSUER, OTHER, Managed, ServiceToken, managed
from tests.unit.counterparty.test_operators import AUDIENCE

EFFECTIVE_SECONDS = 2.0
PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.01


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[Managed]:
    keys = tmp_path / "keys.json"
    keys.write_bytes(msgspec.json.encode(await ISSUER.keys()))
    life = Life(
        "counterparty",
        tmp_path,
        operator_issuer=ISSUED_BY,
        operator_audience=AUDIENCE,
        operator_jwks=keys,
    )
    life.start()
    try:
        await life.serving()
        time_now = SystemClock(), SystemSleeper()
        client = CounterpartyClient(f"http://127.0.0.1:{life.port}", ServiceToken(), time_now[1])
        async with managed(tmp_path, time=time_now, counterparty=client) as house:
            yield house
        await client.close()
    finally:
        life.close()


async def until(house: Managed, path: str, wanted: Callable[[Any], bool]) -> Answer:
    """What the counterparty says, once it says what is wanted."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = await house.call("GET", path, role="viewer")
        if answer.status == 200 and wanted(answer.json):
            return answer
        assert time.monotonic() < deadline, answer
        await asyncio.sleep(LOOK_SECONDS)


def is_enabled(told: Any) -> bool:
    return told["enabled"]


def has_value(name: str, value: Any) -> Callable[[Any], bool]:
    """Whether this setting is in force with this value."""
    return lambda told: told["settings"][name]["value"] == value


async def test_a_change_is_in_force_at_the_counterparty_within_two_seconds(house: Managed):
    await shop(house)
    path = "/subscriptions/s-1/effective"
    first = await until(house, path, is_enabled)
    assert first.json["settings"]["multiplier"] == {"value": "1", "origin": "default"}
    changes: list[tuple[str, Any, int, str, Any]] = [
        ("/subscriptions/s-1", {"rules": SAME | {"multiplier": "2"}}, 1, "multiplier", "2"),
        ("/settings/platform", {"settings": {"openTtlSeconds": 30}}, 0, "openTtlSeconds", 30),
        ("/settings/followers/follower-1", {"settings": {"maxVolume": "3"}}, 0, "maxVolume", "3"),
    ]
    took: list[float] = []
    for edited, body, version, name, value in changes:
        began = time.monotonic()
        answer = await house.call("PUT", edited, body, version=version)
        assert answer.status == 200, answer
        await until(house, path, has_value(name, value))
        took.append(time.monotonic() - began)
    print("in force after", [f"{seconds:.3f} s" for seconds in took])
    assert max(took) <= EFFECTIVE_SECONDS


async def test_an_enrolment_code_issued_here_lets_a_device_in_there(house: Managed):
    await shop(house)
    issued = await made(house, "/accounts/follower-1/enrolment-codes", {})
    body = msgspec.json.encode({"code": issued.json["code"], "deviceId": "vps"})
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = await house.world.counterparty.ask("POST", "/enrolments", body=body, idempotency_key="once")
        if answer.status == 201:
            break
        assert time.monotonic() < deadline, answer
        await asyncio.sleep(LOOK_SECONDS)
    assert msgspec.json.decode(answer.body)["account"] == "follower-1"


async def test_previews_go_through_and_stay_within_the_tenant(house: Managed):
    await shop(house)
    await until(house, "/subscriptions/s-1/effective", is_enabled)
    rules = {"rules": SAME | {"multiplier": "0.5"}}
    preview = await house.call("POST", "/subscriptions/s-1/preview", rules)
    assert preview.json["subscriptions"][0]["changed"] == ["multiplier"]
    layer = {"scope": "group", "target": "majors", "settings": {"reverse": True}}
    assert (await house.call("POST", "/settings/preview", layer)).status == 200
    for method, path, body in (
        ("GET", "/subscriptions/s-1/effective", None),
        ("POST", "/subscriptions/s-1/preview", rules),
        ("POST", "/settings/preview", layer),
    ):
        assert (await house.call(method, path, body, tenant=OTHER)).status == 404

"""Feature flags: one table, a store that is asked in the background, and what a closed gate refuses."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from kopitra.adapters.azure.feature_flags import LAST_KNOWN, AppConfigurationFlags, connect_flags
from kopitra.adapters.feature_flags import StoreUnusable, open_flags
from kopitra.application.features import DEFERRED_REPLAY, FLAGS, OPERATOR_ORDERS
from kopitra.application.ports.blobs import Blobs, BlobsUnavailable
from kopitra.application.ports.feature_flags import AsDeclared, Flag
from kopitra.simulation.blobs import MemoryBlobs
from kopitra_counterparty.settings import SettingsInvalid, load_settings
from tests.fixtures.clocks import ManualClock
from tests.fixtures.serving import KEY_ID, SERVICE_KEY
from tests.unit.counterparty.house import House, in_house, pair

SECRET = "c2VjcmV0IG9mIHRoZSBzdG9yZQ=="
ORDER = {"action": "open", "symbol": "EURUSD", "side": "buy", "volume": "0.10"}
UNKNOWN = 404
FLAG_TYPE = "application/vnd.microsoft.appconfig.ff+json;charset=utf-8"


class Store:
    """An Azure App Configuration store on loopback. `status`: what it answers instead of flags."""

    def __init__(self) -> None:
        self.flags: dict[str, dict[str, Any]] = {}
        self.status = 200
        self.asked: list[dict[str, list[str]]] = []

    def put(self, flag: Flag, on: bool, *filters: str) -> None:
        conditions = {"client_filters": [{"name": name} for name in filters]}
        self.flags[flag.name] = {"id": flag.name, "enabled": on, "conditions": conditions}

    def answer(self) -> bytes:
        items: list[Any] = [
            {
                "key": f".appconfig.featureflag/{name}",
                "label": None,
                "content_type": FLAG_TYPE,
                "value": msgspec.json.encode(flag).decode(),
                "tags": {},
                "etag": "e",
                "locked": False,
                "last_modified": "2026-01-05T00:00:00+00:00",
            }
            for name, flag in self.flags.items()
        ]
        return msgspec.json.encode({"items": items})


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def connection_string(store: Store) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            store.asked.append(parse_qs(urlsplit(self.path).query, keep_blank_values=True))
            body = store.answer() if store.status == 200 else b"{}"
            self.send_response(store.status)
            self.send_header("Content-Type", "application/vnd.microsoft.appconfig.kvset+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"Endpoint=http://127.0.0.1:{server.server_port};Id=reader;Secret={SECRET}"
    server.shutdown()
    thread.join()
    server.server_close()


class Away(MemoryBlobs):
    """Cannot be reached."""

    async def put(self, *given: Any, **more: Any) -> None:
        raise BlobsUnavailable("no route")

    async def get(self, name: str) -> bytes:
        raise BlobsUnavailable("no route")


class Switched(AsDeclared):
    """Every flag at once."""

    on = False

    def enabled(self, flag: Flag) -> bool:
        return self.on


class Pauses:
    """A sleeper that lets the test do something in each pause, and ends the refreshing after the last."""

    def __init__(self, *during: Any) -> None:
        self.slept: list[float] = []
        self._during = list(during)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if not self._during:
            raise asyncio.CancelledError
        self._during.pop(0)()


async def refreshed(connection_string: str, *during: Any) -> tuple[AppConfigurationFlags, list[float]]:
    """Flags that were read once, and once more after each of `during`."""
    pauses = Pauses(*during)
    flags = connect_flags(pauses, connection_string=connection_string)
    with pytest.raises(asyncio.CancelledError):
        await flags.run()
    await flags.close()
    return flags, pauses.slept


async def test_a_store_s_flags_win_over_the_table_and_the_others_keep_their_default(
    store: Store, connection_string: str
):
    store.put(OPERATOR_ORDERS, on=False)
    flags, slept = await refreshed(connection_string)
    assert not flags.enabled(OPERATOR_ORDERS)
    assert flags.enabled(DEFERRED_REPLAY) is DEFERRED_REPLAY.default
    assert slept == [60.0]
    [asked] = store.asked
    assert asked["key"] == [".appconfig.featureflag/*"]
    assert asked["label"] == ["\0"], "flags with a label belong to somebody else"


async def test_a_flag_that_is_switched_takes_effect_with_the_next_look(store: Store, connection_string: str):
    flags, _ = await refreshed(connection_string, lambda: store.put(OPERATOR_ORDERS, on=False))
    assert not flags.enabled(OPERATOR_ORDERS)


@pytest.mark.parametrize("status", [401, 403, 429, 500])
async def test_what_is_known_stays_known_while_the_store_fails(
    store: Store, connection_string: str, status: int
):
    store.put(OPERATOR_ORDERS, on=False)

    def fail() -> None:
        store.status = status

    flags, _ = await refreshed(connection_string, fail)
    assert not flags.enabled(OPERATOR_ORDERS)


async def test_a_store_that_was_never_reached_leaves_the_defaults():
    flags = connect_flags(Pauses(), connection_string=f"Endpoint=http://127.0.0.1:9;Id=x;Secret={SECRET}")
    await flags.refresh()
    await flags.close()
    assert all(flags.enabled(flag) is flag.default for flag in FLAGS)


async def started(
    connection_string: str, memory: Blobs, seconds: float = 300.0, *, reads: bool = True
) -> AppConfigurationFlags:
    """A process that has begun: it recalls, and reads once unless it only asks where it needs to."""
    flags = connect_flags(
        Pauses(), connection_string=connection_string, refresh_seconds=seconds, memory=memory
    )
    await flags.recall()
    if reads:
        await flags.refresh()
    return flags


async def test_a_start_that_cannot_read_leaves_off_what_was_last_known_to_be_off(
    store: Store, connection_string: str
):
    memory = MemoryBlobs(ManualClock())
    store.put(OPERATOR_ORDERS, on=False)
    await (await started(connection_string, memory)).close()

    store.status = 429
    again = await started(connection_string, memory)
    await again.close()

    assert not again.enabled(OPERATOR_ORDERS)


async def test_what_was_last_known_holds_from_the_start_and_until_the_store_says_otherwise(
    store: Store, connection_string: str
):
    memory = MemoryBlobs(ManualClock())
    store.put(OPERATOR_ORDERS, on=False)
    await (await started(connection_string, memory)).close()

    store.put(OPERATOR_ORDERS, on=True)
    again = await started(connection_string, memory, reads=False)
    assert not again.enabled(OPERATOR_ORDERS)
    await again.refresh()
    await again.close()

    assert again.enabled(OPERATOR_ORDERS)
    last = await started("Endpoint=http://127.0.0.1:9;Id=x;Secret=" + SECRET, memory)
    await last.close()
    assert last.enabled(OPERATOR_ORDERS)


async def test_a_memory_that_is_damaged_or_away_leaves_the_defaults_and_breaks_nothing(
    store: Store, connection_string: str
):
    memory = MemoryBlobs(ManualClock())
    await memory.put(LAST_KNOWN, b"[]")
    store.status = 500
    flags = await started(connection_string, memory)
    await flags.close()
    assert all(flags.enabled(flag) is flag.default for flag in FLAGS)

    store.status = 200
    store.put(OPERATOR_ORDERS, on=False)
    without = await started(connection_string, Away(ManualClock()))
    await without.close()
    assert not without.enabled(OPERATOR_ORDERS)


async def test_whoever_seldom_asks_reads_at_most_once_in_an_interval(store: Store, connection_string: str):
    flags = connect_flags(Pauses(), connection_string=connection_string, refresh_seconds=300)
    store.put(OPERATOR_ORDERS, on=False)

    await asyncio.gather(flags.look(), flags.look())
    assert not flags.enabled(OPERATOR_ORDERS)
    await flags.look()
    await flags.close()

    assert len(store.asked) == 1


async def test_a_look_that_is_older_than_the_interval_is_repeated(store: Store, connection_string: str):
    flags = connect_flags(Pauses(), connection_string=connection_string, refresh_seconds=0)
    await flags.look()
    store.put(OPERATOR_ORDERS, on=False)
    await flags.look()
    await flags.close()

    assert not flags.enabled(OPERATOR_ORDERS)


async def test_a_flag_with_conditions_is_not_on_for_everybody(store: Store, connection_string: str):
    store.put(OPERATOR_ORDERS, True, "Microsoft.Percentage")
    flags, _ = await refreshed(connection_string)
    assert not flags.enabled(OPERATOR_ORDERS)


def test_what_is_no_connection_string_is_refused_without_telling_it():
    with pytest.raises(StoreUnusable) as refused:
        open_flags({}, "the password", Pauses(), 60.0)
    assert "password" not in str(refused.value)


def test_a_setting_that_names_no_flag_of_this_service_stops_the_start():
    given = {"token_keys": {KEY_ID: SERVICE_KEY}, "token_key_id": KEY_ID}
    for name in ("operator-order", "what-if-uploads"):
        with pytest.raises(SettingsInvalid, match=f"KOPITRA_FEATURE_FLAGS.*{name}"):
            load_settings(**given, feature_flags={name: True})
    assert not load_settings(**given, feature_flags={"operator-orders": False}).feature_flags[
        "operator-orders"
    ]


def test_names_are_unique_and_as_the_store_takes_them():
    names = [flag.name for flag in FLAGS]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalnum() and name == name.lower() for name in names)


def test_orders_that_are_switched_off_are_refused_until_they_are_on_again_and_closes_never_are():
    flags = Switched()

    async def scenario(house: House) -> None:
        leader, _ = await pair(house)
        path = f"/sessions/{leader.session['sessionId']}/orders"

        async def order(body: object, key: str) -> Any:
            headers = {"Authorization": f"Bearer {house.operator()}", "Idempotency-Key": key}
            return await house.call("POST", path, msgspec.json.encode(body), headers)

        refused = await order(ORDER, "one")
        assert (refused.status, refused.json["code"]) == (409, "feature_disabled")
        assert "operator-orders" in refused.json["detail"]
        close = {**ORDER, "action": "close", "ticket": 4711}
        assert (await order(close, "two")).status == 202
        flags.on = True
        assert (await order(ORDER, "one")).status == 202, "a refusal is no answer to keep"

    in_house(scenario, features=flags)

"""Ten thousand bad requests, and whatever the document lets be generated: never a 5xx, and nothing changes by them."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Generator
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest
import schemathesis
from hypercorn.asyncio import serve  # pyright: ignore[reportUnknownVariableType]
from hypercorn.config import Config
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi import checks

from kopitra_functions.http.endpoint import Endpoint
from kopitra_functions.http.openapi import ADMIN_PATH
from kopitra_functions.ports import CounterpartyAnswer
from tests.management.http.bad_requests import BadRequests
from tests.management.http.examples import ENDPOINTS, populated
from tests.management.world import EVERYBODY, TENANT, Managed, managed, request

REQUESTS = 10_000
SEED = 20260105
EXAMPLES = 8
"""For each of a hundred routes; the ten thousand above are worse."""
SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
CHECKS: tuple[Any, ...] = tuple(
    getattr(checks, name)
    for name in ("content_type_conformance", "response_schema_conformance", "status_code_conformance")
)


async def digest(house: Managed) -> str:
    """Of every row of every table."""
    return sha256(repr(await house.rows()).encode()).hexdigest()


@pytest.mark.timeout(240)
async def test_ten_thousand_bad_requests_get_problems_and_leave_no_trace(house: Managed):
    params = await populated(house)
    before, published = await digest(house), len(await house.published())
    counts = {name: len(rows) for name, rows in (await house.rows()).items()}
    bad, statuses = BadRequests(params, Random(SEED)), Counter[int]()
    tokens = [house.operator(tenant=tenant) for tenant in (TENANT, TENANT, EVERYBODY)]
    for number in range(REQUESTS):
        method, path, body, changed = bad.next()
        headers: dict[str, str | None] = {
            "Authorization": f"Bearer {tokens[number % len(tokens)]}",
            "Idempotency-Key": f"bad-{number}",
            "Content-Type": "application/json",
        }
        given_headers = {name: value for name, value in (headers | changed).items() if value is not None}
        answer = await request(house.app, method, path, body, given_headers)
        statuses[answer.status] += 1
        asked = (number, method, path[:200], (body or b"")[:300], changed)
        assert 400 <= answer.status < 500, (asked, answer)
        assert answer.headers["content-type"] == "application/problem+json", (asked, answer)
        assert answer.json["status"] == answer.status
        assert answer.json["code"], asked
    print(f"{REQUESTS} bad requests: {dict(sorted(statuses.items()))}")
    assert {400, 401, 403, 404, 405, 412, 413, 415, 422, 428} <= set(statuses)
    assert {name: len(rows) for name, rows in (await house.rows()).items()} == counts
    assert (await digest(house), len(await house.published())) == (before, published)
    assert house.counterparty.asked == []


class Served:
    """The application on a port of its own, in a thread with a loop of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.token = ""
        self._ready = threading.Event()
        self._end = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(60)

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    async def _serve(self) -> None:
        config = Config()
        config.bind = [f"fd://{self._socket.detach()}"]
        async with managed(self._folder) as house:
            await populated(house)
            house.counterparty.default = CounterpartyAnswer(
                status=403,
                body=b'{"type": "t", "title": "t", "status": 403, "code": "operators_only"}',
                content_type="application/problem+json",
            )
            self.token = house.operator()
            self._ready.set()
            await serve(house.app, config, shutdown_trigger=lambda: asyncio.to_thread(self._end.wait))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    served = Served(tmp_path_factory.mktemp("served"))
    served.start()
    try:
        yield served
    finally:
        served.stop()


@pytest.fixture(scope="module")
def document(served: Served) -> Any:
    return schemathesis.openapi.from_url(f"{served.url}{ADMIN_PATH}/openapi.json")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.scope)
def test_every_answer_is_one_that_the_document_describes(
    endpoint: Endpoint, document: Any, served: Served
) -> None:
    @given(case=document[endpoint.path][endpoint.method].as_strategy())
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=SLOW_IS_FINE, database=None)
    def check(case: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {served.token}"}
        response = case.call(timeout=30)
        assert response.status_code < 500, response.text
        case.validate_response(response, checks=CHECKS)

    check()

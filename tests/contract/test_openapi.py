"""The real server keeps to its OpenAPI document, whatever is generated from it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi import checks

from kopitra.protocol.endpoints import EA_ENDPOINTS, SERVICE_ENDPOINTS, Endpoint
from kopitra.protocol.events import InboxType
from kopitra.protocol.limits import BASE_PATH
from kopitra.protocol.management_endpoints import MANAGEMENT_ENDPOINTS
from tests.fixtures.serving import process_environment
from tests.fixtures.wire import Line
from tests.integration.counterparty.server import Ea, seed

EXAMPLES = 40
"""For each of two dozen routes; ten thousand worse requests are made without a server, see test_bad_requests."""
SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
CHECKS: tuple[Any, ...] = tuple(
    getattr(checks, name)
    for name in ("content_type_conformance", "response_schema_conformance", "status_code_conformance")
)

pytestmark = pytest.mark.timeout(300)


class Running:
    def __init__(self, port: int, token: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.token = token


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("openapi")
    asyncio.run(seed(folder))
    with subprocess.Popen(
        [sys.executable, "-m", "kopitra_counterparty"],
        stdout=subprocess.PIPE,
        env=process_environment(folder),
    ) as process:
        port = 0
        assert process.stdout is not None
        for line in process.stdout:
            said = json.loads(line)
            port = said["port"] if said["event"] == "listening" else port
            if said["event"] == "serving":
                break
        try:
            yield Running(port, asyncio.run(_token(port)))
        finally:
            process.terminate()
            process.communicate(timeout=30)
        assert process.returncode == 0


async def _token(port: int) -> str:
    ea = Ea("leader", Line(port))
    await ea.open("open")
    ea.line.hang_up()
    return ea.token


@pytest.fixture(scope="module")
def document(running: Running) -> Any:
    return schemathesis.openapi.from_url(f"{running.url}{BASE_PATH}/openapi.json")


def ends_the_session(endpoint: Endpoint) -> bool:
    """Such routes would take the session from the others; they have tests of their own."""
    return endpoint.method == "DELETE" or endpoint.path.endswith("/release")


@pytest.mark.parametrize(
    "endpoint",
    [
        endpoint
        for endpoint in (*EA_ENDPOINTS, *MANAGEMENT_ENDPOINTS, *SERVICE_ENDPOINTS)
        if not ends_the_session(endpoint)
    ],
    ids=lambda endpoint: endpoint.scope,
)
def test_every_answer_is_one_that_the_document_describes(
    endpoint: Endpoint, document: Any, running: Running
) -> None:
    @given(case=document[endpoint.path][endpoint.method].as_strategy())
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=SLOW_IS_FINE, database=None)
    def check(case: Any) -> None:
        case.headers = {
            **(case.headers or {}),
            "X-TradeAgent-Account": "leader",
            "Authorization": f"Bearer {running.token}",
        }
        if case.query and "wait" in case.query:
            case.query["wait"] = 0
        response = case.call(timeout=30)
        assert response.status_code < 500, response.text
        case.validate_response(response, checks=CHECKS)

    check()


def test_every_message_has_a_schema(document: Any) -> None:
    raw = document.raw_schema
    components = raw["components"]["schemas"]
    for name, reference in raw["x-inboxPayloads"].items():
        assert reference["$ref"].rpartition("/")[2] in components, name
    assert set(raw["x-inboxPayloads"]) == set(InboxType)
    assert raw["x-outboxPayloads"]["trade.started"] == {"$ref": "#/components/schemas/Order"}
    assert components["Order"]["properties"]["volume"]["type"] == "string"

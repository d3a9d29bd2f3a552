"""Whatever a route that only reads asks of SQL is answered by an index: no table is read from end to end."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event

from kopitra_functions.http.endpoint import Endpoint, Kind
from tests.management.http.examples import GUARDED, path_of, populated
from tests.management.world import EVERYBODY, TENANT, Managed

MAY_SCAN = {"tenants"}
"""There is one row for each tenant, all of them are listed, and nothing is compared."""
VALUES = {
    Kind.TEXT: "follower-1",
    Kind.WHOLE: "7",
    Kind.FLAG: "true",
    Kind.TIME: "2026-01-05T00:00:00.000Z",
}

Asked = list[tuple[str, Any]]


@contextmanager
def recorded(house: Managed) -> Generator[Asked]:
    """Every SELECT with its parameters, as the driver gets them."""
    asked: Asked = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    engine = house.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def questions(endpoint: Endpoint) -> list[str]:
    """Its query strings: none, and each filter alone with a small page."""
    found = [""]
    for query in endpoint.query:
        if query.name not in ("cursor", "limit") and not query.required:
            value = query.choices[0] if query.choices else VALUES[query.kind]
            found.append(f"{query.name}={value}")
    return found


def asked_for(endpoint: Endpoint, params: dict[str, str], question: str) -> str:
    path = path_of(endpoint, params)
    parts = [question] if question else []
    if endpoint.platform or not parts:
        return path + ("?" + "&".join(parts) if parts else "")
    return path + ("&" if "?" in path else "?") + "&".join(parts)


async def test_every_reading_route_with_every_filter_and_cursor_uses_an_index(house: Managed):
    params = await populated(house)
    faults: list[str] = []
    routes = 0
    for endpoint in GUARDED:
        if endpoint.method != "GET" or not endpoint.sql:
            continue
        routes += 1
        for question in questions(endpoint):
            path = asked_for(endpoint, params, question)
            tenant = EVERYBODY if endpoint.platform else TENANT
            with recorded(house) as asked:
                answer = await house.call("GET", path, tenant=tenant)
                assert answer.status in (200, 400, 404, 409), (path, answer)
                cursor = answer.json.get("cursor") if answer.status == 200 else None
                if cursor:
                    joint = "&" if "?" in path else "?"
                    behind = await house.call("GET", f"{path}{joint}cursor={cursor}", tenant=tenant)
                    assert behind.status == 200, (path, behind)
            for statement, parameters in asked:
                faults += await faults_of(house, path, statement, parameters)
    assert routes >= 20
    assert not faults, "\n\n".join(faults)


async def faults_of(house: Managed, path: str, statement: str, parameters: Any) -> list[str]:
    def work(connection: Connection) -> list[str]:
        rows = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)
        return [row[3] for row in rows]

    plan = await house.database.read(work)
    scans = [step for step in plan if step.startswith("SCAN") and "CONSTANT ROW" not in step]
    scans = [step for step in scans if not MAY_SCAN & set(step.split())]
    sorts = [step for step in plan if "TEMP B-TREE" in step]
    return ["\n".join((path, statement, *plan))] if scans or sorts else []

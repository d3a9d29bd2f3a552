"""Operators act on what trades by the counterparty's management plane, and by nothing else."""

from typing import Any

import pytest

from kopitra_functions.http.passing import filled
from kopitra_functions.http.routes import control
from tests.management.world import EVERYBODY, OTHER, TENANT, Managed

HALT = {"action": "halt", "scope": "group", "target": "g1", "mode": "close_only", "reason": "fire"}
CASES = [
    ("GET", "/sessions", None, "viewer"),
    (
        "POST",
        "/sessions/s1/orders",
        {"action": "close", "symbol": "EURUSD", "side": "buy", "volume": "1"},
        "operator",
    ),
    ("GET", "/sessions/s1/outbox", None, "viewer"),
    ("GET", "/sessions/s1/inbox/logs", None, "viewer"),
    ("POST", "/sessions/s1/release", None, "operator"),
    ("POST", "/sessions/s1/approve", None, "operator"),
    ("POST", "/sessions/s1/reject", None, "operator"),
    ("POST", "/kill-switch", HALT, "operator"),
    ("GET", "/guards", None, "viewer"),
    ("POST", "/guards/reset", {"scope": "group", "target": "g1", "name": "daily"}, "operator"),
    ("GET", "/reconciliation", None, "viewer"),
    ("POST", "/reconciliation/decide", {"decisions": [{"proposalId": "p1", "approve": True}]}, "operator"),
    ("POST", "/reconciliation/p1/approve", None, "operator"),
    ("POST", "/reconciliation/p1/reject", None, "operator"),
    ("GET", "/runs/r1/story", None, "viewer"),
]
THERE = {"/runs/r1/story": "/operators/runs/r1"}


def test_every_route_that_is_passed_on_is_tried_here() -> None:
    routes = {(route.endpoint.method, route.endpoint.path) for route in control.ROUTES}
    assert len(routes) == len(CASES) == len({(method, path) for method, path, _, _ in CASES})
    assert not any(route.endpoint.sql for route in control.ROUTES)


@pytest.mark.parametrize(("method", "path", "body", "role"), CASES)
async def test_a_request_goes_on_as_it_came_while_sql_is_locked(
    house: Managed, method: str, path: str, body: Any, role: str
) -> None:
    there = THERE.get(path, path)
    house.counterparty.answer(method, there, 200, {"sequence": 7}, **{"Idempotent-Replayed": "true"})
    token = house.operator(role)
    async with house.sql_locked():
        answer = await house.call(method, path, body, token=token, X_TradeAgent_Request_ID="trace-me")
    assert (answer.status, answer.json) == (200, {"sequence": 7})
    assert answer.headers["idempotent-replayed"] == "true"
    assert answer.headers["server-timing"].startswith("counterparty;dur=")
    [asked] = house.counterparty.asked
    assert (asked.method, asked.path, asked.token) == (method, there, token)
    assert (asked.json if body else None, asked.request_id) == (body, "trace-me")
    assert (asked.idempotency_key is not None) is (method == "POST")


@pytest.mark.parametrize(
    ("method", "path", "body", "role"), [case for case in CASES if case[3] == "operator"]
)
async def test_a_viewer_acts_on_nothing(house: Managed, method: str, path: str, body: Any, role: str) -> None:
    assert (await house.call(method, path, body, role="viewer")).status == 403
    assert house.counterparty.asked == []


async def test_what_the_counterparty_refuses_is_refused_in_its_words(house: Managed) -> None:
    house.counterparty.answer("POST", "/sessions/s1/release", 409, {"code": "session_not_active"})
    answer = await house.call("POST", "/sessions/s1/release")
    assert (answer.status, answer.json["code"]) == (409, "session_not_active")


async def test_a_counterparty_that_is_away_is_told(house: Managed) -> None:
    house.counterparty.reachable = False
    answer = await house.call("POST", "/kill-switch", HALT)
    assert (answer.status, answer.json["code"]) == (503, "counterparty_unreachable")
    assert "retry-after" in answer.headers


async def test_a_halt_of_one_tenant_never_becomes_one_of_all(house: Managed) -> None:
    answer = await house.call("POST", f"/kill-switch?tenant={TENANT}", HALT, tenant=EVERYBODY)
    assert (answer.status, answer.json["code"]) == (400, "query_invalid")
    assert house.counterparty.asked == []
    assert (await house.call("POST", f"/kill-switch?tenant={TENANT}", HALT)).status == 200


async def test_an_operator_of_all_tenants_sees_one_tenants_sessions_when_asked(house: Managed) -> None:
    both = [{"sessionId": "a", "tenant": TENANT}, {"sessionId": "b", "tenant": OTHER}]
    house.counterparty.answer("GET", "/sessions", 200, {"sessions": both, "serverTime": "now"})

    async def seen(query: str) -> list[str]:
        answer = await house.call("GET", f"/sessions{query}", tenant=EVERYBODY)
        return [session["sessionId"] for session in answer.json["sessions"]]

    assert await seen("") == ["a", "b"]
    assert await seen(f"?tenant={OTHER}") == ["b"]


async def test_a_malformed_request_does_not_reach_the_counterparty(house: Managed) -> None:
    for body in ({"action": "halt"}, HALT | {"scope": "planet"}, b"{"):
        assert (await house.call("POST", "/kill-switch", body)).status in (400, 422)
    assert (await house.call("GET", "/guards?colour=red")).status == 400
    assert house.counterparty.asked == []


async def test_filters_and_cursors_go_along(house: Managed) -> None:
    await house.call("GET", "/reconciliation?account=f1&limit=7")
    assert house.counterparty.asked[0].query == {"account": "f1", "limit": "7"}


def test_a_parameter_stays_one_segment() -> None:
    assert (
        filled("/sessions/{sessionId}/release", {"sessionId": "../a b?x"})
        == "/sessions/..%2Fa%20b%3Fx/release"
    )

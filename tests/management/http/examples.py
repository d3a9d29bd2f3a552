"""A request of every route that would do something: what is in the house, and what is sent."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from kopitra.adapters.operator_tokens import ALL_TENANTS
from kopitra_functions.http.endpoint import Endpoint, Route
from kopitra_functions.http.routes.table import all_routes
from kopitra_functions.sql.tables import notifications, task_runs
from tests.management.http.configured import SAME, made, shop
from tests.management.operations.rows import filled
from tests.management.world import TENANT, Managed

ROUTES = all_routes()
ENDPOINTS = [route.endpoint for route in ROUTES]
GUARDED = [endpoint for endpoint in ENDPOINTS if not endpoint.public]

BODIES: dict[str, Any] = {
    "POST /tenants": {"tenant": "third", "name": "Third"},
    "PUT /tenants/{name}": {"name": "Renamed"},
    "POST /users": {"user": "u9", "subject": "ivan", "name": "Ivan"},
    "PUT /users/{user}": {"subject": "olga", "name": "Olga"},
    "POST /brokers": {"broker": "b9", "name": "Ninth"},
    "PUT /brokers/{broker}": {"name": "Renamed"},
    "POST /accounts": {"account": "a9", "label": "Ninth", "broker": "b1"},
    "PUT /accounts/{account}": {"label": "Renamed"},
    "POST /accounts/{account}/enrolment-codes": {},
    "PUT /accounts/{account}/entitlements/{capability}": {},
    "PUT /accounts/{account}/credentials": {"login": 1, "server": "s", "password": "p"},
    "POST /copy-groups": {"group": "g9", "name": "Ninth", "leaders": ["leader"]},
    "PUT /copy-groups/{group}": {"name": "Renamed", "leaders": ["leader"]},
    "POST /strategies": {"strategy": "t9", "name": "Ninth", "leader": "leader"},
    "PUT /strategies/{strategy}": {"name": "Renamed"},
    "POST /subscriptions": {
        "subscription": "s-9",
        "group": "majors",
        "follower": "follower-2",
        "rules": SAME,
    },
    "PUT /subscriptions/{subscription}": {"rules": SAME},
    "PUT /settings/platform": {"settings": {"openTtlSeconds": 20}},
    "PUT /settings/groups/{target}": {"settings": {"openTtlSeconds": 20}},
    "PUT /settings/followers/{target}": {"settings": {"openTtlSeconds": 20}},
    "POST /subscriptions/{subscription}/preview": {"rules": SAME},
    "POST /settings/preview": {"scope": "group", "target": "majors", "settings": {}},
    "POST /notification-channels": {
        "channel": "c9",
        "name": "Ninth",
        "kind": "email",
        "address": "a@example.org",
    },
    "PUT /notification-channels/{channel}": {
        "name": "Renamed",
        "kind": "email",
        "address": "a@example.org",
    },
    "PUT /notification-channels/{channel}/secret": {"secret": "s"},
    "POST /sessions/{sessionId}/orders": {
        "action": "open",
        "symbol": "EURUSD",
        "side": "buy",
        "volume": "1",
    },
    "POST /kill-switch": {"action": "halt", "scope": "follower", "target": "follower-1"},
    "POST /guards/reset": {"scope": "follower", "target": "follower-1", "name": "day"},
    "POST /reconciliation/decide": {"decisions": [{"proposalId": "x-aaaaaaaaaaaaaaaa", "approve": True}]},
    "POST /dead-letters/{queue}/replay": {"messageIds": ["m"]},
    "POST /tasks/{taskId}/run": {"parameters": {}},
}
"""By scope; a route that takes a body and is not here is found by a test."""

PARAMS = {
    "name": TENANT,
    "user": "u1",
    "broker": "b1",
    "account": "follower-1",
    "device": "vps",
    "capability": "lead",
    "codeId": "code-x",
    "group": "majors",
    "strategy": "calm",
    "subscription": "s-1",
    "channel": "ops",
    "sessionId": "session",
    "proposalId": "x-aaaaaaaaaaaaaaaa",
    "runId": "run-1",
    "taskId": "full_resync",
    "notificationId": "n-1",
    "queue": "commands",
}
"""What there is in a populated house."""
NEEDED_QUERIES = {"leader": "leader", "account": "follower-1"}
"""Values of query parameters that some routes cannot do without."""


def body_of(endpoint: Endpoint) -> Any:
    if endpoint.upload_bytes:
        return b"Ticket,Open Time\n"
    return BODIES[endpoint.scope] if endpoint.body else None


def path_of(endpoint: Endpoint, params: dict[str, str] | None = None) -> str:
    values = PARAMS | (params or {})
    if "{target}" in endpoint.path:
        values["target"] = "majors" if "groups" in endpoint.path else "follower-1"
    path = endpoint.path
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"{endpoint.scope}: nothing is known to put in its path"
    needed = [f"{query.name}={NEEDED_QUERIES[query.name]}" for query in endpoint.query if query.required]
    return path + ("?" + "&".join(needed) if needed else "")


def version_of(endpoint: Endpoint) -> int | None:
    """What its thing is at, in a populated house."""
    if not endpoint.edits:
        return None
    return 0 if endpoint.path.startswith("/settings/") else 1


async def populated(house: Managed) -> dict[str, str]:
    """Something for every route; gives parameters that are minted."""
    await made(house, "/brokers", {"broker": "b1", "name": "First"})
    await made(house, "/users", {"user": "u1", "subject": "olga", "name": "Olga", "roles": ["admin"]})
    await shop(house)
    await made(house, "/strategies", {"strategy": "calm", "name": "Calm", "settings": SAME})
    await made(
        house,
        "/notification-channels",
        {"channel": "ops", "name": "Ops", "kind": "webhook", "address": "https://example.org"},
    )
    for path, body in (
        ("/accounts/follower-1/credentials", {"login": 1, "server": "s", "password": "secret"}),
        ("/accounts/follower-1/entitlements/lead", {}),
        ("/accounts/follower-1/entitlements/follow", {}),
    ):
        assert (await house.call("PUT", path, body, version=0)).status == 200
    issued = await made(house, "/accounts/leader/enrolment-codes", {})
    await house.database.write(lambda c: _history(house, c))
    return {"codeId": issued.json["codeId"]}


def _history(house: Managed, connection: Connection) -> None:
    now = house.clock.now()
    run = {"task_run": "run-1", "tenant": TENANT, "task": "full_resync", "status": "running"}
    connection.execute(task_runs.insert().values(filled(task_runs, run)))
    told = {"notification_id": "n-1", "tenant": TENANT, "topic": "t", "occurred_at": now - timedelta(1)}
    connection.execute(notifications.insert().values(filled(notifications, told)))


def of_tenant(rows: dict[str, list[tuple[Any, ...]]], tenant: str) -> dict[str, list[tuple[Any, ...]]]:
    """The rows in which this tenant is named, and those of nobody."""
    others = {ALL_TENANTS, "elsewhere"}
    return {
        table: [row for row in found if tenant in row or not others & {v for v in row if isinstance(v, str)}]
        for table, found in rows.items()
    }


__all__ = ("ENDPOINTS", "GUARDED", "Route", "body_of", "of_tenant", "path_of", "populated", "version_of")

"""Every route of the table keeps its policy: who may call it, about whose things, and what it asks for."""

import pytest

from kopitra.adapters.operator_tokens import RANK
from kopitra.protocol.management import Role
from kopitra_functions.http.endpoint import Endpoint
from kopitra_functions.sql import database
from kopitra_functions.sql.patience import NO_PATIENCE
from tests.fixtures.wire import Answer
from tests.management.http.examples import (
    BODIES,
    ENDPOINTS,
    GUARDED,
    body_of,
    of_tenant,
    path_of,
    populated,
    version_of,
)
from tests.management.world import EVERYBODY, OTHER, TENANT, Managed

MAY_BE_PUBLIC = {"GET /health", "GET /openapi.json"}
ROLE_BY_CONTENT = {"POST /tasks/{taskId}/run"}
"""Each task names the role that it needs besides; see `tests/management/operations/test_task_runs.py`."""


async def send(house: Managed, endpoint: Endpoint, **changes: object) -> Answer:
    """A request of this route that is good but for the changes."""
    params = changes.pop("params", None)
    path = path_of(endpoint, params) + str(changes.pop("query", ""))  # type: ignore[arg-type]
    options = {"version": version_of(endpoint), "tenant": _tenant(endpoint)} | changes
    return await house.call(endpoint.method, path, body_of(endpoint), **options)  # type: ignore[arg-type]


def _tenant(endpoint: Endpoint) -> str:
    return EVERYBODY if endpoint.platform else TENANT


def below(role: Role) -> list[Role]:
    return [other for other in Role if RANK[other] < RANK[role]]


def test_the_table_is_sound() -> None:
    scopes = [endpoint.scope for endpoint in ENDPOINTS]
    assert len(set(scopes)) == len(scopes), "no route is there twice"
    assert {endpoint.scope for endpoint in ENDPOINTS if endpoint.public} == MAY_BE_PUBLIC
    for endpoint in GUARDED:
        assert endpoint.edits == (endpoint.method in ("PUT", "PATCH", "DELETE")), endpoint.scope
        assert endpoint.keyed == (endpoint.method == "POST"), endpoint.scope
        assert endpoint.role is not Role.VIEWER or endpoint.method in ("GET", "POST"), endpoint.scope
        assert not endpoint.body or endpoint.scope in BODIES, f"{endpoint.scope} needs an example"
        assert endpoint.summary.endswith("."), endpoint.scope


def test_every_type_has_a_name_of_its_own() -> None:
    """Components of the document are named by their types."""
    kinds = {kind for e in ENDPOINTS for kinds in (e.body, *e.answers.values()) for kind in kinds}
    names = [kind.__name__ for kind in kinds]
    assert len(set(names)) == len(names), sorted(name for name in names if names.count(name) > 1)


async def test_each_lower_role_is_refused_on_every_route(house: Managed):
    for endpoint in GUARDED:
        for role in below(endpoint.role):
            answer = await send(house, endpoint, role=role)
            assert (answer.status, answer.json["code"]) == (403, "operators_only"), endpoint.scope
            assert str(endpoint.role) in answer.json["detail"], endpoint.scope
    assert not any((await house.rows()).values())
    assert house.counterparty.asked == []


async def test_the_role_that_is_named_is_enough(house: Managed):
    params = await populated(house)
    for endpoint in GUARDED:
        answer = await send(house, endpoint, role=str(endpoint.role), params=params, version=99)
        refused = answer.status in (401, 403) and endpoint.scope not in ROLE_BY_CONTENT
        assert not refused, (endpoint.scope, answer)


async def test_nobody_without_a_token_and_no_ea_passes_any_route(house: Managed):
    for endpoint in GUARDED:
        for token, status in (
            (None, 401),
            ("Bearer", 401),
            ("Bearer session.hmac", 403),
            ("Bearer opaque", 403),
            ("Bearer a.b.c", 401),
            ("Basic b2xnYTpwYXNz", 401),
        ):
            answer = await send(house, endpoint, Authorization=token)
            assert answer.status == status, (endpoint.scope, token, answer)
    assert not any((await house.rows()).values())
    assert house.counterparty.asked == []


async def test_routes_for_all_tenants_refuse_a_tenants_operators(house: Managed):
    for endpoint in GUARDED:
        if endpoint.platform:
            answer = await send(house, endpoint, tenant=TENANT)
            assert (answer.status, answer.json["code"]) == (403, "operators_only"), endpoint.scope


async def test_another_tenant_cannot_be_named_on_any_route(house: Managed):
    params = await populated(house)
    before = await house.rows()
    for endpoint in GUARDED:
        joint = "&" if "?" in path_of(endpoint, params) else "?"
        answer = await send(house, endpoint, tenant=OTHER, params=params, query=f"{joint}tenant={TENANT}")
        assert answer.status == 403, (endpoint.scope, answer)
    assert await house.rows() == before


async def test_nothing_of_a_tenant_is_seen_or_touched_by_another_on_any_route(house: Managed):
    params = await populated(house)
    before, stranger = of_tenant(await house.rows(), TENANT), house.operator(tenant=OTHER)
    for endpoint in GUARDED:
        answer = await send(house, endpoint, token=stranger, params=params)
        if endpoint.sql:
            assert_strange(endpoint, answer)
        for said in (b"acme", b"follower-1", b"secret", b"Olga"):
            asked = said.decode() in path_of(endpoint, params)
            assert asked or answer.status >= 400 or said not in answer.body, (endpoint.scope, answer)
    assert of_tenant(await house.rows(), TENANT) == before
    for asked in house.counterparty.asked:
        assert asked.token == stranger, "passed on as who they are"


def assert_strange(endpoint: Endpoint, answer: Answer) -> None:
    """What an operator of another tenant must get, where the path names something of this one: nothing is there."""
    if endpoint.platform:
        assert answer.status == 403, (endpoint.scope, answer)
    elif "{" in endpoint.path and endpoint.path != "/tasks/{taskId}/run":
        assert answer.status == 404, (endpoint.scope, answer)
    elif endpoint.method == "GET":
        assert answer.status in (200, 404), (endpoint.scope, answer)
    elif endpoint.scope in ("POST /copy-groups", "POST /subscriptions", "POST /accounts", "POST /strategies"):
        assert answer.status == 422, (endpoint.scope, answer)


async def test_every_post_needs_a_key_and_every_edit_the_version_it_is_of(house: Managed):
    params = await populated(house)
    before = await house.rows()
    asked = len(house.counterparty.asked)
    for endpoint in GUARDED:
        if endpoint.keyed:
            answer = await send(house, endpoint, params=params, Idempotency_Key=None)
            assert (answer.status, answer.json["code"]) == (400, "idempotency_key_missing"), endpoint.scope
        if endpoint.edits:
            answer = await send(house, endpoint, params=params, version=None)
            assert (answer.status, answer.json["code"]) == (428, "if_match_missing"), endpoint.scope
            answer = await send(house, endpoint, params=params, version=77)
            assert (answer.status, answer.json["code"]) == (412, "version_changed"), endpoint.scope
    assert await house.rows() == before
    assert len(house.counterparty.asked) == asked


async def test_what_needs_the_database_says_when_to_come_again_and_the_rest_works(
    house: Managed, monkeypatch: pytest.MonkeyPatch
):
    params = await populated(house)
    monkeypatch.setattr(database, "INTERACTIVE", NO_PATIENCE)
    async with house.sql_locked():
        for endpoint in GUARDED:
            answer = await send(house, endpoint, params=params)
            if endpoint.sql:
                assert (answer.status, answer.json["code"]) == (503, "database_resuming"), endpoint.scope
                assert int(answer.headers["retry-after"]) > 0
            else:
                assert answer.status < 500, (endpoint.scope, answer)


async def test_other_methods_are_refused_with_the_allowed_ones(house: Managed):
    allowed: dict[str, set[str]] = {}
    for endpoint in ENDPOINTS:
        allowed.setdefault(path_of(endpoint), set()).add(endpoint.method)
    for path, methods in allowed.items():
        for method in {"PUT", "PATCH", "OPTIONS", "TRACE", "DELETE", "POST"} - methods:
            answer = await house.call(method, path)
            assert (answer.status, answer.json["code"]) == (405, "method_not_allowed"), (method, path)
            assert methods <= set(answer.headers["allow"].split(", ")), (method, path)


async def test_every_change_leaves_one_audit_entry_and_a_repeat_none(house: Managed):
    params = await populated(house)
    for endpoint in GUARDED:
        if endpoint.method == "GET" or not endpoint.sql:
            continue
        tenant = _tenant(endpoint)
        before = len((await house.rows())["audit"])
        answer = await send(house, endpoint, params=params, key=f"k {endpoint.scope}".replace(" ", "-"))
        if answer.status >= 400:
            assert answer.status in (404, 409, 412), (endpoint.scope, answer)
            continue
        entries = len((await house.rows())["audit"]) - before
        assert entries <= 1, endpoint.scope
        if endpoint.keyed:
            again = await send(house, endpoint, params=params, key=f"k {endpoint.scope}".replace(" ", "-"))
            assert (again.status, again.body) == (answer.status, answer.body), (endpoint.scope, tenant)
            assert again.headers["idempotent-replayed"] == "true", endpoint.scope
            assert len((await house.rows())["audit"]) == before + entries, endpoint.scope


def test_the_document_describes_exactly_what_is_served(house: Managed) -> None:
    served = {
        (method, str(rule))
        for rule in house.app.url_map.iter_rules()
        for method in rule.methods or ()
        if str(rule).startswith("/api/admin") and method not in ("HEAD", "OPTIONS")
    }
    table = {
        (endpoint.method, "/api/admin" + endpoint.path.replace("{", "<").replace("}", ">"))
        for endpoint in ENDPOINTS
    }
    assert served == table

"""What holds for every route, whatever it does."""

import pytest

from tests.management.world import Managed


async def test_health_and_the_document_need_no_token(house: Managed):
    for path in ("/health", "/openapi.json"):
        answer = await house.call("GET", path, Authorization=None)
        assert answer.status == 200


async def test_nothing_else_is_answered_without_an_operators_token(house: Managed):
    missing = await house.call("GET", "/brokers", Authorization=None)
    assert (missing.status, missing.json["code"]) == (401, "token_missing")
    assert missing.headers["www-authenticate"] == "Bearer"
    foreign = await house.call("GET", "/brokers", token="a.b.c")
    assert (foreign.status, foreign.json["code"]) == (401, "token_invalid")
    ea = await house.call("GET", "/brokers", token="session.hmac")
    assert (ea.status, ea.json["code"]) == (403, "operators_only")


async def test_a_locked_database_is_a_pause_not_a_failure(house: Managed):
    new = {"broker": "b1", "name": "First"}
    async with house.sql_locked():
        for method, path, body in (("GET", "/brokers?limit=1", None), ("POST", "/brokers", new)):
            answer = await house.call(method, path, body)
            assert (answer.status, answer.json["code"]) == (503, "database_resuming"), answer
            assert int(answer.headers["retry-after"]) > 0
        assert (await house.call("GET", "/health")).status == 200
    assert (await house.call("POST", "/brokers", new)).status == 201


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=",
        "limit=1e3",
        "cursor=",
        "nonsense=1",
        "tenant=*",
        "cursor=%00",
    ],
)
async def test_a_query_that_says_what_nobody_knows_is_refused(house: Managed, query: str):
    answer = await house.call("GET", f"/brokers?{query}")
    assert (answer.status, answer.json["code"]) == (400, "query_invalid")


@pytest.mark.parametrize("key", ["", " ", "k" * 256, "a key", "\t"])
async def test_a_post_needs_a_key_of_visible_characters(house: Managed, key: str):
    answer = await house.call("POST", "/brokers", {"broker": "b1", "name": "x"}, Idempotency_Key=key)
    assert (answer.status, answer.json["code"]) == (400, "idempotency_key_invalid")


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        (b"{", 400, None),
        (b"[]", 422, "$"),
        ({"broker": "b1"}, 422, "$"),
        ({"broker": "b1", "name": 7}, 422, "$.name"),
        ({"broker": "b1", "name": "x", "more": 1}, 422, "$"),
        ({"broker": "-b", "name": "x"}, 422, "$.broker"),
        ({"broker": "b1", "name": " "}, 422, "$.name"),
        ({"broker": "b1", "name": "a\u202eb"}, 422, "$.name"),
        ({"broker": "b1", "name": "x" * 129}, 422, "$.name"),
    ],
)
async def test_a_body_that_is_wrong_is_refused_with_the_place(
    house: Managed, body: object, status: int, path: str | None
):
    answer = await house.call("POST", "/brokers", body)
    assert answer.status == status, answer
    if path is not None:
        assert answer.json["errors"][0]["path"] == path, answer


async def test_what_has_no_route_is_a_problem_too(house: Managed):
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("PATCH", "/brokers", 405),
        ("GET", "/brokers/", 404),
    ):
        answer = await house.call(method, path)
        assert answer.status == status
        assert answer.headers["content-type"] == "application/problem+json"

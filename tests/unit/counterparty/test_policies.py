"""Every route keeps the policies of its entry in the table: who may call, keys, rate limits, problems."""

import msgspec
import pytest

from kopitra.protocol.endpoints import EA_ENDPOINTS, SERVICE_ENDPOINTS, Access, Endpoint, Rate
from kopitra.protocol.management import Role
from kopitra.protocol.management_endpoints import MANAGEMENT_ENDPOINTS, NEEDED_ROLE
from kopitra.protocol.messages import Problem
from kopitra.protocol.problems import TYPE_PREFIX
from tests.unit.counterparty.house import Answer, Ea, House, in_house

ENDPOINTS = (*EA_ENDPOINTS, *MANAGEMENT_ENDPOINTS, *SERVICE_ENDPOINTS)
SESSION_ACCESS = (Access.SESSION, Access.APPROVED)
FILL: dict[str, object] = {
    "commandId": "o-1",
    "status": "filled",
    "symbol": "EURUSD",
    "side": "buy",
    "dealId": 1,
    "orderTicket": 1,
    "fillVolume": "1",
    "fillPrice": "1.1",
    "executedAt": "2026-01-05T00:00:00Z",
}
ACK: dict[str, object] = {"eventType": "OutboxAck", "payload": {"eventId": "main-1", "status": "executed"}}
BEAT: dict[str, object] = {"eventType": "ea.heartbeat", "payload": {}}

every_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.scope)

every_session_endpoint = pytest.mark.parametrize(
    "endpoint",
    [endpoint for endpoint in ENDPOINTS if endpoint.access in SESSION_ACCESS],
    ids=lambda endpoint: endpoint.scope,
)
every_operator_endpoint = pytest.mark.parametrize(
    "endpoint", MANAGEMENT_ENDPOINTS, ids=lambda endpoint: endpoint.scope
)
every_endpoint_with_a_body = pytest.mark.parametrize(
    "endpoint", [endpoint for endpoint in ENDPOINTS if endpoint.request], ids=lambda endpoint: endpoint.scope
)


def path_of(endpoint: Endpoint) -> str:
    return (
        endpoint.path.replace("{runId}", "r-unknown")
        .replace("{sessionId}", "s-unknown")
        .replace("{proposalId}", "x-unknown")
        .replace("{subscriptionId}", "x-unknown")
    )


def body_of(endpoint: Endpoint, ea: Ea) -> object:
    """A good body, that changes something where the route can."""
    match endpoint.path:
        case "/enrolments":
            return {"code": f"code of {ea.account}", "deviceId": ea.device}
        case "/sessions":
            return {"secret": ea.secret, "deviceId": ea.device}
        case "/signals":
            return ea.intent()
        case "/executions":
            return FILL
        case "/sessions/current/inbox":
            return {"events": [BEAT]}
        case "/sessions/{sessionId}/orders":
            return {"action": "open", "symbol": "EURUSD", "side": "buy", "volume": "1"}
        case "/subscriptions/{subscriptionId}/preview":
            return {"rules": {"sizing": {"mode": "same_volume"}}}
        case "/settings/preview":
            return {"scope": "group", "target": "nobody", "settings": {}}
        case "/guards/reset":
            return {"scope": "follower", "target": ea.account, "name": "daily"}
        case "/reconciliation/decide":
            return {"decisions": [{"proposalId": "x-unknown", "approve": True}]}
        case "/kill-switch":
            return {"action": "halt", "scope": "follower", "target": "nobody", "mode": "close_only"}
        case _:
            return None


def problem(answer: Answer) -> Problem:
    assert answer.headers["content-type"] == "application/problem+json", answer
    read = msgspec.json.decode(answer.body, type=Problem)
    assert read.status == answer.status
    assert read.type == TYPE_PREFIX + read.code
    assert read.request_id == answer.headers["x-tradeagent-request-id"]
    return read


async def send(ea: Ea, endpoint: Endpoint, body: object = None, **headers: str) -> Answer:
    """As whoever may call it: the EA itself, or an operator."""
    if endpoint.access is Access.OPERATOR:
        token = f"Bearer {ea.house.operator()}"
        headers = {"X_TradeAgent_Account": "", "Authorization": token} | headers
    return await ea.call(endpoint.method, path_of(endpoint), body, **headers)


async def leader(house: House) -> Ea:
    await house.group()
    return await house.ea("leader")


@every_endpoint
def test_the_account_header_is_asked_for_where_an_account_calls(endpoint: Endpoint) -> None:
    async def scenario(house: House) -> None:
        ea = await leader(house)
        body = body_of(endpoint, ea)
        if endpoint.access in (Access.OPEN, Access.OPERATOR):
            answer = await send(ea, endpoint, body, X_TradeAgent_Account="")
            assert answer.status not in (400, 403), answer
            return
        missing = await send(ea, endpoint, body, X_TradeAgent_Account="")
        assert (missing.status, problem(missing).code) == (400, "account_header_missing")
        invalid = await send(ea, endpoint, body, X_TradeAgent_Account="no spaces allowed")
        assert (invalid.status, problem(invalid).code) == (400, "account_header_invalid")

    in_house(scenario)


@every_session_endpoint
def test_the_token_is_asked_for_where_a_session_calls(endpoint: Endpoint) -> None:
    async def scenario(house: House) -> None:
        ea = await leader(house)
        missing = await send(ea, endpoint, body_of(endpoint, ea), Authorization="")
        assert (missing.status, problem(missing).code) == (401, "token_missing")
        assert missing.headers["www-authenticate"] == "Bearer"
        wrong = await send(ea, endpoint, body_of(endpoint, ea), Authorization="Bearer nonsense")
        assert (wrong.status, problem(wrong).code) == (401, "token_invalid")
        other = await house.ea("follower-0")
        foreign = await send(other, endpoint, body_of(endpoint, ea), X_TradeAgent_Account="leader")
        assert (foreign.status, problem(foreign).code) == (403, "account_mismatch")

    in_house(scenario)


@every_operator_endpoint
def test_operators_are_asked_for_on_the_management_plane(endpoint: Endpoint) -> None:
    async def scenario(house: House) -> None:
        ea = await leader(house)
        body = body_of(endpoint, ea)
        missing = await send(ea, endpoint, body, Authorization="")
        assert (missing.status, problem(missing).code) == (401, "token_missing")
        ea_token = await send(ea, endpoint, body, Authorization=f"Bearer {ea.token}")
        assert (ea_token.status, problem(ea_token).code) == (403, "operators_only")
        forged = house.operator()[:-4] + "AAAA"
        wrong = await send(ea, endpoint, body, Authorization=f"Bearer {forged}")
        assert (wrong.status, problem(wrong).code) == (401, "token_invalid")
        viewer = await send(ea, endpoint, body, Authorization=f"Bearer {house.operator('viewer')}")
        assert (viewer.status == 403) is (NEEDED_ROLE[endpoint.scope] is not Role.VIEWER), viewer
        allowed = await send(ea, endpoint, body)
        assert allowed.status in (200, 202, 404, 409), allowed

    in_house(scenario)


@every_session_endpoint
def test_a_lapsed_lease_is_an_expired_token(endpoint: Endpoint) -> None:
    async def scenario(house: House) -> None:
        ea = await leader(house)
        await house.time.sleep(181)
        answer = await send(ea, endpoint, body_of(endpoint, ea))
        assert (answer.status, problem(answer).code) == (401, "token_invalid")

    in_house(scenario)


@every_endpoint
def test_only_approved_sessions_trade(endpoint: Endpoint) -> None:
    async def scenario(house: House) -> None:
        await house.publish("pending", requires_approval=True)
        ea = await house.ea("pending")
        assert ea.session["status"] == "pending"
        answer = await send(ea, endpoint, body_of(endpoint, ea))
        if endpoint.access is Access.APPROVED:
            assert (answer.status, problem(answer).code) == (403, "session_pending")
        else:
            assert answer.status != 403

    in_house(scenario)


@every_endpoint
def test_every_post_and_delete_needs_a_key_of_visible_characters(endpoint: Endpoint) -> None:
    async def scenario(house: House) -> None:
        ea = await leader(house)
        body = body_of(endpoint, ea)
        assert endpoint.keyed is (endpoint.method in ("POST", "DELETE"))
        missing = await send(ea, endpoint, body, Idempotency_Key="")
        if not endpoint.keyed:
            assert missing.status != 400
            return
        assert (missing.status, problem(missing).code) == (400, "idempotency_key_missing")
        for bad in ("k" * 256, "with space", "é"):
            invalid = await send(ea, endpoint, body, Idempotency_Key=bad)
            assert (invalid.status, problem(invalid).code) == (400, "idempotency_key_invalid")

    in_house(scenario)


@every_session_endpoint
def test_credentials_are_checked_before_a_key_is_looked_up(endpoint: Endpoint) -> None:
    async def scenario(house: House) -> None:
        ea = await leader(house)
        await send(ea, endpoint, body_of(endpoint, ea), Idempotency_Key="known")
        answer = await send(
            ea, endpoint, body_of(endpoint, ea), Idempotency_Key="known", Authorization="Bearer x"
        )
        assert answer.status == 401

    in_house(scenario)


@every_endpoint
def test_the_rate_limit_applies_where_the_table_says_so(endpoint: Endpoint) -> None:
    async def scenario(house: House) -> None:
        await house.group()
        ea = Ea(house, "leader")
        answers = [await ea.enrol(), await ea.open()]
        if endpoint.access not in (Access.OPEN, Access.SECRET):
            answers.clear()
        answers += [await send(ea, endpoint, body_of(endpoint, ea)) for _ in range(6)]
        limited = [answer for answer in answers if answer.status == 429]
        assert bool(limited) is (endpoint.rate in (Rate.LIMITED, Rate.BY_CONTENT)), endpoint.scope
        for answer in limited:
            assert problem(answer).code == "rate_limited"
            assert int(answer.headers["retry-after"]) >= 1

    in_house(scenario, rate_limit_per_second=0.001, rate_limit_burst=4)


def test_closes_cancels_acknowledgements_and_executions_pass_an_exhausted_limit() -> None:
    async def scenario(house: House) -> None:
        ea = await leader(house)
        while (await ea.signal(ref="x")).status != 429:
            pass
        assert (await ea.signal(ref="x", action="close")).status == 202
        assert (await ea.signal(ref="x", action="partial_close", volumeAfter="0.5")).status == 202
        assert (await ea.signal(ref="o", action="pending_cancelled")).status == 202
        assert (await ea.signal(ref="y")).status == 429
        mixed = {"signals": [ea.intent("x", "close"), ea.intent("z")]}
        assert (await ea.call("POST", "/signals", mixed)).status == 429
        assert (await ea.ack("main-1")).status == 202
        notice = ("ea.execution_notice", {"executions": [FILL]})
        assert (await ea.report(notice)).status == 202
        assert (await ea.report(("ea.heartbeat", {}))).status == 429
        assert (await ea.call("POST", "/executions", FILL)).status == 200

    in_house(scenario, rate_limit_per_second=0.001, rate_limit_burst=4)


def test_the_bucket_fills_again() -> None:
    async def scenario(house: House) -> None:
        ea = await leader(house)
        while (limited := await ea.signal(ref="x")).status != 429:
            pass
        await house.time.sleep(int(limited.headers["retry-after"]))
        assert (await ea.signal(ref="x")).status == 202

    in_house(scenario, rate_limit_per_second=0.5, rate_limit_burst=4)


@every_endpoint
def test_every_answer_has_a_request_id_and_echoes_a_given_one(endpoint: Endpoint) -> None:
    async def scenario(house: House) -> None:
        ea = await leader(house)
        body = body_of(endpoint, ea)
        given = await send(ea, endpoint, body, X_TradeAgent_Request_ID="mine-1")
        assert given.headers["x-tradeagent-request-id"] == "mine-1"
        minted = await send(ea, endpoint, body)
        assert len(minted.headers["x-tradeagent-request-id"]) >= 16
        odd = await send(ea, endpoint, body, X_TradeAgent_Request_ID="new\x7fline")
        assert odd.headers["x-tradeagent-request-id"] not in ("new\x7fline", "mine-1")

    in_house(scenario)


@every_endpoint_with_a_body
def test_a_body_that_is_wrong_in_form_is_refused_in_the_same_words_everywhere(endpoint: Endpoint) -> None:
    async def scenario(house: House) -> None:
        ea = await leader(house)
        for raw, options, status, code in (
            (b"{", {}, 400, "body_malformed"),
            (b"[" * 33 + b"]" * 33, {}, 400, "body_too_deep"),
            (b'"' + b" " * 300_000 + b'"', {}, 413, "body_too_large"),
            (b"{}", {"Content_Type": "text/plain"}, 415, "content_type_unsupported"),
            (b"[]", {}, 422, "validation_failed"),
            (b"{}", {}, 422, "validation_failed"),
        ):
            answer = await send(ea, endpoint, raw, **options)
            assert (answer.status, problem(answer).code) == (status, code)
            if status == 422:
                assert problem(answer).errors[0].path.startswith("$")

    in_house(scenario)


@every_endpoint
def test_other_methods_are_refused_with_the_allowed_ones(endpoint: Endpoint) -> None:
    async def scenario(house: House) -> None:
        ea = await leader(house)
        for method in ("PUT", "PATCH", "OPTIONS", "TRACE"):
            answer = await ea.call(method, path_of(endpoint), b"{}")
            assert (answer.status, problem(answer).code) == (405, "method_not_allowed")
            assert endpoint.method in answer.headers["allow"]

    in_house(scenario)


@pytest.mark.parametrize("path", ["/", "/nothing", "/signals/", "/sessions/current", "/runs/", "/%00"])
def test_what_does_not_exist_is_a_problem_too(path: str) -> None:
    async def scenario(house: House) -> None:
        ea = await leader(house)
        answer = await ea.call("GET", path)
        assert answer.status in (404, 405)
        problem(answer)

    in_house(scenario)


@every_endpoint
def test_nothing_but_health_and_the_document_is_answered_by_a_standby(endpoint: Endpoint) -> None:
    async def scenario(house: House) -> None:
        ea = await leader(house)
        house.service = house.another_process()
        answer = await send(ea, endpoint, body_of(endpoint, ea))
        if endpoint.path in ("/health/live", "/openapi.json"):
            assert answer.status == 200
        elif endpoint.path == "/health":
            assert (answer.status, answer.json["status"]) == (503, "standby")
        else:
            assert (answer.status, problem(answer).code) == (503, "standby")
            assert answer.headers["retry-after"] == "1"

    in_house(scenario)


def test_without_an_operators_token_health_says_no_more_than_its_status_and_its_build() -> None:
    async def scenario(house: House) -> None:
        ea = await leader(house)
        for answer in (await house.call("GET", "/health"), await ea.call("GET", "/health")):
            assert answer.status == 200
            assert set(answer.json) == {"status", "build", "serverTime"}

    in_house(scenario)


def test_the_document_describes_exactly_what_is_served() -> None:
    async def scenario(house: House) -> None:
        document = (await house.call("GET", "/openapi.json")).json
        described = {
            (method.upper(), path) for path, methods in document["paths"].items() for method in methods
        }
        assert described == {(route.endpoint.method, route.endpoint.path) for route in house.service.routes}

    in_house(scenario)

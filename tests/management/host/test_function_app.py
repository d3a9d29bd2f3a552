"""The management side's function app: what is in it, and what each function does with what it is given."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import structlog
from azure.functions import HttpRequest, HttpResponse
from azure.functions.servicebus import ServiceBusMessage
from azure.functions.timer import TimerRequest

from kopitra.application.ports.queue import ReceivedMessage
from kopitra.application.ports.telemetry import UNTOLD, Telemetry
from kopitra_cli.functions_host.contexts import InvocationContext, TraceContext
from kopitra_cli.functions_host.indexing import index
from kopitra_functions.functions import SCHEDULES, build
from kopitra_functions.queue_names import EVENTS, TASKS
from kopitra_functions.work import Work

TRACE = "0af7651916cd43dd8448eb211c80319c"
CONTEXT = InvocationContext(
    function_name="f", invocation_id="i-1", trace_context=TraceContext(f"00-{TRACE}-b7ad6b7169203331-01")
)


class Noted:
    """Work that notes what it was given, and what its log lines would say."""

    def __init__(self, telemetry: Telemetry = UNTOLD) -> None:
        self.telemetry = telemetry
        self.given: list[tuple[str, Any, dict[str, Any]]] = []
        self.opened = 0

    def note(self, name: str) -> Callable[[Any], Awaitable[None]]:
        async def work(given: Any) -> None:
            self.given.append((name, given, structlog.contextvars.get_contextvars()))

        return work

    async def http(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        self.given.append(("http", (scope, body), structlog.contextvars.get_contextvars()))
        headers = [(b"content-type", b"text/plain"), (b"x-request-id", b"r")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": b"made"})

    async def open(self) -> Work:
        self.opened += 1
        timers = {name: self.note(name) for name in SCHEDULES}
        return Work(
            telemetry=self.telemetry,
            http=self.http,
            events=self.note("events"),
            task=self.note("task"),
            **timers,
        )


def functions(noted: Noted) -> dict[str, Callable[..., Awaitable[Any]]]:
    app = build(noted.open)
    return {function.get_function_name() or "": function for function in app.get_functions()}  # type: ignore[misc]


def message(name: str = "m-1", **more: Any) -> ServiceBusMessage:
    given: dict[str, Any] = {
        "body": b'{"a":1}',
        "application_properties": {"tries": 3},
        "user_properties": {},
        "message_id": name,
        "correlation_id": "request-1",
        "subject": "copy.planned",
        "sequence_number": 17,
        "delivery_count": 2,
        "enqueued_time_utc": datetime(2026, 1, 5, tzinfo=UTC),
    }
    return ServiceBusMessage(**given | more)


def request(url: str = "http://host/api/admin/accounts?limit=2", **headers: str) -> HttpRequest:
    return HttpRequest("POST", url, headers=headers, body=b"body")


def test_every_timer_is_a_piece_of_work_and_the_other_way_round():
    fields = set(Work.__struct_fields__) - {"http", "events", "task", "telemetry"}
    assert fields == SCHEDULES.keys()


def test_the_app_has_one_http_function_two_queues_and_the_timers_and_indexing_opens_nothing():
    noted = Noted()
    found = index(build(noted.open))
    assert found.http is not None
    assert {"GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "POST"} == found.http.methods
    assert [(each.queue, each.many) for each in found.queues] == [(EVENTS, True), (TASKS, False)]
    assert {each.callee.name for each in found.timers} == SCHEDULES.keys()
    assert all(each.monitored and not each.on_startup for each in found.timers)
    assert noted.opened == 0


async def test_a_request_reaches_the_application_whole_and_its_answer_comes_back():
    noted = Noted()
    answer: HttpResponse = await functions(noted)["http"](
        req=request(**{"X-TradeAgent-Request-ID": "r-9", "Content-Type": "text/plain"}), context=CONTEXT
    )
    [(_, (scope, body), logged)] = noted.given
    assert (scope["method"], scope["path"], scope["query_string"]) == (
        "POST",
        "/api/admin/accounts",
        b"limit=2",
    )
    assert (b"content-type", b"text/plain") in scope["headers"]
    assert body == b"body"
    assert logged == {"function": "http", "invocation": "i-1", "trace": TRACE, "request_id": "r-9"}
    assert (answer.status_code, answer.get_body()) == (201, b"made")
    assert answer.headers["x-request-id"] == "r"


@pytest.mark.parametrize("url", ["http://host/%ff", "http://host:port/a", "http://[::1/a"])
async def test_an_address_that_cannot_be_read_is_a_problem_and_no_failure(url: str):
    noted = Noted()
    answer: HttpResponse = await functions(noted)["http"](req=request(url), context=CONTEXT)
    assert answer.status_code == 400
    assert msgspec.json.decode(answer.get_body())["code"] == "request_malformed"
    assert noted.given == []


async def test_a_forwarded_port_without_end_is_a_problem_and_no_failure():
    answer: HttpResponse = await functions(Noted())["http"](
        req=request(**{"X-Forwarded-Port": "9" * 5000}), context=CONTEXT
    )
    assert answer.status_code == 400


async def test_events_come_as_the_queue_port_gives_them():
    noted = Noted()
    await functions(noted)["events"](messages=[message("m-1"), message("m-2")], context=CONTEXT)
    [(_, given, logged)] = noted.given
    batch: Sequence[ReceivedMessage] = given
    assert [each.message.message_id for each in batch] == ["m-1", "m-2"]
    first = batch[0]
    assert (first.message.body, first.message.correlation_id) == (b'{"a":1}', "request-1")
    assert (first.message.subject, first.message.application_properties) == ("copy.planned", {"tries": "3"})
    assert (first.sequence_number, first.delivery_count) == (17, 2)
    assert first.enqueued_time_utc == datetime(2026, 1, 5, tzinfo=UTC)
    assert logged == {"function": "events", "invocation": "i-1", "trace": TRACE}


async def test_a_task_s_log_lines_name_the_request_that_wanted_it():
    noted = Noted()
    await functions(noted)["task"](message=message(), context=CONTEXT)
    [(name, given, logged)] = noted.given
    assert (name, given.message.message_id, logged["request_id"]) == ("task", "m-1", "request-1")


@pytest.mark.parametrize("name", list(SCHEDULES))
async def test_each_timer_calls_its_own_work_and_says_whether_it_is_late(name: str):
    noted = Noted()
    await functions(noted)[name](timer=TimerRequest(past_due=True), context=CONTEXT)
    assert [(each, given) for each, given, _ in noted.given] == [(name, True)]


async def test_a_message_without_an_identity_is_refused_so_that_it_is_not_lost():
    with pytest.raises(ValueError, match="without its id"):
        await functions(Noted())["task"](message=message(""), context=CONTEXT)


async def test_what_the_host_leaves_out_of_a_batch_is_done_without():
    noted = Noted()
    bare = message(
        sequence_number=None,
        enqueued_time_utc=None,
        delivery_count=None,
        application_properties=None,
        subject=None,
        correlation_id=None,
    )
    naive = message(enqueued_time_utc=datetime(2026, 1, 5))  # noqa: DTZ001  # as hosts have given it
    await functions(noted)["events"](messages=[bare, naive], context=CONTEXT)
    [(_, (first, second), _)] = noted.given
    assert (first.sequence_number, first.delivery_count, first.enqueued_time_utc.year) == (0, 1, 1970)
    assert first.message.application_properties == {}
    assert second.enqueued_time_utc == datetime(2026, 1, 5, tzinfo=UTC)

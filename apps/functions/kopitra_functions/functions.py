"""The function app: one HTTP function before one ASGI application, queue and timer functions beside it.

The same object is indexed by Azure's worker (function_app.py) and by the local host (`kopitra functions`). Nothing is
opened before the first invocation: indexing must work where nothing can be reached.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, List, cast  # noqa: UP035
from urllib.parse import unquote_to_bytes, urlsplit

import structlog
from azure.functions import (
    AsgiMiddleware,
    AuthLevel,
    Cardinality,
    Context,
    DataType,
    FunctionApp,
    HttpMethod,
    HttpRequest,
    HttpResponse,
    ServiceBusMessage,
    TimerRequest,
)

from kopitra.application.ports.queue import Message, ReceivedMessage
from kopitra.application.ports.telemetry import SpanKind
from kopitra.protocol.headers import REQUEST_ID
from kopitra.protocol.problems import CONTENT_TYPE, Code, problem_body, rejected
from kopitra_functions import queue_names
from kopitra_functions.tracing import in_trace, spanned
from kopitra_functions.work import TimerWork, Work

CONNECTION = "KOPITRA_SERVICE_BUS"
"""The app setting by which Azure's host knows Service Bus: a connection string, or, for the managed identity,
KOPITRA_SERVICE_BUS__fullyQualifiedNamespace with the namespace's host name."""
SCHEDULES = {
    "history_drain": "0 * * * * *",
    "heartbeat_watch": "30 * * * * *",
    "reconcile_sweep": "15 */5 * * * *",
    "enrolment_expiry": "45 10 * * * *",
    "statistics": "45 40 * * * *",
    "retention": "0 20 3 * * *",
}
"""NCRONTAB in UTC (second minute hour day month weekday), by field of `Work`. Half a minute apart: they share one
process. None of them reads SQL for nothing."""
FORWARDED_PORT = "x-forwarded-port"
FORWARDED_PORT_LENGTH = 64
"""A port for each of ten proxies."""
TRACEPARENT_PARTS = 4
"""W3C: version, trace id, span id, flags."""
UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

GetWork = Callable[[], Awaitable[Work]]


def build(work: GetWork) -> FunctionApp:
    """`work` is asked at every invocation, and opens what it needs at the first."""
    app = FunctionApp(http_auth_level=AuthLevel.ANONYMOUS)
    _http(app, work)
    _queues(app, work)
    for name, schedule in SCHEDULES.items():
        _timer(app, name, schedule, work)
    return app


def _http(app: FunctionApp, work: GetWork) -> None:
    """Callers are known by their tokens, checked by the application: no function keys."""

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await (await work()).http(scope, receive, send)

    middleware = AsgiMiddleware(asgi)

    @app.function_name("http")
    @app.http_type("asgi")
    @app.route(route="/{*route}", methods=list(HttpMethod), auth_level=AuthLevel.ANONYMOUS)
    async def http(req: HttpRequest, context: Context) -> HttpResponse:
        headers = cast(Mapping[str, str], req.headers)
        if not _is_readable(req.url, headers):
            return _malformed()
        with _logged("http", context, request_id=headers.get(REQUEST_ID)), _within(context):
            return await middleware.handle_async(req, context)


def _queues(app: FunctionApp, work: GetWork) -> None:
    @app.function_name("events")
    @app.service_bus_queue_trigger(
        arg_name="messages",
        connection=CONNECTION,
        queue_name=queue_names.EVENTS,
        cardinality=Cardinality.MANY,
        data_type=DataType.BINARY,  # else the worker parses JSON and writes it anew
        auto_complete_messages=True,
    )
    async def events(messages: List[ServiceBusMessage], context: Context) -> None:  # noqa: UP006  # the worker's rule
        with _logged("events", context), _within(context):
            todo, asked = await work(), [message.correlation_id for message in messages]
            with spanned(todo.telemetry, "events", SpanKind.MESSAGE, of_requests=asked):
                await todo.events([received(message) for message in messages])

    @app.function_name("task")
    @app.service_bus_queue_trigger(
        arg_name="message",
        connection=CONNECTION,
        queue_name=queue_names.TASKS,
        cardinality=Cardinality.ONE,
        data_type=DataType.BINARY,
        auto_complete_messages=True,
    )
    async def task(message: ServiceBusMessage, context: Context) -> None:
        with _logged("task", context, request_id=message.correlation_id), _within(context):
            todo = await work()
            with spanned(todo.telemetry, "task", SpanKind.MESSAGE, request_id=message.correlation_id):
                await todo.task(received(message))


def _timer(app: FunctionApp, name: str, schedule: str, work: GetWork) -> None:
    @app.function_name(name)
    @app.timer_trigger(arg_name="timer", schedule=schedule, run_on_startup=False, use_monitor=True)
    async def run(timer: TimerRequest, context: Context) -> None:
        with _logged(name, context), _within(context):
            todo = await work()
            handle: TimerWork = attrgetter(name)(todo)
            with spanned(todo.telemetry, name, SpanKind.TIMER):
                await handle(timer.past_due)


def received(message: ServiceBusMessage) -> ReceivedMessage:
    """A trigger's message as the queue port gives it. Of a batch, the host may leave out what nobody needs: an unknown
    number is 0, an unknown time 1970. Raises ValueError for a message without its id."""
    if not message.message_id:
        raise ValueError("the host gave a message without its id")
    at = message.enqueued_time_utc or UNIX_EPOCH
    return ReceivedMessage(
        message=Message(
            body=message.get_body(),
            message_id=message.message_id,
            correlation_id=message.correlation_id,
            session_id=message.session_id,
            subject=message.subject or message.label,
            content_type=message.content_type or "application/json",
            application_properties=_texts(message.application_properties),
        ),
        sequence_number=message.sequence_number or 0,
        delivery_count=message.delivery_count or 1,
        enqueued_time_utc=at if at.tzinfo is not None else at.replace(tzinfo=UTC),
        lock_token="",
    )


def _texts(properties: Mapping[str, Any] | None) -> dict[str, str]:
    return {str(name): str(value) for name, value in (properties or {}).items()}


def _is_readable(url: str, headers: Mapping[str, str]) -> bool:
    """The middleware would fail on a path that is no UTF-8, and on a port that is no number or has no end."""
    try:
        parts = urlsplit(url)
        unquote_to_bytes(parts.path).decode()
        parts.port  # noqa: B018  # raises
    except ValueError:
        return False
    return len(headers.get(FORWARDED_PORT, "")) <= FORWARDED_PORT_LENGTH


def _malformed() -> HttpResponse:
    problem = rejected(Code.REQUEST_MALFORMED, "the address cannot be read")
    return HttpResponse(problem_body(problem, None), status_code=problem.status, mimetype=CONTENT_TYPE)


def _logged(name: str, context: Context, request_id: str | None = None) -> Any:
    """Every log line of this invocation names it, its trace, and the request where there is one."""
    bound = {"function": name, "invocation": context.invocation_id}
    parts = str(context.trace_context.trace_parent or "").split("-")
    if len(parts) == TRACEPARENT_PARTS:
        bound["trace"] = parts[1]
    if request_id:
        bound["request_id"] = request_id
    return structlog.contextvars.bound_contextvars(**bound)


def _within(context: Context) -> AbstractContextManager[None]:
    """The trace that the host has begun for this invocation, or continued."""
    return in_trace(str(context.trace_context.trace_parent or ""))

"""What a function app holds, read from the same object that Azure's worker indexes."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from azure.functions import FunctionApp
from azure.functions.decorators.core import Cardinality, Trigger
from azure.functions.decorators.function_app import Function
from azure.functions.decorators.http import HttpTrigger
from azure.functions.decorators.servicebus import ServiceBusQueueTrigger
from azure.functions.decorators.timer import TimerTrigger

from kopitra_cli.functions_host.refusals import HostRefused
from kopitra_cli.functions_host.schedules import Schedule

EVERY_PATH = "{*"


class Callee(msgspec.Struct, frozen=True, kw_only=True):
    """A function by name, and how it wants to be called: with what triggered it as `argument`."""

    name: str
    function: Callable[..., Awaitable[Any]]
    argument: str
    takes_context: bool


class HttpFunction(msgspec.Struct, frozen=True, kw_only=True):
    callee: Callee
    methods: frozenset[str]


class QueueFunction(msgspec.Struct, frozen=True, kw_only=True):
    callee: Callee
    queue: str
    many: bool
    """Takes a list of messages."""


class TimerFunction(msgspec.Struct, frozen=True, kw_only=True):
    callee: Callee
    schedule: Schedule
    on_startup: bool
    monitored: bool
    """An occurrence that was missed while nothing ran is made up for at the start."""


class Functions(msgspec.Struct, frozen=True, kw_only=True):
    http: HttpFunction | None
    queues: tuple[QueueFunction, ...]
    timers: tuple[TimerFunction, ...]


def index(app: FunctionApp) -> Functions:
    """Raises HostRefused for a function with a trigger, or in a shape, that this host does not know."""
    https: list[HttpFunction] = []
    queues: list[QueueFunction] = []
    timers: list[TimerFunction] = []
    for function in app.get_functions():
        callee, trigger = _callee(function)
        match trigger:
            case HttpTrigger():
                https.append(_http(callee, trigger))
            case ServiceBusQueueTrigger():
                many = str(trigger.cardinality or "").lower().endswith(Cardinality.MANY.value)
                queues.append(QueueFunction(callee=callee, queue=trigger.queue_name, many=many))
            case TimerTrigger():
                timers.append(_timer(callee, trigger))
            case _:
                raise HostRefused(f"{callee.name}: this host knows no {trigger.get_binding_name()}")
    if len(https) > 1:
        raise HostRefused(f"{https[1].callee.name}: this host serves one HTTP function")
    return Functions(http=https[0] if https else None, queues=tuple(queues), timers=tuple(timers))


def _callee(function: Function) -> tuple[Callee, Trigger]:
    name, call, trigger = (
        function.get_function_name() or "",
        function.get_user_function(),
        function.get_trigger(),
    )
    if trigger is None or not inspect.iscoroutinefunction(call):
        raise HostRefused(f"{name}: this host knows coroutine functions with a trigger")
    parameters = inspect.signature(call).parameters
    takes_context = "context" in parameters
    if set(parameters) - {"context"} != {trigger.name}:
        raise HostRefused(f"{name}: this host gives nothing but {trigger.name} and context")
    callee = Callee(name=name, function=call, argument=trigger.name, takes_context=takes_context)
    return callee, trigger


def _http(callee: Callee, trigger: HttpTrigger) -> HttpFunction:
    if not (trigger.route or "").lstrip("/").startswith(EVERY_PATH):
        raise HostRefused(f"{callee.name}: this host serves a function that takes every path")
    methods = [getattr(method, "value", method) for method in trigger.methods or ()]
    return HttpFunction(callee=callee, methods=frozenset(str(method).upper() for method in methods))


def _timer(callee: Callee, trigger: TimerTrigger) -> TimerFunction:
    try:
        schedule = Schedule(trigger.schedule)
    except HostRefused as refusal:
        raise HostRefused(f"{callee.name}: {refusal}") from refusal
    return TimerFunction(
        callee=callee,
        schedule=schedule,
        on_startup=bool(trigger.run_on_startup),
        monitored=trigger.use_monitor is not False,
    )

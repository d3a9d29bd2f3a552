"""What the functions do, as callables: the function app is made of these, and a test puts in its own."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from kopitra.application.ports.queue import ReceivedMessage
from kopitra.application.ports.telemetry import UNTOLD, Telemetry

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""
BatchWork = Callable[[Sequence[ReceivedMessage]], Awaitable[None]]
"""Returning completes every message of the batch; raising has the whole batch delivered again, at once, and set aside
after `MAX_DELIVERY_COUNT` deliveries: what waiting may mend is waited for inside, within the lock's minute, and one
message that can never be handled is not let fail its neighbours."""
MessageWork = Callable[[ReceivedMessage], Awaitable[None]]
"""The same for one message."""
TimerWork = Callable[[bool], Awaitable[None]]
"""Given whether it is late: an occurrence was missed while nothing ran. After an error the schedule goes on."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """Received messages carry no lock token: the host completes and abandons."""

    telemetry: Telemetry = UNTOLD
    """Hears of the invocations."""
    http: Asgi
    events: BatchWork
    """From `trade-agent-events`."""
    task: MessageWork
    """From `management-tasks`."""
    history_drain: TimerWork
    heartbeat_watch: TimerWork
    reconcile_sweep: TimerWork
    enrolment_expiry: TimerWork
    retention: TimerWork
    statistics: TimerWork

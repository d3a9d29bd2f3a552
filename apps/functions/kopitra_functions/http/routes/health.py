"""Whether this instance answers, and what it answers to."""

from collections.abc import Callable, Sequence
from functools import cache

import msgspec

from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra.protocol.messages import Message
from kopitra_functions.http.call import Call, told
from kopitra_functions.http.endpoint import Endpoint, Route
from kopitra_functions.http.openapi import admin_document


class ManagementHealth(Message, frozen=True, omit_defaults=False):
    """Liveness only: whether SQL is awake is not asked, because asking would wake it."""

    status: str
    build: str


HEALTH = Endpoint(
    method="GET",
    path="/health",
    summary="Whether this instance answers at all; touches nothing else.",
    role=Role.VIEWER,
    answers={200: (ManagementHealth,)},
    sql=False,
    public=True,
)
DOCUMENT = Endpoint(
    method="GET",
    path="/openapi.json",
    summary="This document.",
    role=Role.VIEWER,
    answers={200: (dict,)},
    sql=False,
    public=True,
)


def service_routes(endpoints: Callable[[], Sequence[Endpoint]], build: str) -> tuple[Route, ...]:
    """`endpoints`: all of them, asked when the document is first read."""

    @cache
    def document() -> bytes:
        return msgspec.json.encode(admin_document(endpoints()))

    async def show(call: Call) -> Reply:
        return Reply(200, document())

    async def health(call: Call) -> Reply:
        return told(ManagementHealth(status="serving", build=build))

    return Route(HEALTH, health), Route(DOCUMENT, show)

"""The queues in Service Bus, from the settings. Imported only where they ask for it: the SDK is large."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import structlog

from kopitra.adapters.azure.credentials import own_identity_async
from kopitra.adapters.azure.queue_errors import QueueRefused
from kopitra.adapters.azure.service_bus import ServiceBusNamespace, connect_namespace
from kopitra.application.ports.queue import Queue, QueueUnavailable
from kopitra_counterparty.ports import Queues
from kopitra_counterparty.server import StartRefused
from kopitra_counterparty.settings import PREFIX, Settings

SETTING = f"{PREFIX}AZURE_SERVICE_BUS"
HOST_NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
LOOK_SECONDS = 10.0
"""For the first look at the queues. Terminals trade without them: only what waiting cannot mend stops the start."""

log = structlog.get_logger("kopitra.queues")


async def open_service_bus(
    settings: Settings, *, events: str, commands: str
) -> tuple[Queues, Callable[[], Awaitable[None]]]:
    """The queues and what closes them. Raises StartRefused where the setting is neither, and where the namespace has
    no such queue or refuses us."""
    namespace = _namespace(settings)
    queues = Queues(events=namespace.queue(events), commands=namespace.queue(commands))

    async def close() -> None:
        await asyncio.gather(queues.events.close(), queues.commands.close())
        await namespace.close()

    try:
        await asyncio.gather(_look(queues.events), _look(queues.commands))
    except QueueRefused as error:
        await close()
        raise StartRefused(f"{SETTING}: {error}") from error
    return queues, close


async def _look(queue: Queue) -> None:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            await queue.peek()
    except QueueRefused:
        raise
    except (QueueUnavailable, TimeoutError) as error:
        log.warning("service_bus_is_not_there_yet", error=str(error))


def _namespace(settings: Settings) -> ServiceBusNamespace:
    """A connection string is a secret and never in what is told."""
    assert settings.azure_service_bus is not None
    where = settings.azure_service_bus.get_secret_value()
    if HOST_NAME.fullmatch(where):
        return connect_namespace(namespace=where, credential=own_identity_async())
    try:
        return connect_namespace(connection_string=where)
    except ValueError:
        raise StartRefused(f"{SETTING} is neither a connection string nor a namespace's host name") from None

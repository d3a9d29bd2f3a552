"""A Service Bus namespace, by connection string or by managed identity."""

from contextlib import AsyncExitStack
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.servicebus.aio import ServiceBusClient

from kopitra.adapters.azure.queue import ServiceBusQueue
from kopitra.adapters.azure.queue_receiving import Held

RETRIES = 3
BACKOFF_SECONDS = 0.2
"""Doubled by each retry: an operation outlives an outage of about three seconds; callers go on from there."""
SOCKET_SECONDS = 0.2
"""A read that finds nothing ends after this, and a write on its connection waits for it; the SDK's own default."""
TRY_SECONDS = 10.0
"""For one attempt to connect or send, and for one question: a silent network is then told as one."""


class ServiceBusNamespace:
    """Makes queues that share what this process has locked. `close` it after them."""

    def __init__(
        self, client: ServiceBusClient, credential: AsyncTokenCredential | None, socket_seconds: float
    ) -> None:
        self._client = client
        self._credential = credential
        self._socket_seconds = socket_seconds
        self._held = Held()

    def queue(self, name: str) -> ServiceBusQueue:
        """Connects when it is used first."""
        return ServiceBusQueue(self._client, name, self._held, self._socket_seconds)

    async def close(self) -> None:
        async with AsyncExitStack() as ending:
            if self._credential is not None:
                ending.push_async_callback(self._credential.close)
            ending.push_async_callback(self._client.close)


def connect_namespace(
    *,
    connection_string: str | None = None,
    namespace: str | None = None,
    credential: AsyncTokenCredential | None = None,
    socket_seconds: float = SOCKET_SECONDS,
) -> ServiceBusNamespace:
    """By connection string, or by host name (`….servicebus.windows.net`) and token credential, which is then closed
    with it. Connects to nothing yet. Raises ValueError for anything else."""
    options: dict[str, Any] = {
        "retry_total": RETRIES,
        "retry_backoff_factor": BACKOFF_SECONDS,
        "try_timeout": TRY_SECONDS,
    }
    if connection_string is not None:
        client = ServiceBusClient.from_connection_string(connection_string, **options)
        return ServiceBusNamespace(client, None, socket_seconds)
    if namespace is None or credential is None:
        raise ValueError("a namespace needs a connection string, or a host name and a credential")
    client = ServiceBusClient(namespace, credential, **options)
    return ServiceBusNamespace(client, credential, socket_seconds)

"""Webhooks over HTTP."""

from aiohttp import ClientError, ClientSession, ClientTimeout

from kopitra_functions.history.notifying import WebhookUnreachable

TOTAL_SECONDS = 5.0
"""Three attempts and their pauses fit into what all deliveries of a batch may take."""


class HttpWebhooks:
    """`kopitra_functions.history.notifying.Webhooks`. Follows no redirect: an address is what an operator typed."""

    def __init__(self) -> None:
        self._session: ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=TOTAL_SECONDS))
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                return response.status
        except (ClientError, TimeoutError, ValueError) as error:
            raise WebhookUnreachable(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

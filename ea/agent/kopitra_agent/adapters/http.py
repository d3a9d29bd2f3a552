"""HTTP by aiohttp: one pool of kept-alive connections to one counterparty."""

import aiohttp

from kopitra_agent.ports.transport import Request, Response, TransportError

CONNECT_SECONDS = 5.0
KEEP_ALIVE_SECONDS = 60.0
"""Below the 230 s at which the cloud's front end cuts idle connections."""


class HttpTransport:
    """`base_url`: scheme, host and port, perhaps a path prefix. The pool opens with the first exchange."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def exchange(self, request: Request) -> Response:
        try:
            async with self._pool().request(
                request.method,
                self._base_url + request.path,
                headers=request.headers,
                data=request.body,
                timeout=aiohttp.ClientTimeout(total=request.timeout, connect=CONNECT_SECONDS),
                allow_redirects=False,
            ) as response:
                return Response(
                    status=response.status,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=await response.read(),
                )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise TransportError(str(error), reached=False) from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise TransportError(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=8, keepalive_timeout=KEEP_ALIVE_SECONDS)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=True)
        return self._session

"""The counterparty's management plane over HTTP: one session, bounded times, and no request done twice by us."""

from collections.abc import Mapping

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from kopitra.application.ports.timing import Sleeper
from kopitra.protocol.headers import IDEMPOTENCY_KEY, REQUEST_ID
from kopitra.protocol.limits import BASE_PATH
from kopitra_functions.ports import CounterpartyAnswer, CounterpartyUnreachable, ServiceTokens
from kopitra_functions.tracing import current_trace

CONNECT_SECONDS = 2.0
"""It is in the same network; a kill switch must not wait longer to hear that nobody is there."""
TOTAL_SECONDS = 10.0
"""The slowest answer, a previewed rule over a month of opens, takes a few seconds."""
ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 1.0
"""Three attempts with these pauses bridge a restart of the counterparty's listener, not an outage."""
CONNECTIONS = 20
ANSWER_BYTES = 16 * 1024 * 1024
"""The longest page of the management plane is far below; more is not a counterparty."""


class CounterpartyClient:
    """`kopitra_functions.ports.Counterparty`. Only what may be repeated is repeated: reads, and writes with an
    idempotency key, which the counterparty answers once."""

    def __init__(self, base_url: str, tokens: ServiceTokens, sleeper: Sleeper) -> None:
        """`base_url`: scheme and host, without a path."""
        self._base = base_url + BASE_PATH
        self._tokens = tokens
        self._sleeper = sleeper
        self._session: ClientSession | None = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> CounterpartyAnswer:
        """Raises CounterpartyUnreachable."""
        headers = {"Authorization": f"Bearer {token or await self._tokens.token()}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if idempotency_key is not None:
            headers[IDEMPOTENCY_KEY] = idempotency_key
        if request_id is not None:
            headers[REQUEST_ID] = request_id
        if (trace := current_trace()) is not None:
            headers["traceparent"] = trace
        repeatable = method == "GET" or idempotency_key is not None
        return await self._attempts(repeatable)(self._once, method, path, query, headers, body)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _attempts(self, repeatable: bool) -> AsyncRetrying:
        return AsyncRetrying(
            retry=retry_if_exception_type(CounterpartyUnreachable),
            stop=stop_after_attempt(ATTEMPTS if repeatable else 1),
            wait=wait_exponential(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, min=FIRST_PAUSE_SECONDS),
            sleep=self._sleeper.sleep,
            reraise=True,
        )

    async def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> CounterpartyAnswer:
        try:
            async with self._open().request(
                method, self._base + path, params=query, headers=headers, data=body, allow_redirects=False
            ) as answer:
                return CounterpartyAnswer(
                    status=answer.status,
                    body=await _content(answer),
                    content_type=answer.headers.get("Content-Type", "application/json"),
                    headers={name.lower(): value for name, value in answer.headers.items()},
                )
        except (ClientError, OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise CounterpartyUnreachable(f"{method} {path}: {reason}") from error

    def _open(self) -> ClientSession:
        """Made where the event loop runs, by the first request."""
        if self._session is None:
            self._session = ClientSession(
                timeout=ClientTimeout(total=TOTAL_SECONDS, sock_connect=CONNECT_SECONDS),
                connector=TCPConnector(limit=CONNECTIONS),
            )
        return self._session


async def _content(answer: ClientResponse) -> bytes:
    """Raises CounterpartyUnreachable for an answer without end."""
    content = bytearray()
    async for chunk in answer.content.iter_any():
        content += chunk
        if len(content) > ANSWER_BYTES:
            raise CounterpartyUnreachable(f"{answer.method} {answer.url.path}: the answer has no end")
    return bytes(content)

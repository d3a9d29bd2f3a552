"""One attempt of one call: headers, the circuit breaker, and noticing that the line came back."""

from collections.abc import Callable

import msgspec

from kopitra.protocol import headers
from kopitra.protocol.limits import BASE_PATH
from kopitra.protocol.messages import Problem
from kopitra_agent.link.circuit import Circuit
from kopitra_agent.ports.timing import Clock, Sleeper
from kopitra_agent.ports.transport import Request, Response, Transport, TransportError

SERVER_ERRORS = 500
PROBE_PAUSE_SECONDS = 0.25
"""While another call probes the line, look again this often."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """`path` under the base path, with its query. A POST needs its idempotency `key`."""

    method: str
    path: str
    key: str | None = None
    token: str | None = None
    body: bytes | None = None
    timeout: float | None = None


class Exchange:
    """Sends calls one attempt each. Breaks off calling while the server seems dead."""

    def __init__(
        self,
        transport: Transport,
        circuit: Circuit,
        clock: Clock,
        sleeper: Sleeper,
        account: str,
        timeout: float,
    ) -> None:
        self._transport = transport
        self._circuit = circuit
        self._clock = clock
        self._sleeper = sleeper
        self._account = account
        self._timeout = timeout
        self.on_recovery: list[Callable[[], None]] = []
        """Called when an answer ends a series of failures."""

    @property
    def failing(self) -> bool:
        return self._circuit.failing

    async def ready(self) -> None:
        """Wait until a call would be permitted; for who has something to say that should not age meanwhile."""
        while (rest := self._circuit.rest(self._clock.monotonic())) > 0:
            await self._sleeper.sleep(min(rest, PROBE_PAUSE_SECONDS))

    async def once(self, call: Call) -> Response:
        """Wait for the circuit, then make one attempt. Raises TransportError."""
        while (wait := self._circuit.permit(self._clock.monotonic())) > 0:
            await self._sleeper.sleep(min(wait, PROBE_PAUSE_SECONDS))
        try:
            response = await self._transport.exchange(self._request(call))
        except TransportError:
            self._circuit.failed(self._clock.monotonic())
            raise
        except BaseException:
            self._circuit.abandoned()
            raise
        self._note(response)
        return response

    def _note(self, response: Response) -> None:
        if response.status >= SERVER_ERRORS:
            self._circuit.failed(self._clock.monotonic())
        elif self._circuit.succeeded():
            for listener in self.on_recovery:
                listener()

    def _request(self, call: Call) -> Request:
        sent = {headers.ACCOUNT: self._account}
        if call.token is not None:
            sent["Authorization"] = f"Bearer {call.token}"
        if call.key is not None:
            sent[headers.IDEMPOTENCY_KEY] = call.key
            sent[headers.REQUEST_ID] = call.key
        if call.body is not None:
            sent["Content-Type"] = "application/json"
        return Request(
            method=call.method,
            path=BASE_PATH + call.path,
            headers=sent,
            body=call.body,
            timeout=call.timeout or self._timeout,
        )


def problem_of(response: Response) -> Problem | None:
    try:
        return msgspec.json.decode(response.body, type=Problem)
    except msgspec.DecodeError:
        return None


def asked_pause(response: Response) -> float:
    """Seconds that a refusal asks us to wait (`Retry-After`, or `retryAfterSeconds` of the problem); 0 where silent."""
    header = response.headers.get("retry-after", "")
    if header.isdigit():
        return float(header)
    problem = problem_of(response)
    return float(problem.retry_after_seconds or 0) if problem is not None else 0.0

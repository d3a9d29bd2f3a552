"""An EA that knows nothing but the protocol: it calls, and says in a sentence what was wrong with an answer."""

from typing import Any

import msgspec

from kopitra.protocol import headers
from kopitra.protocol.limits import BASE_PATH
from kopitra.protocol.messages import Problem
from kopitra_agent.ports.transport import Request, Response, Transport, TransportError


class StepFailed(Exception):
    """What was expected, and what came instead."""


class Visitor:
    """`timeout`: seconds for each call. With `token` it calls as its session."""

    def __init__(self, transport: Transport, *, account: str | None, timeout: float) -> None:
        self._transport = transport
        self._account = account
        self._timeout = timeout
        self.token: str | None = None

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        sandbox: bool = False,
    ) -> Response:
        """`path` below the base path. Raises StepFailed where there is no answer."""
        sent = {headers.REQUEST_ID: key} if key is not None else {}
        if self._account is not None:
            sent[headers.ACCOUNT] = self._account
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        if key is not None:
            sent[headers.IDEMPOTENCY_KEY] = key
        if sandbox:
            sent[headers.SANDBOX] = "true"
        if body is not None:
            sent["Content-Type"] = "application/json"
        request = Request(
            method=method,
            path=BASE_PATH + path,
            headers=sent,
            body=None if body is None else msgspec.json.encode(body),
            timeout=self._timeout,
        )
        try:
            return await self._transport.exchange(request)
        except TransportError as error:
            reached = "no answer" if error.reached else "not reached"
            raise StepFailed(f"{method} {path}: {reached} ({error})") from None


def expect(response: Response, status: int, kind: type[Any]) -> Any:
    """The body as `kind`. Raises StepFailed."""
    if response.status != status:
        raise StepFailed(f"expected {status}, and it answered {told(response)}")
    try:
        return msgspec.json.decode(response.body, type=kind)
    except msgspec.MsgspecError as error:
        raise StepFailed(f"its {status} is not what the protocol says: {error}") from None


def told(response: Response) -> str:
    """Status, code and sentence of a refusal; of anything else the status only: a body may hold what is secret."""
    try:
        problem = msgspec.json.decode(response.body, type=Problem)
    except msgspec.MsgspecError:
        return str(response.status)
    return f"{response.status} {problem.code}: {problem.detail or problem.title}"

"""A request on its way through the gate, and what a route may do with it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection

from kopitra.adapters.operator_tokens import Operator
from kopitra.domain.identifiers import RequestId, TenantId
from kopitra.protocol.exchange import REPLAYED, RETRY_AFTER, Reply, Request
from kopitra_functions.http.change import Change
from kopitra_functions.http.desk import Desk
from kopitra_functions.http.endpoint import Endpoint
from kopitra_functions.http.etags import etag
from kopitra_functions.http.idempotency import answered_once
from kopitra_functions.http.problems import Trouble, refused

T = TypeVar("T")

PASSED_ON = tuple(name.decode() for name in (RETRY_AFTER, REPLAYED))
"""Headers of a counterparty's answer that its reader needs."""
UNAVAILABLE = 503
COUNTERPARTY_PAUSE_SECONDS = 2
"""A counterparty that is restarting is back within seconds."""

_encoder = msgspec.json.Encoder()


class Call:
    """`tenant`: whose things it is about; None: an operator of all tenants named none. `message`: the checked body.
    `query`: by name, defaults included. `expected`: the version that an edit is of."""

    __slots__ = (
        "desk", "endpoint", "expected", "key", "message", "normal", "operator", "query", "request", "request_id",
        "tenant", "token",
    )  # fmt: skip

    def __init__(self, endpoint: Endpoint, request: Request, request_id: RequestId, desk: Desk) -> None:
        self.endpoint = endpoint
        self.request = request
        self.request_id = request_id
        self.desk = desk
        self.tenant: TenantId | None = None
        self.message: Any = None
        self.normal = b""
        self.query: Mapping[str, Any] = {}
        self.key: str | None = None
        self.expected = 0
        self.operator: Operator
        self.token: str

    @property
    def params(self) -> Mapping[str, str]:
        """Of the path."""
        return self.request.params

    def part(self, name: str) -> str:
        """A parameter of the path, as a part of another path."""
        return quote(self.params[name], safe="")

    @property
    def own_tenant(self) -> TenantId:
        """The one tenant that something new belongs to. Raises Rejected."""
        if self.tenant is None:
            raise refused(Trouble.TENANT_MISSING, "say which with ?tenant=")
        return self.tenant

    async def read(self, work: Callable[[Connection], T]) -> T:
        """`work` runs in a thread, perhaps more than once."""
        return await self.desk.database.read(work, interactive=True)

    async def change(self, work: Callable[[Change], Reply]) -> Reply:
        """One transaction: the change, its audit entry, what is to be published of it, and the answer that a repeat of
        this request gets. `work` runs in a thread, perhaps more than once, and may raise Rejected: then nothing has
        happened. After the commit what was published is sent."""
        changes: list[Change] = []

        def attempt(connection: Connection) -> Reply:
            changes[:] = [Change(connection, self.desk.world, self.operator.subject, self.request_id)]
            return work(changes[0])

        reply = await answered_once(self, attempt)
        for afterwards in changes[0].afterwards if changes else ():
            await afterwards(self.desk)
        return reply

    async def ask(
        self, method: str, path: str, body: bytes | None = None, query: Mapping[str, str] | None = None
    ) -> Reply:
        """What the counterparty's management plane answers to this operator. Raises CounterpartyUnreachable."""
        answer = await self.desk.world.counterparty.ask(
            method,
            path,
            token=self.token,
            body=body,
            query=query,
            idempotency_key=self.key,
            request_id=self.request_id,
        )
        if answer.status >= UNAVAILABLE - 3 and answer.status != UNAVAILABLE:
            raise refused(
                Trouble.COUNTERPARTY_UNREACHABLE,
                f"it answered {answer.status}",
                retry_after=COUNTERPARTY_PAUSE_SECONDS,
            )
        given = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(
            answer.status,
            answer.body,
            content_type=answer.content_type.encode(),
            headers=[(name.encode(), given[name].encode()) for name in PASSED_ON if name in given],
        )


def told(message: Any, *, status: int = 200, version: int | None = None) -> Reply:
    """A reply that holds a message, and the entity tag of what it shows."""
    headers = (etag(version),) if version is not None else ()
    return Reply(status, _encoder.encode(message), headers=headers)


def gone() -> Reply:
    """The reply to a deletion."""
    return Reply(204, b"")

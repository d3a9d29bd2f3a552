"""An EA's or operator's request on its way through the gate, over the exchange that every HTTP service here shares."""

from typing import Any

from kopitra.application.submission import Unavailable
from kopitra.domain.identifiers import AccountId, RequestId
from kopitra.machine.state import Account, Session
from kopitra.protocol.endpoints import Endpoint
from kopitra.protocol.exchange import (
    ACCOUNT,
    AUTHORIZATION,
    REPLAYED,
    SANDBOX,
    Headers,
    Reply,
    Request,
    of_refusal,
    problem_reply,
)
from kopitra.protocol.parsing import Body
from kopitra.protocol.problems import Rejected, title_of

__all__ = (
    "ACCOUNT",
    "AUTHORIZATION",
    "REPLAYED",
    "Call",
    "Headers",
    "Reply",
    "Request",
    "of_refusal",
    "of_unavailable",
    "problem_reply",
)


class Call:
    """A request on its way through the gate: what is known of its caller grows with every step."""

    __slots__ = ("account", "digest", "endpoint", "extra", "key", "owner", "request", "request_id", "session")

    def __init__(self, endpoint: Endpoint, request: Request, request_id: RequestId) -> None:
        self.endpoint = endpoint
        self.request = request
        self.request_id = request_id
        self.account: AccountId | None = None
        self.owner: Account | None = None
        self.session: Session | None = None
        self.key: str | None = None
        self.digest: bytes = b""
        self.extra: Any = None
        """What a route's own steps hand to one another."""

    @property
    def known_account(self) -> AccountId:
        """The caller's account, which the gate has established."""
        assert self.account is not None
        return self.account

    @property
    def sandbox(self) -> bool:
        return self.request.headers.get(SANDBOX, b"").lower() == b"true"

    def json(self) -> Body:
        """Raises Rejected."""
        return self.request.json()


def of_unavailable(error: Unavailable) -> Rejected:
    return Rejected(503, error.code, title_of(error.code), str(error), retry_after=error.retry_after)

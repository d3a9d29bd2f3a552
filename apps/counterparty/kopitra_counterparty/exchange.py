"""One HTTP exchange, free of any framework: what came in, what goes out."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from kopitra.application.submission import Unavailable
from kopitra.domain.identifiers import AccountId, RequestId
from kopitra.machine.outcome import Refusal
from kopitra.machine.state import Account, Session
from kopitra.protocol import headers as names
from kopitra.protocol.endpoints import Endpoint
from kopitra.protocol.parsing import Body
from kopitra.protocol.problems import CONTENT_TYPE, Code, Rejected, problem_body, rejected, title_of

JSON = b"application/json"
PROBLEM_JSON = CONTENT_TYPE.encode()

ACCOUNT = names.ACCOUNT.lower().encode()
AUTHORIZATION = b"authorization"
CONTENT_TYPE_HEADER = b"content-type"
IDEMPOTENCY_KEY = names.IDEMPOTENCY_KEY.lower().encode()
REPLAYED = names.REPLAYED.lower().encode()
REQUEST_ID = names.REQUEST_ID.lower().encode()
SANDBOX = names.SANDBOX.lower().encode()
RETRY_AFTER = b"retry-after"
WWW_AUTHENTICATE = b"www-authenticate"

ENCODED = frozenset(b"%+;")
"""A query without any of these is what it says."""

Headers = list[tuple[bytes, bytes]]


class Request:
    """Header names in lower case; of a repeated header the last one counts. `params` are the path's parameters."""

    __slots__ = ("body", "headers", "params", "query")

    def __init__(
        self,
        headers: Mapping[bytes, bytes],
        body: bytes = b"",
        query: bytes = b"",
        params: Mapping[str, str] | None = None,
    ) -> None:
        self.headers = headers
        self.body = body
        self.query = query
        self.params = params or {}

    def parameters(self) -> dict[str, str]:
        """Of the query string; of a repeated one the last counts. Raises Rejected."""
        if not self.query:
            return {}
        try:
            if not ENCODED.intersection(self.query):
                pairs = (pair.partition("=") for pair in self.query.decode("ascii").split("&"))
                return {name: value for name, _, value in pairs}
            return dict(parse_qsl(self.query.decode("ascii"), keep_blank_values=True))
        except ValueError as error:
            raise rejected(Code.QUERY_INVALID, str(error)) from None


class Reply:
    """`kept`: what the journal keeps of the body where that must not hold a secret."""

    __slots__ = ("body", "content_type", "headers", "kept", "status")

    def __init__(
        self,
        status: int,
        body: bytes,
        *,
        content_type: bytes = JSON,
        headers: Sequence[tuple[bytes, bytes]] = (),
        kept: bytes | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers
        self.kept = kept

    @property
    def final(self) -> bool:
        """Whether the same request would get the same answer again: refusals for load and failures would not."""
        return self.status < 500 and self.status != Code.RATE_LIMITED.status

    def wire_headers(self, request_id: RequestId) -> Headers:
        return [
            (b"content-type", self.content_type),
            (b"content-length", b"%d" % len(self.body)),
            (REQUEST_ID, request_id.encode()),
            *self.headers,
        ]


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
        content_type = self.request.headers.get(CONTENT_TYPE_HEADER, JSON)
        media_type = content_type.partition(b";")[0].strip().lower()
        if media_type != JSON:
            raise rejected(Code.CONTENT_TYPE_UNSUPPORTED)
        return Body(self.request.body)


def problem_reply(problem: Rejected, request_id: RequestId) -> Reply:
    headers: Headers = []
    if problem.retry_after is not None:
        headers.append((RETRY_AFTER, b"%d" % problem.retry_after))
    if problem.status == Code.TOKEN_INVALID.status:
        headers.append((WWW_AUTHENTICATE, b"Bearer"))
    return Reply(
        problem.status, problem_body(problem, request_id), content_type=PROBLEM_JSON, headers=headers
    )


def of_refusal(refusal: Refusal) -> Rejected:
    """The machine's no, as a problem."""
    members = dict(refusal.members)
    retry_after = members.pop("retryAfterSeconds", None)
    return Rejected(
        refusal.status,
        refusal.code,
        title_of(refusal.code),
        refusal.detail,
        members=members,
        retry_after=retry_after if isinstance(retry_after, int) else None,
    )


def of_unavailable(error: Unavailable) -> Rejected:
    return Rejected(503, error.code, title_of(error.code), str(error), retry_after=error.retry_after)

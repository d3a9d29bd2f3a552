"""One HTTP exchange, free of any framework: what came in, what goes out. Every HTTP service speaks through these."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from kopitra.domain.identifiers import RequestId
from kopitra.machine.outcome import Refusal
from kopitra.protocol import headers as names
from kopitra.protocol.limits import MAX_IDEMPOTENCY_KEY_LENGTH
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

KEY = re.compile(rb"[!-~]{1,%d}" % MAX_IDEMPOTENCY_KEY_LENGTH)
REQUEST_ID_FORM = re.compile(rb"[!-~]{1,128}")
"""Visible ASCII: it goes into logs and headers as it is. Another one is replaced."""
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

    def json(self) -> Body:
        """Raises Rejected."""
        content_type = self.headers.get(CONTENT_TYPE_HEADER, JSON)
        if content_type.partition(b";")[0].strip().lower() != JSON:
            raise rejected(Code.CONTENT_TYPE_UNSUPPORTED)
        return Body(self.body)

    def idempotency_key(self) -> str:
        """Raises Rejected."""
        raw = self.headers.get(IDEMPOTENCY_KEY)
        if raw is None:
            raise rejected(Code.IDEMPOTENCY_KEY_MISSING)
        if not KEY.fullmatch(raw):
            raise rejected(Code.IDEMPOTENCY_KEY_INVALID)
        return raw.decode("ascii")

    def request_id(self) -> RequestId | None:
        """The caller's, where it is one."""
        given = self.headers.get(REQUEST_ID)
        return RequestId(given.decode("ascii")) if given and REQUEST_ID_FORM.fullmatch(given) else None


class Reply:
    """`kept`: what is remembered of the body where that must not hold a secret."""

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

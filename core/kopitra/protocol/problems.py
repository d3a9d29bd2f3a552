"""RFC 9457 problem documents, and the one list of codes that the transport itself gives.

Refusals of the machine bring their own code; both end in `problem_body`.
"""

from collections.abc import Mapping, Sequence
from enum import Enum

import msgspec

from kopitra.domain.identifiers import RequestId
from kopitra.protocol.limits import MAX_FIELD_ERRORS
from kopitra.protocol.messages import FieldError

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:kopitra:problem:"


class Code(Enum):
    """(status, title) of each code; the member's name in lower case is the code on the wire."""

    ACCOUNT_HEADER_MISSING = 400, "The account header is missing"
    ACCOUNT_HEADER_INVALID = 400, "The account header is not an account id"
    IDEMPOTENCY_KEY_MISSING = 400, "The Idempotency-Key header is missing"
    IDEMPOTENCY_KEY_INVALID = 400, "The Idempotency-Key header is not 1 to 255 visible ASCII characters"
    BODY_MALFORMED = 400, "The body is not JSON"
    BODY_TOO_DEEP = 400, "The body is nested too deeply"
    QUERY_INVALID = 400, "A query parameter is not valid"
    REQUEST_MALFORMED = 400, "The request is not valid HTTP for this service"
    TOKEN_MISSING = 401, "A session token is needed"
    TOKEN_INVALID = 401, "The session token is unknown or has expired"
    CREDENTIALS_INVALID = 401, "The account or its secret is wrong"
    ACCOUNT_MISMATCH = 403, "The token belongs to another account"
    SESSION_PENDING = 403, "The session waits for an operator's approval"
    OPERATORS_ONLY = 403, "Only operators may do this"
    NOT_FOUND = 404, "There is nothing at this address"
    RUN_UNKNOWN = 404, "No such run is known for this account"
    METHOD_NOT_ALLOWED = 405, "The method is not allowed here"
    BODY_TOO_LARGE = 413, "The body is too large"
    CONTENT_TYPE_UNSUPPORTED = 415, "The body must be application/json"
    VALIDATION_FAILED = 422, "The body does not have the expected shape"
    BATCH_TOO_LARGE = 422, "The batch has too many items"
    IDEMPOTENCY_KEY_REUSED = 422, "The Idempotency-Key was used for another body"
    RATE_LIMITED = 429, "Too many requests"
    TOO_MANY_FAILURES = 429, "Too many failed attempts"
    INTERNAL_ERROR = 500, "The service failed"
    STANDBY = 503, "This instance is not the active one"
    UNVERIFIED = 503, "This instance cannot prove that it is the active one"
    RECOVERING = 503, "The service is recovering its state"
    JOURNAL_UNAVAILABLE = 503, "The journal does not take writes"
    STOPPING = 503, "The service is stopping"
    OVERLOADED = 503, "The service has too much work at hand"

    @property
    def status(self) -> int:
        return self.value[0]

    @property
    def title(self) -> str:
        return self.value[1]

    @property
    def code(self) -> str:
        return self.name.lower()


class Rejected(Exception):
    """A request that ends in a problem document. `members` extend it; `retry_after` (seconds) is also a header."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        members: Mapping[str, object] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail or title)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.members = dict(members or {})
        self.retry_after = retry_after


def rejected(
    code: Code,
    detail: str = "",
    *,
    errors: Sequence[FieldError] = (),
    retry_after: int | None = None,
) -> Rejected:
    return Rejected(code.status, code.code, code.title, detail, errors=errors, retry_after=retry_after)


def problem_body(problem: Rejected, request_id: RequestId | None) -> bytes:
    document: dict[str, object] = {
        "type": TYPE_PREFIX + problem.code,
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
    }
    if problem.detail:
        document["detail"] = problem.detail
    if request_id is not None:
        document["requestId"] = request_id
    if problem.errors:
        document["errors"] = [msgspec.to_builtins(error) for error in problem.errors[:MAX_FIELD_ERRORS]]
    if problem.retry_after is not None:
        document["retryAfterSeconds"] = problem.retry_after
    document.update(problem.members)
    return msgspec.json.encode(document)


def title_of(code: str) -> str:
    """A title for a code of the machine: its words."""
    known = Code.__members__.get(code.upper())
    return known.title if known is not None else code.replace("_", " ").capitalize()

"""Refusals that only the management side gives; the others are in `kopitra.protocol.problems`."""

from collections.abc import Sequence
from enum import Enum

from kopitra.protocol.messages import FieldError
from kopitra.protocol.problems import Rejected


class Trouble(Enum):
    """(status, title) of each code; the member's name in lower case is the code on the wire."""

    IF_MATCH_INVALID = 400, "The If-Match header is not one strong entity tag"
    TENANT_FORBIDDEN = 403, "The tenant is another's"
    ALREADY_EXISTS = 409, "There is one with this id already"
    FEATURE_DISABLED = 409, "What this needs is switched off"
    IN_USE = 409, "Something else refers to it"
    NOT_POSSIBLE = 409, "Its state does not allow this"
    VERSION_CHANGED = 412, "It was changed since it was read"
    TENANT_MISSING = 422, "An operator of all tenants has to name one"
    REFERENCE_UNKNOWN = 422, "It refers to something that does not exist"
    IF_MATCH_MISSING = 428, "The If-Match header is missing"
    COUNTERPARTY_UNREACHABLE = 503, "The counterparty does not answer"
    DATABASE_RESUMING = 503, "The database is resuming"
    DATABASE_UNAVAILABLE = 503, "The database cannot be used"
    STORAGE_UNAVAILABLE = 503, "A queue, a store of blobs or the key vault cannot be used"

    @property
    def status(self) -> int:
        return self.value[0]

    @property
    def title(self) -> str:
        return self.value[1]

    @property
    def code(self) -> str:
        return self.name.lower()


def refused(
    trouble: Trouble, detail: str = "", *, errors: Sequence[FieldError] = (), retry_after: int | None = None
) -> Rejected:
    return Rejected(
        trouble.status, trouble.code, trouble.title, detail, errors=errors, retry_after=retry_after
    )

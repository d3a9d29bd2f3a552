"""Entity tags: the version of a row. Two operators who edit what both have read cannot both be right."""

import re

from kopitra.protocol.exchange import Request
from kopitra_functions.http.problems import Trouble, refused

ETAG = b"etag"
IF_MATCH = b"if-match"
FORM = re.compile(rb'"([0-9]{1,18})"')


def etag(version: int) -> tuple[bytes, bytes]:
    """The header for what has this version; 0 is what has never been written."""
    return ETAG, b'"%d"' % version


def expected_version(request: Request) -> int:
    """The version that an edit is of. Raises Rejected; `*` is refused: it would be a blind overwrite."""
    given = request.headers.get(IF_MATCH)
    if given is None:
        raise refused(Trouble.IF_MATCH_MISSING, "send the ETag that the last reading gave")
    found = FORM.fullmatch(given.strip())
    if found is None:
        raise refused(Trouble.IF_MATCH_INVALID, 'expected one tag like "3"')
    return int(found[1])


def require_version(expected: int, current: int) -> None:
    """Raises Rejected."""
    if expected != current:
        raise refused(Trouble.VERSION_CHANGED, f"it is at version {current}, not {expected}; read it again")

"""A statement's bytes as text: UTF-8 or UTF-16 with its mark, else the terminal's own eight-bit code page."""

import re

from kopitra.simulation.statements.errors import StatementError

STATEMENT_BYTES = 64 * 1024 * 1024
"""About 200,000 trades; more is no statement that a terminal wrote."""
MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
CODE_PAGE = "latin-1"
"""Names may come out wrong; digits, dates and the words of the format are ASCII in every code page of
MetaTrader."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")
"""Control characters that no text has; tabs, line ends and form feeds are left."""


def text_of(data: bytes) -> str:
    """The text, line ends as newlines; raises StatementError for what is no text."""
    if len(data) > STATEMENT_BYTES:
        raise StatementError(1, f"the file is larger than {STATEMENT_BYTES // 1024**2} MiB")
    if not data.strip():
        raise StatementError(1, "the file is empty")
    page = _decoded(data)
    if _CONTROLS.search(page):
        raise StatementError(1, "the file is binary, not text")
    return page.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes) -> str:
    for mark, encoding in MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError as cut:
                raise StatementError(1, f"the file is not the {encoding} that it says it is") from cut
    if data[1::2][:8] == bytes(8):
        return data.decode("utf-16-le", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(CODE_PAGE)

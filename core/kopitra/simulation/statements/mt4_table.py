"""An MT4 statement's HTML as sections of rows of cells, with the source line of each row; refuses a file that
is cut off."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, Protocol

import lxml.etree  # pyright: ignore[reportMissingTypeStubs]
import lxml.html  # pyright: ignore[reportMissingTypeStubs]
import msgspec

from kopitra.simulation.statements.errors import StatementError

CLOSED = "Closed Transactions:"
OPEN = "Open Trades:"
WORKING = "Working Orders:"
SUMMARY = "Summary:"
SECTIONS = (CLOSED, OPEN, WORKING, SUMMARY)
"""In the order in which MetaTrader writes them; a detailed statement ends with another, `Details:`, that
nothing here needs."""
DETAILS = "Details:"
HEADER = "header"

SPAN_DIGITS = 3
"""More columns than any table has."""

_PAGE_END = re.compile(r"</html\s*>", re.IGNORECASE)
_END = re.compile(r"</html\s*>\s*$", re.IGNORECASE)
_ROW = re.compile(r"<tr\b", re.IGNORECASE)
_SPACES = re.compile(r"\s+")
_BEGINNING = "<title>Statement:"
_FOREIGN = {
    "Strategy Tester Report": "a strategy tester's report",
    "Trade History Report": "a MetaTrader 5 history report",
    "Trade Report": "a MetaTrader 5 report",
}


_HTML: Any = lxml.html
_ETREE: Any = lxml.etree  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
"""lxml comes without types, so what is used of it is stated here."""


class _Element(Protocol):
    sourceline: int | None

    def get(self, name: str, default: str) -> str: ...

    def text_content(self) -> str: ...

    def iterchildren(self, *tags: str) -> "Iterator[_Element]": ...


class Cell(msgspec.Struct, frozen=True):
    text: str
    title: str
    span: int


class Row(msgspec.Struct, frozen=True):
    line: int
    cells: tuple[Cell, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(cell.text for cell in self.cells)

    def is_blank(self) -> bool:
        return not any(cell.text for cell in self.cells)


class Section(msgspec.Struct):
    line: int
    rows: list[Row]


def sections_of(page: str) -> dict[str, Section]:
    """The rows of each section by its title, and those before the first under `HEADER`.

    Raises StatementError for a page that is no MT4 statement, lacks a section, or does not reach its end.
    """
    rows = _rows(page)
    last_line = page.rstrip().count("\n") + 1
    if not any(_title(row) == CLOSED for row in rows):
        raise _no_statement(page, last_line)
    found = _split(rows)
    for name in SECTIONS:
        if name not in found:
            raise StatementError(last_line, f"the statement is cut off: it ends without its “{name}”")
    if len(_PAGE_END.findall(page)) > 1:
        raise StatementError(last_line, "a second page follows the first: this is more than one statement")
    if not _END.search(page):
        raise StatementError(last_line, "the statement is cut off: it does not end with </html>")
    return found


def _rows(page: str) -> list[Row]:
    parser = _HTML.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True)
    try:
        root = _HTML.document_fromstring(page.encode(), parser=parser)
    except _ETREE.LxmlError as unreadable:
        raise StatementError(1, "this is not an HTML page") from unreadable
    elements: list[_Element] = list(root.iter("tr"))
    return [
        Row(line, tuple(_cell(cell) for cell in element.iterchildren("td", "th")))
        for element, line in zip(elements, _lines(page, elements), strict=True)
    ]


def _lines(page: str, elements: list[_Element]) -> list[int]:
    """The line of each row's tag. The parser's own count ends at 65,535, so it is used only where tags and rows
    are not one to one."""
    tags = [tag.start() for tag in _ROW.finditer(page)]
    if len(tags) != len(elements):
        return [element.sourceline or 1 for element in elements]
    ends = [end.start() for end in re.finditer("\n", page)]
    return [bisect_left(ends, tag) + 1 for tag in tags]


def _cell(element: _Element) -> Cell:
    text = _SPACES.sub(" ", element.text_content()).strip()
    span = element.get("colspan", "1")
    counted = span.isascii() and span.isdigit() and len(span) <= SPAN_DIGITS
    return Cell(text, element.get("title", ""), int(span) if counted else 1)


def _title(row: Row) -> str:
    return row.cells[0].text if len(row.cells) == 1 else ""


def _split(rows: list[Row]) -> dict[str, Section]:
    found = {HEADER: Section(1, [])}
    current = found[HEADER]
    for row in rows:
        title = _title(row)
        if title in (*SECTIONS, DETAILS):
            if title in found:
                raise StatementError(row.line, f"a second “{title}”: this is more than one statement")
            current = found[title] = Section(row.line, [])
        elif not row.is_blank():
            current.rows.append(row)
    return found


def _no_statement(page: str, last_line: int) -> StatementError:
    if _BEGINNING in page:
        return StatementError(last_line, f"the statement is cut off: it ends without its “{CLOSED}”")
    what = next((name for mark, name in _FOREIGN.items() if mark in page), "some other page")
    return StatementError(1, f"this is {what}, not an MT4 statement: it has no “{CLOSED}”")

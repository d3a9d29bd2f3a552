"""An MT4 statement's HTML as sections of rows of cells, with the source line of each row; refuses a file that
is cut off."""

import re

import lxml.etree
import lxml.html
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

LAST_COUNTED_LINE = 65535
"""The parser counts lines in 16 bits."""

_PAGE_END = re.compile(r"</html\s*>", re.IGNORECASE)
_END = re.compile(r"</html\s*>\s*$", re.IGNORECASE)
_SPACES = re.compile(r"\s+")
_FOREIGN = {
    "Strategy Tester Report": "a strategy tester's report",
    "Trade History Report": "a MetaTrader 5 history report",
    "Trade Report": "a MetaTrader 5 report",
}


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
    if not any(_title(row) == CLOSED for row in rows):
        raise StatementError(None, f"this is {_what_it_is(page)}, not an MT4 statement: it has no “{CLOSED}”")
    found = _split(rows)
    last_line = page.rstrip().count("\n") + 1
    for name in SECTIONS:
        if name not in found:
            raise StatementError(last_line, f"the statement is cut off: it ends without its “{name}”")
    if len(_PAGE_END.findall(page)) > 1:
        raise StatementError(last_line, "a second page follows the first: this is more than one statement")
    if not _END.search(page):
        raise StatementError(last_line, "the statement is cut off: it does not end with </html>")
    return found


def _rows(page: str) -> list[Row]:
    parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True)
    try:
        root = lxml.html.document_fromstring(page.encode(), parser=parser)
    except (lxml.etree.ParserError, lxml.etree.XMLSyntaxError) as unreadable:
        raise StatementError(None, "this is not an HTML page") from unreadable
    return [
        Row(int(element.sourceline or 0), tuple(_cell(cell) for cell in element.iterchildren("td", "th")))
        for element in root.iter("tr")
    ]


def _cell(element: lxml.html.HtmlElement) -> Cell:
    text = _SPACES.sub(" ", str(element.text_content())).strip()
    span = element.get("colspan", "1")
    return Cell(text, element.get("title", ""), int(span) if span.isdigit() else 1)


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


def _what_it_is(page: str) -> str:
    return next((name for mark, name in _FOREIGN.items() if mark in page), "some other page")

"""What MetaTrader writes into a comment: how a ticket ended, where it came from, where it went on.

In an MT4 statement the comment is the ticket cell's title, after the magic number ("#21000 from #884[sl]").
The wordings are the server's own: `from #N`, `to #N`, `[sl]`, `[tp]`, `[sl/gap]`, `partial close`, `close
hedge by #N`, `so: 49.9%/…`, `cancelled`, `expiration […]`, `deleted [no money]`. A trader's own comment
counts only as text.
"""

import re

import msgspec

from kopitra.simulation.statements.numbers import TICKET_DIGITS
from kopitra.simulation.timeline import Reason

_MAGIC = re.compile(r"#(?P<magic>\d{1,10})(?:\s+(?P<rest>.*))?", re.DOTALL)
_STOP = re.compile(r"\s*\[(?P<stop>sl|tp|so)\b[^\]]*\]$", re.IGNORECASE)
_STOP_OUT = re.compile(r"so:?\s*[\d.]+%?", re.IGNORECASE)
_LINKS = re.compile(
    rf"(?:(?:split )?from #(?P<parent>\d{{1,{TICKET_DIGITS}}}))?\s*(?:to #(?P<child>\d{{1,{TICKET_DIGITS}}}))?",
    re.IGNORECASE,
)
_HEDGE = re.compile(rf"close hedge by #(?P<other>\d{{1,{TICKET_DIGITS}}})", re.IGNORECASE)
_EXPIRED = re.compile(r"expir(?:ation|ed)\b.*", re.IGNORECASE)
_REFUSED = re.compile(r"deleted\b.*|.*\[no money\]", re.IGNORECASE)

_STOPS = {"sl": Reason.STOP_LOSS, "tp": Reason.TAKE_PROFIT, "so": Reason.STOP_OUT}


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    text: str = ""
    magic: int = 0
    parent: int | None = None
    """The ticket that this one is the remainder of."""
    child: int | None = None
    """The ticket that holds what this one's partial close left."""
    hedged_with: int | None = None
    """The opposite ticket that closed this one."""
    partial: bool = False
    """Part of a ticket, without saying which ticket holds the rest."""
    ended: Reason | None = None
    """None where the comment does not say: by hand or by an expert."""

    @property
    def end_reason(self) -> Reason:
        return self.ended or (Reason.EXPERT if self.magic else Reason.CLIENT)


def remark_of(comment: str) -> Remark:
    """The comment's meaning; never fails, for traders may write anything."""
    magic, text = _magic_apart(comment.strip())
    stop = _STOP.search(text)
    body = text[: stop.start()].strip() if stop else text
    ended = _STOPS[stop["stop"].lower()] if stop else _end_in_words(body)
    links = _LINKS.fullmatch(body)
    hedge = _HEDGE.fullmatch(body)
    return Remark(
        text=text,
        magic=magic,
        parent=_number(links["parent"]) if links else None,
        child=_number(links["child"]) if links else None,
        hedged_with=_number(hedge["other"]) if hedge else None,
        partial=body.lower() == "partial close",
        ended=Reason.CLOSE_BY if hedge else ended,
    )


def _magic_apart(comment: str) -> tuple[int, str]:
    found = _MAGIC.fullmatch(comment)
    return (int(found["magic"]), (found["rest"] or "").strip()) if found else (0, comment)


def _end_in_words(body: str) -> Reason | None:
    if _STOP_OUT.match(body):
        return Reason.STOP_OUT
    if _EXPIRED.fullmatch(body):
        return Reason.EXPIRED
    return Reason.BROKER if _REFUSED.fullmatch(body) else None


def _number(digits: str | None) -> int | None:
    return int(digits) if digits else None

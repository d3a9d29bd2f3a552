"""Opaque cursors: the sort key of the last row of a page, bound to the list that it came from."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec

from kopitra.domain.instants import rfc3339
from kopitra.protocol.bounds import EARLIEST, LATEST
from kopitra.protocol.limits import MAX_WHOLE_NUMBER
from kopitra.protocol.problems import Code, Rejected, rejected

MARK_BYTES = 6
"""Tells cursors of different lists apart; that is a courtesy, not a protection: a cursor holds nothing but a place."""
MAX_KEY_LENGTH = 255

Value = str | int | datetime


def encode_cursor(name: str, values: Sequence[Value]) -> str:
    plain = [rfc3339(value) if isinstance(value, datetime) else value for value in values]
    return urlsafe_b64encode(msgspec.json.encode([_mark(name), *plain])).rstrip(b"=").decode()


def decode_cursor(name: str, text: str, kinds: Sequence[type[Any]]) -> list[Value]:
    """The values, of these kinds. Raises Rejected."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        mark, *plain = msgspec.json.decode(urlsafe_b64decode(padded), type=list[str | int])
    except (ValueError, msgspec.MsgspecError):
        raise _foreign() from None
    if mark != _mark(name) or len(plain) != len(kinds):
        raise _foreign()
    return [_value(value, kind) for value, kind in zip(plain, kinds, strict=True)]


def _value(value: str | int, kind: type[Any]) -> Value:
    if kind is datetime:
        try:
            time = msgspec.convert(value, datetime)
        except msgspec.ValidationError:
            raise _foreign() from None
        if time.tzinfo is None or not EARLIEST <= time <= LATEST:
            raise _foreign()
        return time
    if not isinstance(value, kind):
        raise _foreign()
    if isinstance(value, int):
        if not -MAX_WHOLE_NUMBER <= value <= MAX_WHOLE_NUMBER:
            raise _foreign()
    elif len(value) > MAX_KEY_LENGTH or not value.isprintable():
        raise _foreign()
    return value


def _mark(name: str) -> str:
    return blake2b(name.encode(), digest_size=MARK_BYTES).hexdigest()


def _foreign() -> Rejected:
    return rejected(Code.QUERY_INVALID, "cursor must be one that this list gave")

"""From a request's bytes to a checked message, or to a refusal that names the place."""

import re
from typing import Any, TypeVar, cast

import msgspec

from kopitra.protocol.bounds import OutOfBounds, checker
from kopitra.protocol.limits import MAX_BODY_BYTES, MAX_JSON_DEPTH
from kopitra.protocol.messages import FieldError
from kopitra.protocol.problems import Code, Rejected, rejected

T = TypeVar("T")

STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
INNERMOST = re.compile(rb"\{\}|\[\]")
PLACE = re.compile(r" - at `(key in )?(\$[^`]*)`$")

_any_json: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_normal = msgspec.json.Encoder(order="sorted")


class Body:
    """A request's JSON body: parsed once, read in several ways."""

    def __init__(self, raw: bytes) -> None:
        """Raises `Rejected`: too large, too deep, not JSON."""
        if len(raw) > MAX_BODY_BYTES:
            raise rejected(Code.BODY_TOO_LARGE, f"a body has at most {MAX_BODY_BYTES} bytes")
        if _deeper_than(raw, MAX_JSON_DEPTH):
            raise rejected(Code.BODY_TOO_DEEP, f"JSON is nested at most {MAX_JSON_DEPTH} levels deep")
        self.raw = raw
        self.json: Any = _parsed(raw)

    @property
    def members(self) -> frozenset[str]:
        """Names of the top object's members."""
        return frozenset(cast("dict[str, object]", self.json) if self.json.__class__ is dict else ())

    def normal(self) -> bytes:
        """The same for bodies that mean the same JSON: keys sorted, no white space, numbers in one notation."""
        return _normal.encode(self.json)

    def read(self, decoder: "msgspec.json.Decoder[T]", path: str = "$") -> T:
        """Decode and check as the decoder's type. Raises `Rejected` (422) with every place that is wrong."""
        return read_message(self.raw, decoder, path)


def read_message(raw: bytes | msgspec.Raw, decoder: "msgspec.json.Decoder[T]", path: str = "$") -> T:
    """`raw` is JSON that `Body` accepted, or a part of it; `path` is where that part stands."""
    try:
        message = decoder.decode(raw)
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        raise rejected(Code.VALIDATION_FAILED, errors=[_located(str(error), path)]) from None
    try:
        return checker(type(message))(message)
    except OutOfBounds as error:
        raise invalid(error.located(path)) from None


def invalid(errors: list[FieldError]) -> Rejected:
    return rejected(Code.VALIDATION_FAILED, errors[0].message, errors=errors)


def _parsed(raw: bytes) -> Any:
    try:
        return _any_json.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise rejected(Code.BODY_MALFORMED, str(error)) from None


def _located(message: str, path: str) -> FieldError:
    """msgspec ends its sentence with the place: "Expected `str`, got `int` - at `$.symbol`"."""
    found = PLACE.search(message)
    if found is None:
        return FieldError(path=path, message=message)
    return FieldError(path=path + found[2][1:], message=message[: found.start()])


def _deeper_than(raw: bytes, limit: int) -> bool:
    """Whether brackets nest deeper, without decoding: each pass takes the innermost level away."""
    if raw.count(b"{") + raw.count(b"[") <= limit:
        return False
    brackets = STRINGS.sub(b"", raw).translate(None, NO_BRACKETS)
    for _ in range(limit):
        inner = INNERMOST.sub(b"", brackets)
        if len(inner) == len(brackets):
            return False  # all matched, or never to be: then it is not JSON
        brackets = inner
    return bool(brackets)

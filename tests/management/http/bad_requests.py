"""Draws requests that are bad for certain, each a good one but for one thing."""

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from kopitra.protocol.limits import MAX_BODY_BYTES
from kopitra_functions.http.endpoint import Endpoint, Kind
from tests.contract.bad_requests import SPOILED_KEYS, STRANGE
from tests.management.http.examples import GUARDED, body_of, path_of, version_of

NO_METHODS = ("PATCH", "OPTIONS", "TRACE", "PROPFIND", "X-NO-SUCH")
SPOILED_TAGS = ("", "1", "*", 'W/"1"', '"x"', '"-1"', '"1", "2"', '"9999999999999999999"')
BAD_BY_KIND: dict[Kind, tuple[str, ...]] = {
    Kind.WHOLE: ("", "x", "1e3", "%D9%A3", "1.5", "99999999999999999999", "%00"),
    Kind.FLAG: ("", "yes", "1", "TRUE", "%00"),
    Kind.TIME: ("", "now", "2026-01-05", "2026-01-05T00:00:00", "0001-01-01T00:00:00%2B23:59", "%00"),
    Kind.CURSOR: ("", "%00", "bm9uZQ", "W10", "WyJhIiwxXQ", "%FF%FE", "a" * 1025),
    Kind.TEXT: ("", "%00", "%E2%80%AE", "x" * 129, "%0A"),
}

Headers = dict[str, str | None]
Bad = tuple[str, str, bytes | None, Headers]
"""Method, path with its query, body, headers that differ."""


class BadRequests:
    """`draw` decides everything: one seed, one sequence of requests."""

    def __init__(self, params: dict[str, str], draw: Random) -> None:
        self._params = params
        self._draw = draw

    def next(self) -> Bad:
        endpoint = self._draw.choice(GUARDED)
        choices: list[Callable[[Endpoint], Bad]] = [self._method, self._path, self._token, self._query]
        if endpoint.keyed:
            choices.append(self._key)
        if endpoint.edits:
            choices.append(self._tag)
        if endpoint.body:
            choices += [self._body, self._body, self._field, self._field, self._field, self._media_type]
        return self._draw.choice(choices)(endpoint)

    def _good(self, endpoint: Endpoint, **changes: Any) -> Bad:
        body = body_of(endpoint)
        raw = body if isinstance(body, bytes | None) else msgspec.json.encode(body)
        version = version_of(endpoint)
        headers: Headers = {"If-Match": f'"{version}"'} if version is not None else {}
        headers |= changes.get("headers", {})
        method = changes.get("method", endpoint.method)
        path = changes.get("path", path_of(endpoint, self._params))
        return method, path, changes.get("body", raw), headers

    def _method(self, endpoint: Endpoint) -> Bad:
        return self._good(endpoint, method=self._draw.choice(NO_METHODS))

    def _path(self, endpoint: Endpoint) -> Bad:
        noise = "".join(self._draw.choice("abcXYZ019._~-%@!,;") for _ in range(30)).replace("%", "%25")
        path, _, _ = path_of(endpoint, self._params).partition("?")
        spoiled = (f"/{noise}", f"{path}/", f"{path}/{noise}/{noise}", f"/{path}", "/" + "a" * 3000)
        return self._good(endpoint, path=self._draw.choice(spoiled))

    def _token(self, endpoint: Endpoint) -> Bad:
        token = "".join(chr(self._draw.randrange(33, 127)) for _ in range(self._draw.randrange(1, 200)))
        value = self._draw.choice(
            (None, "", "Bearer", f"Bearer {token}", f"Basic {token}", f"Bearer {token}.a.b", token)
        )
        return self._good(endpoint, headers={"Authorization": value})

    def _query(self, endpoint: Endpoint) -> Bad:
        query = self._draw.choice(endpoint.parameters)
        path, _, _ = path_of(endpoint, self._params).partition("?")
        spoiled = f"{query.name}={self._draw.choice(BAD_BY_KIND[query.kind])}"
        if self._draw.random() < 0.2:
            spoiled = "noSuchParameter=1"
        return self._good(endpoint, path=f"{path}?{spoiled}")

    def _key(self, endpoint: Endpoint) -> Bad:
        return self._good(endpoint, headers={"Idempotency-Key": self._draw.choice((None, *SPOILED_KEYS[:4]))})

    def _tag(self, endpoint: Endpoint) -> Bad:
        return self._good(endpoint, headers={"If-Match": self._draw.choice((None, *SPOILED_TAGS, '"77"'))})

    def _media_type(self, endpoint: Endpoint) -> Bad:
        kind = self._draw.choice(("text/plain", "application/xml", "multipart/form-data; boundary=x", "*/*"))
        return self._good(endpoint, headers={"Content-Type": kind})

    def _body(self, endpoint: Endpoint) -> Bad:
        good = body_of(endpoint)
        raw = msgspec.json.encode(good)
        kinds: tuple[Callable[[], bytes], ...] = (
            lambda: raw[: self._draw.randrange(len(raw) - 1)],
            lambda: b"\xff" + self._draw.randbytes(self._draw.randrange(300)),
            lambda: b"[" * self._draw.randint(33, 5000),
            lambda: b'{"a":' * 33 + b"1" + b"}" * 33,
            lambda: msgspec.json.encode([good]),
            lambda: raw + b"{}",
            lambda: raw.decode().encode("utf-16"),
            lambda: b"null",
            lambda: b"\xef\xbb\xbf" + raw,
        )
        if self._draw.random() < 0.02:
            return self._good(endpoint, body=b" " * (MAX_BODY_BYTES + 1))
        return self._good(endpoint, body=self._draw.choice(kinds)())

    def _field(self, endpoint: Endpoint) -> Bad:
        good: dict[str, Any] = body_of(endpoint)
        body = dict(good)
        name = self._draw.choice(sorted(body)) if body else "noSuchField"
        body[name] = {"strange": self._draw.choice(STRANGE)}
        return self._good(endpoint, body=msgspec.json.encode(body))

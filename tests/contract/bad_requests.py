"""Draws requests that are bad for certain, as bytes: the method, the path, the headers, the query or the body."""

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from kopitra.protocol.endpoints import Access, Endpoint
from kopitra.protocol.limits import BASE_PATH, MAX_BODY_BYTES
from tests.fixtures.wire import request_bytes

NO_METHODS = ("PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "X-NO-SUCH")
STRANGE: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        -1,
        10**30,
        1e308,
        -0.0,
        "",
        "x" * 5000,
        "NaN",
        "1e999999",
        "１２",
        "\x00",
        "\u202e",
    ),
    *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:60Z", [], {}, [[[[]]]], {"$ref": "#"}, ["x"] * 50),
)
BAD_QUERIES = (
    "cursor=-1",
    "cursor=%D9%A3",
    "limit=1e3",
    "limit=0",
    "wait=26",
    "wait=-0.5",
    "limit=",
    "cursor=%00",
)
SPOILED_KEYS = ("", " ", "k" * 256, "a key", "sch\u00fcssel", "\t")

Headers = dict[str, str]


class Good:
    """A good request of an endpoint, but for one thing that the drawing spoils."""

    def __init__(self, endpoint: Endpoint, headers: Headers, body: dict[str, Any] | None) -> None:
        self.endpoint = endpoint
        self.path = (
            endpoint.path.replace("{runId}", "r-unknown")
            .replace("{sessionId}", "s-unknown")
            .replace("{proposalId}", "x-unknown")
            .replace("{subscriptionId}", "x-unknown")
        )
        self.headers = headers
        self.body = body


def bad_queries(endpoint: Endpoint) -> list[str]:
    """None for a route that takes any text there."""
    known = [query.name for query in endpoint.query]
    return [query for query in BAD_QUERIES if query.partition("=")[0] in known]


class BadRequests:
    """`draw` decides everything: one seed, one sequence of requests."""

    def __init__(self, goods: list[Good], draw: Random) -> None:
        self._goods = goods
        self._draw = draw

    def next(self) -> bytes:
        good = self._draw.choice(self._goods)
        endpoint = good.endpoint
        choices: list[Callable[[Good], bytes]] = [self._method, self._path]
        if endpoint.access is not Access.OPEN:
            choices += [self._account if endpoint.access is not Access.OPERATOR else self._token]
        if endpoint.access not in (Access.OPEN, Access.SECRET):
            choices.append(self._token)
        if endpoint.keyed:
            choices.append(self._key)
        if bad_queries(endpoint):
            choices.append(self._query)
        if good.body is not None:
            choices += [self._body, self._body, self._body, self._field, self._field, self._media_type]
        return self._draw.choice(choices)(good)

    def _send(self, good: Good, **changes: Any) -> bytes:
        method = changes.get("method", good.endpoint.method)
        headers = good.headers | changes.get("headers", {})
        if good.endpoint.keyed and "Idempotency-Key" not in changes.get("headers", {}):
            headers["Idempotency-Key"] = f"bad-{self._draw.getrandbits(64):x}"
        given = {name: value for name, value in headers.items() if value is not None}
        body = changes.get("body")
        if body is None and good.body is not None:
            body = msgspec.json.encode(good.body)
        if body is None and good.endpoint.keyed:
            body = b""
        return request_bytes(method, changes.get("path", good.path), given, body)

    def _method(self, good: Good) -> bytes:
        return self._send(good, method=self._draw.choice(NO_METHODS))

    def _path(self, good: Good) -> bytes:
        noise = "".join(self._draw.choice("abcXYZ019._~-%25%2F%00%C3%28;,@!") for _ in range(30))
        path = self._draw.choice(
            (
                f"/{noise}",
                f"{good.path}/",
                f"{good.path}/{noise}",
                f"/{good.path}",
                good.path.upper(),
                "/" + "a" * 3000,
            )
        )
        return self._send(good, path=path.replace("%", "%25"))

    def _account(self, good: Good) -> bytes:
        value = self._draw.choice(
            (None, "", "-dash", "n" * 65, "nobody at all", "J\u00fcrgen", "a/b", "stranger")
        )
        return self._send(good, headers={"X-TradeAgent-Account": value})

    def _token(self, good: Good) -> bytes:
        token = "".join(chr(self._draw.randrange(33, 127)) for _ in range(self._draw.randrange(1, 200)))
        value = self._draw.choice(
            (None, "", "Bearer", f"Bearer {token}", f"Basic {token}", f"Bearer {token}.a.b", token)
        )
        return self._send(good, headers={"Authorization": value})

    def _key(self, good: Good) -> bytes:
        return self._send(good, headers={"Idempotency-Key": self._draw.choice((None, *SPOILED_KEYS))})

    def _query(self, good: Good) -> bytes:
        return self._send(good, path=f"{good.path}?{self._draw.choice(bad_queries(good.endpoint))}")

    def _media_type(self, good: Good) -> bytes:
        kind = self._draw.choice(
            ("text/plain", "application/xml", "multipart/form-data; boundary=x", "json", "*/*")
        )
        return self._send(good, headers={"Content-Type": kind})

    def _body(self, good: Good) -> bytes:
        raw = msgspec.json.encode(good.body)
        kinds: tuple[Callable[[], bytes], ...] = (
            lambda: raw[: self._draw.randrange(len(raw) - 1)],
            lambda: b"\xff" + self._draw.randbytes(self._draw.randrange(300)),
            lambda: b"[" * self._draw.randint(33, 5000),
            lambda: b'{"a":' * 33 + b"1" + b"}" * 33,
            lambda: msgspec.json.encode([good.body]),
            lambda: raw + b"{}",
            lambda: raw.replace(b'"', b"'"),
            lambda: raw.decode().encode("utf-16"),
            lambda: b"null",
            lambda: b"\xef\xbb\xbf" + raw,
        )
        if self._draw.random() < 0.01:
            return self._send(good, body=b" " * (MAX_BODY_BYTES + 1))
        return self._send(good, body=self._draw.choice(kinds)())

    def _field(self, good: Good) -> bytes:
        assert good.body is not None
        body = dict(good.body)
        name = self._draw.choice(sorted(body))
        if self._draw.random() < 0.3:
            del body[name]
        else:
            body[name] = {"strange": self._draw.choice(STRANGE)}
        return self._send(good, body=msgspec.json.encode(body))


NOT_HTTP = (
    b"\r\n\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET\r\n\r\n",
    b"GET " + BASE_PATH.encode() + b"/health HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
    b"GET " + BASE_PATH.encode() + b"/health HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
    b"GET " + BASE_PATH.encode() + b"/health HTTP/1.1\r\n\r\n",
    b"POST " + BASE_PATH.encode() + b"/signals HTTP/1.1\r\nHost: a\r\nContent-Length: minus\r\n\r\n",
    b"POST "
    + BASE_PATH.encode()
    + b"/signals HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    b"POST "
    + BASE_PATH.encode()
    + b"/signals HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET " + BASE_PATH.encode() + b"/health HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
)
"""What no HTTP server reads: the connection ends, with or without a bare 400."""

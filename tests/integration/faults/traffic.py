"""Terminals that go on whatever happens: each repeats its request, with the same key, until somebody answers it.

What was asked and what was answered first is kept for the audit (`audit.py`).
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any

import msgspec

from tests.fixtures.wire import ANSWER_SECONDS, Answer, Dropped, Line, request_bytes
from tests.integration.faults.configuration import code_of

DEVICE = "terminal"
APPENDING = ("signal", "execution", "inbox")
"""Kinds of requests that always add to the journal: each answer's sequence is above the one before."""
PAUSE_SECONDS = 0.02
"""Before asking again, and between two requests of a worker: the machine has other work too."""


class Asked(msgspec.Struct, kw_only=True):
    """One keyed request. `marks` are what its content is known by in the journal (signal id, deal id, event ids)."""

    kind: str
    account: str
    path: str
    key: str
    body: bytes
    marks: tuple[str, ...]
    answer: Answer | None = None
    sent: int = 0
    """How often."""


class Traffic:
    """`ports` are the addresses to try, the likeliest first; `random` decides what is repeated and dropped."""

    def __init__(self, ports: Callable[[], Sequence[int]], random: Random) -> None:
        self.ports = ports
        self.random = random
        self.asked: list[Asked] = []
        self.in_flight = 0
        self.dropped_by_us = 0
        self.replays = 0
        self.drop_share = 0.0
        """Of keyed requests: sent, and hung up on without reading."""
        self.patience = ANSWER_SECONDS
        """Seconds after which a terminal hangs up and asks again."""
        self._keys = count(1)

    @property
    def answered(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.answer is not None]

    def highest_answered(self) -> int:
        return max((sequence_of(asked) for asked in self.answered), default=0)

    def next_key(self, account: str) -> str:
        return f"{account}-{next(self._keys)}"


class Terminal:
    """One worker of one account: a connection of its own, one request at a time."""

    def __init__(self, traffic: Traffic, account: str, secret: str = "", token: str = "") -> None:
        self.traffic = traffic
        self.account = account
        self.secret = secret
        self.token = token
        self._line = Line(0)
        self._turn = 0
        self._last_sequence = 0

    def beside(self) -> "Terminal":
        """Another worker of the same account and session."""
        return Terminal(self.traffic, self.account, self.secret, self.token)

    async def enrol_once_published(self) -> None:
        """The configuration comes by the queue: until it is taken, the code is unknown."""
        body = {"code": code_of(self.account), "deviceId": DEVICE}
        while (answer := await self.keyed("enrolment", "/enrolments", body, ())).status != 201:
            assert answer.status in (401, 429), answer
            await asyncio.sleep(PAUSE_SECONDS)
        self.secret = answer.json["secret"]

    async def open(self) -> Answer:
        body = {"secret": self.secret, "deviceId": DEVICE}
        answer = await self.keyed("session", "/sessions", body, (self.account,))
        assert answer.status == 201, answer
        self.token = answer.json["sessionToken"]
        return answer

    async def keyed(self, kind: str, path: str, body: object, marks: tuple[str, ...]) -> Answer:
        """The first answer to a new request."""
        asked = self.request(kind, path, body, marks)
        if self.traffic.random.random() < self.traffic.drop_share:
            await self._send_and_hang_up(asked)
        asked.answer = await self._until_answered(asked)
        if kind in APPENDING:
            assert sequence_of(asked) > self._last_sequence, f"sequences went back: {asked}"
            self._last_sequence = sequence_of(asked)
        return asked.answer

    def request(self, kind: str, path: str, body: object, marks: tuple[str, ...]) -> Asked:
        """A new request under a new key, not sent yet."""
        asked = Asked(
            kind=kind,
            account=self.account,
            path=path,
            key=self.traffic.next_key(self.account),
            body=msgspec.json.encode(body),
            marks=marks,
        )
        self.traffic.asked.append(asked)
        return asked

    async def once(self, asked: Asked) -> Answer:
        """Send it a single time and return the answer, whatever it is. Raises Dropped."""
        line = Line(self.traffic.ports()[0])
        asked.sent += 1
        try:
            return await line.ask(self._raw(asked))
        finally:
            line.hang_up()

    async def repeat(self, asked: Asked) -> None:
        """Ask again what was answered: the first answer comes again."""
        again = await self._until_answered(asked)
        assert asked.answer is not None
        assert (again.status, again.body) == (asked.answer.status, asked.answer.body), (asked, again)
        assert again.headers.get("idempotent-replayed") == "true", (asked, again)
        self.traffic.replays += 1

    async def repeat_any(self) -> None:
        """One of this account's earlier requests that did something."""
        mine = [asked for asked in self.traffic.asked if asked.account == self.account and _done(asked)]
        if mine:
            await self.repeat(self.traffic.random.choice(mine))

    async def poll(self, cursor: int, wait: int) -> dict[str, Any]:
        headers = {"X-TradeAgent-Account": self.account, "Authorization": f"Bearer {self.token}"}
        path = f"/sessions/current/outbox?cursor={cursor}&wait={wait}&limit=100"
        answer = await self._persist(request_bytes("GET", path, headers))
        assert answer.status == 200, answer
        return answer.json

    async def _until_answered(self, asked: Asked) -> Answer:
        return await self._persist(self._raw(asked), asked)

    async def _persist(self, raw: bytes, asked: Asked | None = None) -> Answer:
        while True:
            try:
                return await self._once(raw, asked)
            except Dropped:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _once(self, raw: bytes, asked: Asked | None) -> Answer:
        """Raises Dropped: nobody there, hung up, or not serving."""
        ports = self.traffic.ports()
        port = ports[self._turn % len(ports)] if ports else 0
        if port != self._line.port:
            self._line.hang_up()
            self._line = Line(port, self.traffic.patience)
        if asked is not None:
            asked.sent += 1
        self.traffic.in_flight += 1
        try:
            answer = await self._line.ask(raw)
        except Dropped:
            self._turn += 1
            raise
        finally:
            self.traffic.in_flight -= 1
        if answer.status == 503:
            assert answer.headers["content-type"] == "application/problem+json", answer
            self._turn += 1
            raise Dropped(answer.body.decode())
        return answer

    async def _send_and_hang_up(self, asked: Asked) -> None:
        """Let it be committed, perhaps, and never look at the answer."""
        ports = self.traffic.ports()
        if not ports:
            return
        line = Line(ports[self._turn % len(ports)])
        asked.sent += 1
        try:
            await line.send(self._raw(asked))
            await asyncio.sleep(self.traffic.random.choice((0, 0.002, 0.01, 0.05)))
        except OSError:
            return
        finally:
            line.hang_up()
        self.traffic.dropped_by_us += 1

    def _raw(self, asked: Asked) -> bytes:
        headers = {"X-TradeAgent-Account": self.account, "Idempotency-Key": asked.key}
        if asked.kind not in ("enrolment", "session"):
            headers["Authorization"] = f"Bearer {self.token}"
        return request_bytes("POST", asked.path, headers, asked.body)


def _done(asked: Asked) -> bool:
    return asked.answer is not None and asked.answer.status < 400


def sequence_of(asked: Asked) -> int:
    """The sequence that the first answer acknowledged, 0 where it named none."""
    assert asked.answer is not None
    found = asked.answer.json.get("sequence", 0)
    assert isinstance(found, int)
    return found


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

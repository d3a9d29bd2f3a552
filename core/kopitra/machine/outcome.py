"""What `decide` gives back: events and the figures of an answer, or a refusal that changes nothing."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from kopitra.domain.identifiers import RequestId
from kopitra.machine.events import AnyEvent
from kopitra.machine.readings import Readings


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Circumstances of a command: the time (aware UTC), who asks, and what is known in memory."""

    now: datetime
    readings: Readings
    request_id: RequestId | None = None
    actor: str | None = None


class Decision(msgspec.Struct, frozen=True):
    """`events` may be empty: then nothing changes. `answer` holds what the reply needs beside the sequence."""

    events: tuple[AnyEvent, ...] = ()
    answer: Mapping[str, object] = {}


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An expected no: HTTP status, stable code, a sentence, and members for the problem document."""

    status: int
    code: str
    detail: str
    members: Mapping[str, object] = {}


Result = Decision | Refusal

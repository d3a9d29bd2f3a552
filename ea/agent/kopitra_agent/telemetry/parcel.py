"""Something to post to the inbox that a newer one replaces: sent once, made anew when it got lost."""

from collections.abc import Callable, Sequence

import msgspec

from kopitra.protocol.events import InboxType
from kopitra.protocol.messages import InboxEvent, InboxRequest

INBOX_PATH = "/sessions/current/inbox"


class Parcel(msgspec.Struct, frozen=True):
    """`bodies` are posted in order until one fails; `done` is told whether all were accepted."""

    bodies: Sequence[bytes]
    done: Callable[[bool], None]


def inbox_event(kind: InboxType, payload: msgspec.Struct) -> InboxEvent:
    return InboxEvent(event_type=kind.value, payload=msgspec.Raw(msgspec.json.encode(payload)))


def inbox_body(events: Sequence[InboxEvent]) -> bytes:
    return msgspec.json.encode(InboxRequest(events=list(events)))

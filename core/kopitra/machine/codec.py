"""Events as bytes of the journal: one byte of schema version, then MessagePack.

An event that an earlier version wrote is lifted, one version at a time, by functions on plain values; so the machine
itself knows only today's events.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from kopitra.machine.events import Recorded

SCHEMA_VERSION = 1
"""Raise it with every change of an event that today's types cannot read, and add what lifts the one before."""
LAST_VERSION = 255
"""What one byte holds."""

Upcaster = Callable[[list[Any]], list[Any]]
"""Takes a `Recorded` as plain values (a list; the event is a dict with its type at "t") and returns it in the next
version's shape."""

UPCASTERS: Mapping[int, Upcaster] = MappingProxyType({})
"""Schema version → what makes the next version of it."""


class FrameUnreadable(Exception):
    """The bytes are no event of a version that this release knows."""


class EventCodec:
    """Recorded events ↔ bytes, in `version`, reading every older one that `upcasters` can lift."""

    def __init__(self, version: int = SCHEMA_VERSION, upcasters: Mapping[int, Upcaster] = UPCASTERS) -> None:
        if not 0 <= version <= LAST_VERSION:
            raise ValueError(f"schema versions go from 0 to {LAST_VERSION}")
        self._version = version
        self._prefix = bytes((version,))
        self._upcasters = upcasters
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Recorded)

    def encode(self, recorded: Recorded) -> bytes:
        return self._prefix + self._encoder.encode(recorded)

    def decode(self, data: bytes) -> Recorded:
        """Raises FrameUnreadable."""
        if not data:
            raise FrameUnreadable("an empty frame holds no event")
        body = memoryview(data)[1:]
        try:
            return self._decoder.decode(body if data[0] == self._version else self._lift(data[0], body))
        except msgspec.DecodeError as error:
            raise FrameUnreadable(f"no event of schema version {data[0]}: {error}") from error

    def _lift(self, version: int, body: memoryview) -> bytes:
        if version > self._version:
            raise FrameUnreadable(f"schema version {version} is newer than this release's {self._version}")
        plain = msgspec.msgpack.decode(body)
        for step in range(version, self._version):
            if step not in self._upcasters:
                raise FrameUnreadable(f"nothing lifts schema version {step}")
            plain = self._upcasters[step](plain)
        return self._encoder.encode(plain)


EVENTS = EventCodec()
"""Today's codec."""

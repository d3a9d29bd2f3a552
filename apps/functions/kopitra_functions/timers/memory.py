"""What a timer knows from its last round, in a blob: it may run in another process each time."""

from typing import Generic, TypeVar

import msgspec

from kopitra.application.ports.blobs import BlobNotFound, Blobs

T = TypeVar("T", bound=msgspec.Struct)
FOLDER = "management/timers"


class Memory(Generic[T]):
    """One timer's notes. What cannot be read counts as forgotten: no timer may stop over its own notes. What has not
    changed is not written."""

    def __init__(self, blobs: Blobs, name: str, kind: type[T]) -> None:
        self._blobs = blobs
        self._name = f"{FOLDER}/{name}.json"
        self._kind = kind
        self._known = b""

    async def recall(self) -> T:
        try:
            self._known = await self._blobs.get(self._name)
            return msgspec.json.decode(self._known, type=self._kind)
        except (BlobNotFound, msgspec.MsgspecError):
            return self._kind()

    async def keep(self, notes: T) -> None:
        content = msgspec.json.encode(notes)
        if content != self._known:
            await self._blobs.put(self._name, content, content_type="application/json")
            self._known = content

"""What a timer knows from its last round, in a blob: it may run in another process each time."""

from typing import Generic, TypeVar

import msgspec

from kopitra.application.ports.blobs import BlobNotFound, Blobs

T = TypeVar("T", bound=msgspec.Struct)
FOLDER = "management/timers"


class Memory(Generic[T]):
    """One timer's notes. What cannot be read counts as forgotten: no timer may stop over its own notes."""

    def __init__(self, blobs: Blobs, name: str, kind: type[T]) -> None:
        self._blobs = blobs
        self._name = f"{FOLDER}/{name}.json"
        self._kind = kind

    async def recall(self) -> T:
        try:
            return msgspec.json.decode(await self._blobs.get(self._name), type=self._kind)
        except (BlobNotFound, msgspec.MsgspecError):
            return self._kind()

    async def keep(self, notes: T) -> None:
        await self._blobs.put(self._name, msgspec.json.encode(notes), content_type="application/json")

"""Named byte objects in memory; what they hold outlives a simulated crash."""

from collections.abc import AsyncIterator

from kopitra.application.ports.blobs import BlobImmutable, BlobInfo, BlobNotFound
from kopitra.application.ports.timing import Clock


class MemoryBlobs:
    """Implements the Blobs port."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.contents: dict[str, bytes] = {}
        self._about: dict[str, BlobInfo] = {}

    async def put(
        self,
        name: str,
        content: bytes,
        *,
        content_type: str = "application/octet-stream",
        immutable: bool = False,
    ) -> None:
        known = self._about.get(name)
        if known is not None and known.immutable and self.contents[name] != content:
            raise BlobImmutable(f"{name} was written once and for all")
        self.contents[name] = content
        self._about[name] = BlobInfo(
            name=name,
            size=len(content),
            content_type=content_type,
            modified_at=self._clock.now(),
            immutable=immutable,
        )

    async def get(self, name: str) -> bytes:
        if name not in self.contents:
            raise BlobNotFound(f"there is no blob {name}")
        return self.contents[name]

    async def find(self, name: str) -> BlobInfo | None:
        return self._about.get(name)

    async def under(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        for name in sorted(n for n in self._about if n.startswith(prefix)):
            yield self._about[name]

    async def delete(self, name: str) -> bool:
        known = self._about.pop(name, None)
        if known is not None and known.immutable:
            self._about[name] = known
            raise BlobImmutable(f"{name} was written once and for all")
        self.contents.pop(name, None)
        return known is not None

    async def close(self) -> None:
        """Nothing to let go of."""

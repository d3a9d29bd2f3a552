"""Named byte objects: snapshots, sealed segments, audit bundles, EA logs and reports."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

import msgspec

BLOB_NAME_LENGTH = 512
"""Half of Azure's 1,024, so that a container or folder prefix never makes a name too long."""


class BlobInfo(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    size: int
    """Bytes."""
    content_type: str
    modified_at: datetime
    """Aware UTC."""
    immutable: bool


class BlobError(Exception):
    """What a blob store refuses or cannot do."""

    code = "blob_error"


class BlobNotFound(BlobError):
    """No blob has this name."""

    code = "blob_not_found"


class BlobImmutable(BlobError):
    """The blob was put as immutable: it is neither replaced by other content nor deleted."""

    code = "blob_immutable"


class BlobNameInvalid(BlobError):
    """Names are slash-separated parts of letters, digits and `. _ - =`, none starting with a dot; at most
    `BLOB_NAME_LENGTH` characters, so that every file system and Azure take them alike."""

    code = "blob_name_invalid"


class BlobsUnavailable(BlobError):
    """The storage cannot be reached or refuses; whether a put happened is then unknown, and it may be repeated."""

    code = "blobs_unavailable"


class Blobs(Protocol):
    """Puts are atomic: a reader sees the old content or the new, whole, also after a crash."""

    async def put(
        self,
        name: str,
        content: bytes,
        *,
        content_type: str = "application/octet-stream",
        immutable: bool = False,
    ) -> None:
        """Write or replace. `immutable` blobs are written once: the same content again is fine, other content raises
        `BlobImmutable`. Raises `BlobNameInvalid`, `BlobsUnavailable`."""
        ...

    async def get(self, name: str) -> bytes:
        """Raises `BlobNotFound`, `BlobsUnavailable`."""
        ...

    async def find(self, name: str) -> BlobInfo | None: ...

    def under(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """Blobs whose name starts with `prefix`, by name ascending."""
        ...

    async def delete(self, name: str) -> bool:
        """Whether there was one. Raises `BlobImmutable`."""
        ...

    async def close(self) -> None: ...

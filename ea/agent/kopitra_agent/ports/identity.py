"""Fresh ids, and bytes for jitter."""

from typing import Protocol


class IdSource(Protocol):
    def new(self) -> str:
        """An id never given before, of visible ASCII, at most 64 characters."""
        ...

    def token_bytes(self, count: int) -> bytes: ...

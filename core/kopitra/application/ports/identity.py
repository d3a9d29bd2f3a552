"""Fresh ids and secret bytes. Ids that identify a decision are derived instead: `kopitra.domain.identifiers`."""

from typing import Protocol


class IdSource(Protocol):
    def new(self) -> str:
        """An id never given before: 32 lower-case hexadecimal characters."""
        ...

    def token_bytes(self, count: int) -> bytes:
        """`count` bytes that nobody can guess; keys, nonces and secrets come from here."""
        ...

"""Secrets of devices, kept as memory-hard hashes."""

from typing import Protocol


class SecretHashes(Protocol):
    async def hash(self, secret: str) -> str:
        """A salted hash that says by itself how it was made."""
        ...

    async def verify(self, secret_hash: str, secret: str) -> bool:
        """Takes as long for a wrong secret as for the right one."""
        ...

    @property
    def decoy(self) -> str:
        """A hash of nobody's secret, to spend the same time on accounts that do not exist."""
        ...

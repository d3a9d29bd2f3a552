"""Secrets hashed by argon2id, off the event loop.

Every secret is minted by the service with 256 random bits, so no hash needs to slow guessing down; memory-hardness
is a second line for a stolen journal. What must be fast is a thousand terminals that come back after a restart: 4 MiB
and one pass take about 2 ms of one core, so a thousand take 2 s of CPU beside the event loop
(docs/decisions/0063).
"""

import asyncio
from concurrent.futures import Executor

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

MEMORY_KIB = 4 * 1024
PASSES = 1
LANES = 1
"""One lane: a thread each, and the executor decides how many run at once."""
DECOY_SECRET = "no device has this secret"


class Argon2Hashes:
    """`executor` runs the hashing; argon2 releases the GIL, so threads are enough."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._argon2 = PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID
        )
        self._decoy = self._argon2.hash(DECOY_SECRET)

    @property
    def decoy(self) -> str:
        return self._decoy

    async def hash(self, secret: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._argon2.hash, secret)

    async def verify(self, secret_hash: str, secret: str) -> bool:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._matches, secret_hash, secret)

    def _matches(self, secret_hash: str, secret: str) -> bool:
        try:
            return self._argon2.verify(secret_hash, secret)
        except (VerificationError, InvalidHashError):
            return False

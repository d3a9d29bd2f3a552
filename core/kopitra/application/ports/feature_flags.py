"""What may be switched on and off while a service runs."""

from typing import Protocol

import msgspec

from kopitra.application.ports.telemetry import Service

REFRESH_SECONDS = 60.0
"""How soon a flag that was switched takes effect. A request each time, and Azure's free tier takes 1,000 a day from all
readers together: it needs 300 (a setting of each app). The counterparty then asks 288 times a day, as does its staging
slot; the management side asks where something hangs on a flag, and each of its processes no oftener."""


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """`default`: where nobody has said anything. `gates`: what it takes away when it is off."""

    name: str
    default: bool
    gates: str
    read_by: tuple[Service, ...]


class FeatureFlags(Protocol):
    def enabled(self, flag: Flag) -> bool:
        """What is known at the moment; never waits, never fails."""
        ...

    async def recall(self) -> None:
        """Until something is read, what was known last holds, by whichever process. Never fails."""
        ...

    async def look(self) -> None:
        """Read anew what is known for longer than an interval; for processes that seldom ask. Never fails."""
        ...

    async def run(self) -> None:
        """Keep it known, until cancelled. Returns at once where nothing can change."""
        ...

    async def close(self) -> None: ...


class AsDeclared:
    """Every flag at its default, for ever."""

    def enabled(self, flag: Flag) -> bool:
        return flag.default

    async def recall(self) -> None:
        return None

    async def look(self) -> None:
        return None

    async def run(self) -> None:
        return None

    async def close(self) -> None:
        return None


AS_DECLARED = AsDeclared()

"""What may be switched on and off while a service runs."""

from typing import Protocol

import msgspec

from kopitra.application.ports.telemetry import Service

REFRESH_SECONDS = 60.0
"""How soon a flag that was switched takes effect. A request each time: Azure's free tier, which takes 1,000 a day from
all readers together, needs 300 (a setting of each app)."""


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

    async def run(self) -> None:
        """Keep it known, until cancelled. Returns at once where nothing can change."""
        ...

    async def close(self) -> None: ...


class AsDeclared:
    """Every flag at its default, for ever."""

    def enabled(self, flag: Flag) -> bool:
        return flag.default

    async def run(self) -> None:
        return None

    async def close(self) -> None:
        return None


AS_DECLARED = AsDeclared()

"""The key that wraps data keys: a port; `adapters.key_file` and `adapters.key_vault` have one."""

from typing import Protocol

import msgspec


class Wrapped(msgspec.Struct, frozen=True):
    """A data key that only the wrapping key `key_id` (with its version) opens."""

    key_id: str
    data_key: bytes


class WrappingKeyUnavailable(Exception):
    """The vault does not answer or does not let us; the same call may do later. Says nothing of the sealed."""

    code = "wrapping_key_unavailable"


class WrappingKeyUnknown(Exception):
    """This key never wrapped that, or it is gone for good."""

    code = "wrapping_key_unknown"


class WrappingKey(Protocol):
    async def current(self) -> str:
        """The id by which `wrap` wraps now. Raises WrappingKeyUnavailable."""
        ...

    async def wrap(self, data_key: bytes) -> Wrapped:
        """Raises WrappingKeyUnavailable."""
        ...

    async def unwrap(self, wrapped: Wrapped) -> bytes:
        """Also what an earlier version wrapped. Raises WrappingKeyUnavailable, WrappingKeyUnknown."""
        ...

    async def close(self) -> None: ...

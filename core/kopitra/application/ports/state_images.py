"""An image of the state as it is at this instant, encoded while the state goes on changing."""

from collections.abc import Awaitable, Callable
from typing import Protocol


class ImageFailed(Exception):
    """The image could not be made; the state itself is untouched, and the next attempt may work."""


class StateImages(Protocol):
    def take(self, encode: Callable[[], bytes]) -> Awaitable[bytes]:
        """What `encode()` gives for the state at the time of the call (not of the await). Raises ImageFailed."""
        ...

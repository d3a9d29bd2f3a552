"""When the whole book is told: at the start, on request, when the line came back, and now and then when it changed."""

from collections.abc import Awaitable, Callable

from kopitra_agent.ports.identity import IdSource
from kopitra_agent.ports.timing import Clock
from kopitra_agent.telemetry.parcel import Parcel
from kopitra_agent.telemetry.positions import BookView, snapshot_bodies

CHANGED_SECONDS = 30.0
CONFIRM_SECONDS = 6.0
"""Absence counts only when two snapshots at least 5 s apart agree: a changed one is followed by a second."""
RETRY_SECONDS = 1.0


class Snapshots:
    """`view` gives the book of one moment, or None while there is none to be had."""

    def __init__(self, view: Callable[[], Awaitable[BookView | None]], clock: Clock, ids: IdSource) -> None:
        self._view = view
        self._clock = clock
        self._ids = ids
        self._due_at = clock.monotonic()
        self._sent: tuple[object, ...] | None = None
        self._forced = True
        self._confirming = False
        self._doubted = False
        self._requests = 0

    def request(self) -> None:
        """Tell the book as soon as possible, changed or not."""
        self._requests += 1
        self._forced = True
        self._due_at = self._clock.monotonic()

    def doubt(self) -> None:
        """Something may or may not be in the book: tell it now, and once more when absence counts."""
        self._doubted = True
        self.request()

    def due_in(self) -> float:
        return max(self._due_at - self._clock.monotonic(), 0.0)

    async def parcel(self) -> Parcel | None:
        """All parts of a snapshot, if one is due. Raises TerminalUnavailable."""
        self._due_at = self._clock.monotonic() + RETRY_SECONDS
        requests = self._requests
        view = await self._view()
        if view is None:
            return None
        content = view.content()
        if content == self._sent and not self._forced:
            self._due_at = self._clock.monotonic() + CHANGED_SECONDS
            return None
        bodies = snapshot_bodies(view, self._ids.new())
        return Parcel(bodies, lambda accepted: self._done(content, requests, accepted))

    def _done(self, content: tuple[object, ...], requests: int, accepted: bool) -> None:
        if not accepted:
            self._forced = True
            self._due_at = self._clock.monotonic() + RETRY_SECONDS
            return
        changed = content != self._sent or self._doubted
        self._sent, self._doubted = content, False
        self._confirming = changed and not self._confirming
        self._forced = changed  # what changed is confirmed by a second snapshot
        self._due_at = self._clock.monotonic() + (CONFIRM_SECONDS if self._confirming else CHANGED_SECONDS)
        if requests != self._requests:
            self._forced = True
            self._due_at = self._clock.monotonic()

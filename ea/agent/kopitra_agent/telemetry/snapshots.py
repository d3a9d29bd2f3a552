"""When the whole book is told: at the start, on request, when the line came back, and now and then when it changed."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from kopitra_agent.ports.identity import IdSource
from kopitra_agent.ports.timing import Clock
from kopitra_agent.telemetry.parcel import Parcel
from kopitra_agent.telemetry.positions import BookView, snapshot_bodies

CHANGED_SECONDS = 30.0
CONFIRM_SECONDS = 6.0
"""Absence counts only when two snapshots at least 5 s apart agree: a changed one is followed by a second."""
UNCHANGED_SECONDS = 300.0
"""A book that does not change is told as well: it may not be what the counterparty wants it to be."""
RETRY_SECONDS = 1.0
MOST_REPEATS = 10
"""Of a doubt that no snapshot speaks of: after a minute, the book is told as often as any other."""


class Owed(NamedTuple):
    """A second telling, on the monotonic clock: a snapshot taken at `counts_from` or later is one, and it is made at
    `due_at` if there was none."""

    counts_from: float
    due_at: float


class Confirmations:
    """What was told of the book and is to be told once more. Whatever is told before its time puts nothing off."""

    def __init__(self) -> None:
        self._owed: list[Owed] = []

    @property
    def due_at(self) -> float | None:
        return min((owed.due_at for owed in self._owed), default=None)

    def is_due(self, now: float) -> bool:
        return self.due_at is not None and now >= self.due_at

    def told(self, taken_at: float, now: float, changed: bool, doubted: bool) -> None:
        """A snapshot was taken at the one moment and accepted at the other. What changed in a confirmation is
        confirmed later: a book that changes all the time is not told all the time."""
        kept = [owed for owed in self._owed if taken_at >= owed.counts_from]
        self._owed = [owed for owed in self._owed if taken_at < owed.counts_from]
        if not (changed or doubted):
            return
        counts_from = now + CONFIRM_SECONDS
        at_leisure = not doubted and any(owed.due_at == owed.counts_from for owed in kept)
        self._owed.append(Owed(counts_from, now + CHANGED_SECONDS if at_leisure else counts_from))


class Snapshots:
    """`view` gives the book of one moment, or None while there is none to be had."""

    def __init__(self, view: Callable[[], Awaitable[BookView | None]], clock: Clock, ids: IdSource) -> None:
        self._view = view
        self._clock = clock
        self._ids = ids
        self._due_at = clock.monotonic()
        self._sent: tuple[object, ...] | None = None
        self._sent_at = clock.monotonic()
        self._forced = True
        self._confirmations = Confirmations()
        self._requests = 0
        self._doubts = 0
        self._doubts_told = 0
        self._doubted_through = 0
        self._repeats = 0
        """How often the doubts are told once more, at most: no snapshot has spoken of them yet."""

    def request(self) -> None:
        """Tell the book as soon as possible, changed or not."""
        self._requests += 1
        self._forced = True
        self._due_at = self._clock.monotonic()

    def doubt(self, through: int = 0) -> None:
        """Something may or may not be in the book: tell it now, and once more when absence counts; again, until a
        snapshot has everything up to the outbox sequence `through`, for it proves nothing of what comes after."""
        self._doubts += 1
        self._doubted_through = max(self._doubted_through, through)
        self._repeats = MOST_REPEATS
        self.request()

    def due_in(self) -> float:
        return max(self._due_at - self._clock.monotonic(), 0.0)

    async def parcel(self) -> Parcel | None:
        """All parts of a snapshot, if one is due. Raises TerminalUnavailable."""
        taken_at = self._clock.monotonic()
        self._due_at = taken_at + RETRY_SECONDS
        requests, doubts, through = self._requests, self._doubts, self._doubted_through
        view = await self._view()
        if view is None:
            return None
        content = view.content()
        if content == self._sent and not self._is_due(taken_at):
            self._rest()
            return None
        bodies = snapshot_bodies(view, self._ids.new())

        def done(accepted: bool) -> None:
            if not accepted:
                self._forced = True
                self._due_at = self._clock.monotonic() + RETRY_SECONDS
                return
            doubted = doubts > self._doubts_told or self._repeats > 0
            changed = content != self._sent
            if doubts == self._doubts:
                self._repeats = 0 if view.applied_through >= through else max(self._repeats - 1, 0)
            self._confirmations.told(taken_at, self._clock.monotonic(), changed, doubted)
            self._sent, self._sent_at, self._doubts_told = content, taken_at, doubts
            self._forced = requests != self._requests
            self._rest()

        return Parcel(bodies, done)

    def _is_due(self, now: float) -> bool:
        """Whether the book is told though it is what it was."""
        return self._forced or self._confirmations.is_due(now) or now - self._sent_at >= UNCHANGED_SECONDS

    def _rest(self) -> None:
        """Nothing to tell until the book changed or is to be confirmed, or what was asked for meanwhile is due."""
        now = self._clock.monotonic()
        later = now + CHANGED_SECONDS
        confirm_at = self._confirmations.due_at
        self._due_at = now if self._forced else later if confirm_at is None else min(later, confirm_at)

"""Table journals whose requests and answers get lost on demand."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from tests.conformance.journal_stores import JournalStore


class Faults(Protocol):
    lose_answers: int
    lose_requests: int


class FaultyStore(msgspec.Struct, frozen=True):
    store: JournalStore
    faults: Callable[[], Faults]
    """Of the instance that was opened last."""

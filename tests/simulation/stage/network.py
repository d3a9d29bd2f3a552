"""What the network does to one exchange between an agent and the counterparty."""

from enum import StrEnum
from itertools import pairwise

import msgspec

from kopitra.simulation.draws import PER_MILLE, SeededDraws
from tests.simulation.stage.shuffling import Shuffler

LEAST_MS, MOST_MS = 1, 9
"""A quiet network, one way."""
MILLISECONDS = 1000
REMEMBERED_CALLS = 12
"""A silence ends with a call; what is decided in the moments after it may still rest on it."""
NOTEWORTHY_SECONDS = 0.1


class Fate(StrEnum):
    ARRIVES = "arrives"
    REFUSED = "request_refused"
    """Nobody listens: certainly not received."""
    LOST = "request_lost"
    """Into the void; the agent notices at its time-out."""
    RESET = "request_reset"
    """The connection breaks before the request arrives; the agent cannot know that it did not."""
    LATE = "request_late"
    """Overtaken by what is sent later, perhaps long after its sender gave up."""
    TWICE = "request_twice"
    """Arrives, and again some time later; the second answer goes nowhere."""
    ANSWER_LOST = "answer_lost"
    ANSWER_LATE = "answer_late"


class Storm(msgspec.Struct):
    """From now until `ends` (monotonic seconds) `per_mille` of the exchanges of these accounts (none named: of all)
    meet one of these fates."""

    ends: float
    per_mille: int
    fates: tuple[Fate, ...]
    draws: SeededDraws
    accounts: frozenset[str] = frozenset()

    def strikes(self, account: str, now: float) -> Fate | None:
        if now >= self.ends or (self.accounts and account not in self.accounts):
            return None
        if self.draws.below(PER_MILLE) >= self.per_mille:
            return None
        return self.fates[self.draws.below(len(self.fates))]


class Network:
    def __init__(self, draws: SeededDraws) -> None:
        self.storms: list[Storm] = []
        self.shuffler = Shuffler()
        self.slowest: dict[str, float] = {}
        """By account, in seconds: the longest that anything of it was on its way."""
        self._calls: dict[str, list[float]] = {}
        """By account: when its last calls arrived."""
        self._draws = draws
        self._sent: dict[str, int] = {}
        self._arrived: dict[tuple[str, str], int] = {}

    def fate(self, account: str, now: float) -> tuple[Fate, Storm | None]:
        """Of an exchange that begins now."""
        if self.storms:
            self.storms = [storm for storm in self.storms if storm.ends > now]
            for storm in self.storms:
                fate = storm.strikes(account, now)
                if fate is not None:
                    return fate, storm
        return Fate.ARRIVES, None

    def took(self, account: str, seconds: float) -> None:
        if seconds > self.slowest.get(account, NOTEWORTHY_SECONDS):
            self.slowest[account] = seconds

    def note_call(self, account: str, now: float) -> None:
        """A call of an account arrives."""
        calls = self._calls.setdefault(account, [now])
        calls.append(now)
        del calls[:-REMEMBERED_CALLS]

    def silence(self, account: str) -> float:
        """The longest pause between its last calls, in seconds."""
        calls = self._calls.get(account, [])
        return max((later - sooner for sooner, later in pairwise(calls)), default=0.0)

    def sends(self, account: str) -> int:
        """The number of the request that leaves now."""
        number = self._sent[account] = self._sent.get(account, 0) + 1
        return number

    def overtaken(self, account: str, way: str, number: int) -> bool:
        """Whether what arrives now was sent before something that has arrived; `way`: there or back."""
        latest = self._arrived.get((account, way), 0)
        self._arrived[account, way] = max(number, latest)
        return number < latest

    def latency(self) -> float:
        """Seconds, one way."""
        return self._draws.between(LEAST_MS, MOST_MS) / MILLISECONDS

    def calm(self) -> None:
        self.storms.clear()
        self.shuffler.calm()

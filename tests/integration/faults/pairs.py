"""Two supervised counterparties on one journal, the failures that are done to them, and who served when."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random

import msgspec

from kopitra.application.ports.journal import LEASE_SECONDS
from tests.integration.faults.lives import LOOK_SECONDS, START_SECONDS, Life

STOPPED_SECONDS = LEASE_SECONDS + 1.5
"""Longer than any lease: whoever is stopped for so long has lost the shard, unless nobody else was there."""


PATIENCE_SECONDS = 8.0
"""How much longer the other one may take to begin, on a loaded machine."""


class Term(msgspec.Struct, frozen=True):
    """One instance's time as the writer, by its own log."""

    epoch: int
    name: str
    begun: datetime


class Pair:
    """A supervisor starts whoever was killed again at once."""

    def __init__(self, lives: Sequence[Life], random: Random) -> None:
        self.lives = lives
        self.random = random
        self.failures: list[str] = []

    async def start(self) -> None:
        for life in self.lives:
            life.start()
        for life in self.lives:
            await life.listening()
        await self._served_after(0)

    def ports(self) -> list[int]:
        """Of the one that serves, as far as is known, and of the other."""
        terms = self.terms()
        first = self._named(terms[-1].name) if terms else self.lives[0]
        return [life.port for life in sorted(self.lives, key=lambda life: life is not first)]

    def terms(self) -> list[Term]:
        """Every epoch that somebody served, oldest first."""
        terms: dict[int, Term] = {}
        for life in self.lives:
            for line in life.all_lines():
                if line.get("event") == "serving":
                    term = Term(line["epoch"], life.name, datetime.fromisoformat(line["at"]))
                    assert terms.setdefault(term.epoch, term).name == life.name, "two served one epoch"
        return [terms[epoch] for epoch in sorted(terms)]

    async def fail(self, kind: str) -> None:
        """`kill` or `stop`, of the `holder` or the `idle` one; returns once both are up. A killed holder has been
        replaced by then; so has a stopped one, unless it was stopped inside a transaction on a file."""
        self.failures.append(kind)
        how, whom = kind.split()
        epoch = self.terms()[-1].epoch
        holder = self._named(self.terms()[-1].name)
        victim = holder if whom == "holder" else next(life for life in self.lives if life is not holder)
        if how == "kill":
            victim.kill()
            victim.start()
            await victim.listening()
            if whom == "holder":
                await self._served_after(epoch)
            return
        victim.signal(signal.SIGSTOP)
        await asyncio.sleep(STOPPED_SECONDS)
        if whom == "holder":
            with suppress(TimeoutError):  # stopped inside a transaction, it keeps the lock of SQLite's file
                await self._served_after(epoch, PATIENCE_SECONDS)
        victim.signal(signal.SIGCONT)

    async def _served_after(self, epoch: int, patience: float = START_SECONDS) -> None:
        async with asyncio.timeout(patience):
            while not any(term.epoch > epoch for term in self.terms()):  # noqa: ASYNC110  # it is another process
                await asyncio.sleep(LOOK_SECONDS * 5)

    def _named(self, name: str) -> Life:
        return next(life for life in self.lives if life.name == name)

    def close(self) -> None:
        for life in self.lives:
            life.close()


def may_have_served(name: str, at: datetime, terms: Sequence[Term]) -> bool:
    """Whether that instance was the writer at that time: from the beginning of a term of its own to the next term."""
    ends = [*(term.begun for term in terms[1:]), at]
    slack = timedelta(milliseconds=50)
    """`serverTime` has milliseconds, and the log line follows the first answers."""
    return any(
        term.name == name and term.begun - slack <= at <= end + timedelta(milliseconds=1)
        for term, end in zip(terms, ends, strict=True)
    )

"""What must hold even where copies expire: nothing doubled, nothing left behind, nothing missing without a reason."""

from collections import Counter

import msgspec

from kopitra.domain.identifiers import AccountId
from kopitra_cli.demo.cast import Follower
from kopitra_cli.demo.expectation import expectation_for
from kopitra_cli.demo.leader_story import LeaderStory, leader_story
from kopitra_cli.demo.verdict import Evidence
from kopitra_cli.oracle import Expectation

EXPLAINED = frozenset({"expired", "superseded", "closed_before_open"})
"""Why an open may be missing. The last two: its close was planned before the open was sent, so neither was."""


class FollowerInvariants(msgspec.Struct, frozen=True, kw_only=True):
    """`missing`: recorded reasons of copies that the oracle expects and the follower does not have."""

    account: AccountId
    copies: int
    missing: dict[str, int]
    complaints: tuple[str, ...]


def check_invariants(evidence: Evidence) -> tuple[FollowerInvariants, ...]:
    """By the brokers' own records; the reasons from the journal."""
    leader = evidence.cast.leader
    led = leader_story(evidence.timeline, leader, evidence.stories[leader.account])
    return tuple(_Checking(evidence, led, follower).outcome() for follower in evidence.cast.followers)


class _Checking:
    def __init__(self, evidence: Evidence, led: LeaderStory, follower: Follower) -> None:
        self._led = led
        self._name = follower.account
        self._story = evidence.stories[follower.account]
        self._record = evidence.record
        magics = evidence.record.magics[follower.account]
        self._names = {magic: led.names[ref] for magic, ref in magics.items() if ref in led.names}
        self._expectation: Expectation = expectation_for(
            evidence.timeline,
            evidence.cast.leader,
            led,
            follower,
            self._story,
            magics,
            evidence.record.openings[follower.account],
            evidence.joined_at.get(follower.account),
        )

    def outcome(self) -> FollowerInvariants:
        opened = Counter(self._names.get(deed.magic, "") for deed in self._story.deeds if deed.opens)
        missing = Counter(self._fate(name) for name in self._expectation.steps if not opened[name])
        return FollowerInvariants(
            account=self._name,
            copies=sum(opened.values()),
            missing=dict(missing),
            complaints=(*self._doubled(opened), *self._left_behind(), *self._unexplained(opened)),
        )

    def _doubled(self, opened: Counter[str]) -> list[str]:
        return [
            f"{self._name}, position {name}: opened {count} times"
            if name
            else f"{self._name}: {count} trades belong to no position of the leader"
            for name, count in opened.items()
            if count > 1 or not name
        ]

    def _left_behind(self) -> list[str]:
        """Every close was done, and what is open is exactly what the leader's own position asks for."""
        told: list[str] = []
        book = self._expectation.book
        for held in (*self._story.positions, *self._story.orders):
            name = self._names.get(held.magic, "")
            wanted = book.get(name)
            found = f"{held.side} {held.symbol} {held.volume}"
            if wanted is None:
                told.append(
                    f"{self._name}, position {name or 'unknown'}: {found} is left open, its leader's is closed"
                )
            elif (wanted.side, wanted.symbol, wanted.volume) != (held.side.value, held.symbol, held.volume):
                expected = f"{wanted.side} {wanted.symbol} {wanted.volume}"
                told.append(f"{self._name}, position {name}: {found} is open, expected {expected}")
        return told

    def _unexplained(self, opened: Counter[str]) -> list[str]:
        return [
            f"{self._name}, position {name}: never opened, recorded as {self._fate(name)}"
            for name in self._expectation.steps
            if not opened[name] and self._fate(name) not in EXPLAINED
        ]

    def _fate(self, name: str) -> str:
        fates = self._record.fates[self._name]
        return next((why for ref, why in fates.items() if self._led.names.get(ref) == name), "nothing")

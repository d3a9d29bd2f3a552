"""The judgement: what each follower should have done by the oracle, against what its broker says that it did."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import AccountId, PositionRef
from kopitra.simulation.timeline import Action, Timeline
from kopitra_cli.demo.broker_story import BrokerStory, Deed, MarketDeed
from kopitra_cli.demo.cast import Cast, Follower
from kopitra_cli.demo.expectation import expectation_for
from kopitra_cli.demo.figures import stale_figures
from kopitra_cli.demo.leader_story import HAPPENS_TO_POSITIONS, LeaderStory, leader_story
from kopitra_cli.demo.platform_record import PlatformRecord
from kopitra_cli.oracle import Expectation, Held, Step, differences

MILLISECONDS = 1000
LED_BY = {
    "open": (Action.OPEN,),
    "partial_close": (Action.PARTIAL_CLOSE, Action.CLOSE),
    "close": (Action.CLOSE, Action.PARTIAL_CLOSE),
}
"""Which of the leader's deals a follower's deal answers."""

Steps = dict[str, list[Step]]


class FollowerVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """`copies`: positions and orders that were begun. Latencies in milliseconds, deal to deal."""

    account: AccountId
    about: str
    copies: int
    steps: int
    open_expected: int
    open_actual: int
    skips: Mapping[str, int]
    latencies: Sequence[float]
    lost: int
    duplicated: int
    complaints: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not (self.lost or self.duplicated or self.complaints)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    followers: tuple[FollowerVerdict, ...]
    complaints: tuple[str, ...] = ()
    """About the run as a whole."""

    @property
    def passed(self) -> bool:
        return not self.complaints and all(follower.passed for follower in self.followers)

    @property
    def latencies(self) -> list[float]:
        return [each for follower in self.followers for each in follower.latencies]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a judgement is made of. `joined_at`: the statement's time from which a late follower copies."""

    timeline: Timeline
    cast: Cast
    stories: Mapping[AccountId, BrokerStory]
    record: PlatformRecord
    joined_at: Mapping[AccountId, datetime]
    begun: frozenset[int]
    """Indexes of the timeline's events that were played."""


def judge(evidence: Evidence) -> Verdict:
    leader = evidence.cast.leader
    led = leader_story(evidence.timeline, leader, evidence.stories[leader.account])
    events = evidence.timeline.events
    trades = {index for index in evidence.begun if events[index].action in HAPPENS_TO_POSITIONS}
    missed = len(trades - led.done)
    return Verdict(
        followers=tuple(_Judging(evidence, led, follower).verdict() for follower in evidence.cast.followers),
        complaints=(f"{missed} of the leader's events were not carried out at its broker",) if missed else (),
    )


class _Judging:
    """One follower's case."""

    def __init__(self, evidence: Evidence, led: LeaderStory, follower: Follower) -> None:
        self._evidence = evidence
        self._led = led
        self._follower = follower
        self._story = evidence.stories[follower.account]
        self._magics = evidence.record.magics[follower.account]
        self._openings = evidence.record.openings[follower.account]
        self._stray: list[Deed] = []

    def verdict(self) -> FollowerVerdict:
        expectation = self._expectation()
        found = self._found()
        name = self._follower.account
        book = self._book()
        complaints = [
            *differences(name, expectation.steps, found),
            *self._strays(),
            *self._book_differences(expectation.book, book),
            *self._skip_differences(expectation),
            *self._stale_figures(),
        ]
        return FollowerVerdict(
            account=name,
            about=self._follower.about,
            copies=sum(deed.opens for deed in self._story.deeds),
            steps=len(self._story.deeds),
            open_expected=len(expectation.book),
            open_actual=sum(len(held) for held in book.values()),
            skips=dict(Counter(expectation.skips.values())),
            latencies=latencies(self._story, self._names(), self._led),
            lost=lost_steps(expectation.steps, found),
            duplicated=doubled_opens(found) + sum(deed.opens for deed in self._stray),
            complaints=tuple(complaints),
        )

    def _expectation(self) -> Expectation:
        return expectation_for(
            self._evidence.timeline,
            self._evidence.cast.leader,
            self._led,
            self._follower,
            self._story,
            self._magics,
            self._openings,
            self._evidence.joined_at.get(self._follower.account),
        )

    def _names(self) -> dict[int, str]:
        return {magic: self._led.names[ref] for magic, ref in self._magics.items() if ref in self._led.names}

    def _found(self) -> Steps:
        names = self._names()
        found: defaultdict[str, list[Step]] = defaultdict(list)
        for deed in self._story.deeds:
            name = names.get(deed.magic)
            if name is None:
                self._stray.append(deed)
            else:
                found[name].append(deed.step)
        return dict(found)

    def _strays(self) -> list[str]:
        return [
            f"{self._follower.account}: {deed.step.action} {deed.step.side} {deed.step.symbol} "
            f"{deed.step.volume} at {deed.at:%H:%M:%S.%f} belongs to no position of the leader (magic {deed.magic})"
            for deed in self._stray
        ]

    def _book(self) -> dict[str, list[Held]]:
        """By the leader's position; more than one where something was doubled, "" for what is no copy."""
        names = self._names()
        held: defaultdict[str, list[Held]] = defaultdict(list)
        for each, pending in (
            *((position, False) for position in self._story.positions),
            *((order, True) for order in self._story.orders),
        ):
            held[names.get(each.magic, "")].append(
                Held(each.side.value, each.symbol, each.volume, each.stop_loss, each.take_profit, pending)
            )
        return dict(held)

    def _book_differences(self, wanted: Mapping[str, Held], found: Mapping[str, Sequence[Held]]) -> list[str]:
        told: list[str] = []
        for name in sorted({*wanted, *found}):
            want = [wanted[name]] if name in wanted else []
            have = list(found.get(name, ()))
            if want != have:
                subject = f"position {name}" if name else "no position"
                told.append(
                    f"{self._follower.account}, {subject}, in the end: expected {_held(want)}, found {_held(have)}"
                )
        return told

    def _skip_differences(self, expectation: Expectation) -> list[str]:
        """A recorded reason must be the oracle's: a follower is told why it was not copied, and it is true."""
        told: list[str] = []
        for ref, opening in self._openings.items():
            name = self._led.names.get(ref)
            reason = opening.decision.reason if opening.decision.order is None else None
            wanted = expectation.skips.get(name or "")
            if name is not None and reason is not None and reason != wanted:
                told.append(
                    f"{self._follower.account}, position {name}: skipped as {reason}, "
                    f"expected {f'a skip as {wanted}' if wanted else 'a copy'}"
                )
        return told

    def _stale_figures(self) -> list[str]:
        leader = self._evidence.stories[self._evidence.cast.leader.account]
        names: Mapping[PositionRef, str] = self._led.names
        return [
            f"{self._follower.account}, position {names.get(PositionRef(told.partition(': ')[0]), '?')}: {told}"
            for told in stale_figures(self._openings, self._story, leader)
        ]


def lost_steps(wanted: Mapping[str, Sequence[Step]], found: Mapping[str, Sequence[Step]]) -> int:
    """Expected steps that have no counterpart of the same action, position by position."""
    lost = 0
    for name, steps in wanted.items():
        left = Counter(step.action for step in found.get(name, ()))
        lost += sum((Counter(step.action for step in steps) - left).values())
    return lost


def doubled_opens(found: Mapping[str, Sequence[Step]]) -> int:
    """Opens and placed orders beyond the first of a position."""
    opened = (sum(step.action in ("open", "pending") for step in steps) for steps in found.values())
    return sum(max(count - 1, 0) for count in opened)


def latencies(story: BrokerStory, names: Mapping[int, str], led: LeaderStory) -> list[float]:
    """Milliseconds from the leader's deal to the follower's that answers it, by their brokers' own stamps.

    What follows from the follower's own market (an order of its own that was filled later) answers no deal.
    """
    by_itself = {own.magic for own in story.own if own.kind is MarketDeed.FILLED}
    found: list[float] = []
    for deed in story.deeds:
        name = names.get(deed.magic)
        if deed.deal is None or name is None or deed.magic in by_itself:
            continue
        earlier = [
            moment.at
            for moment in led.moments[name]
            if moment.at <= deed.at and moment.event.action in LED_BY[deed.step.action]
        ]
        if earlier:
            found.append((deed.at - earlier[-1]).total_seconds() * MILLISECONDS)
    return found


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The smallest value that at least so many percent do not exceed; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _held(held: Sequence[Held]) -> str:
    return " and ".join(_one_held(each) for each in held) or "nothing"


def _one_held(held: Held) -> str:
    kind = "order " if held.pending else ""
    return f"{kind}{held.side} {held.symbol} {held.volume} sl {_price(held.stop_loss)} tp {_price(held.take_profit)}"


def _price(value: Decimal | None) -> str:
    return "none" if value is None else str(value)

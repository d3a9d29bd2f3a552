"""What a change of settings would have changed: the last opens and the open copies, decided by old rules and by new.

Compared is what a follower would notice: whether, what and how much is traded, at which price and stops. Settings that
only work later (drift, deviation, time to live, how copies are managed) show in `changed`, not in the differences.
Nothing here changes the state; it compares a piece at a time, so that whoever calls can let others work in between.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from kopitra.application.recent_opens import Reach
from kopitra.application.redeciding import (
    Foreseen,
    Occasion,
    Redeciding,
    foreseen,
    occasion_of,
    rests_on_record,
    settled_before_rules,
)
from kopitra.domain.identifiers import AccountId, RunId, SubscriptionId
from kopitra.domain.instants import rfc3339
from kopitra.domain.rules import CopyRules
from kopitra.domain.settings import NAMES, WIRE_NAMES
from kopitra.domain.trading import OrderAction
from kopitra.machine.events import CopyDecision, CopyPlanned, Outcome, Recorded
from kopitra.machine.readings import Readings
from kopitra.machine.state import Copy, State, Subscription
from kopitra.machine.symbol_lookup import SymbolLookup
from kopitra.protocol.management_settings import (
    Difference,
    ForeseenCopy,
    PreviewAnswer,
    PreviewedEvent,
    SubscriptionPreview,
)

MOST_COMPARED = 20_000
"""Two decisions each: two seconds of work, in pieces."""
MOST_DIFFERENCES = 500
"""Listed in one answer (300 KiB); counts go on."""
PIECE = 50
"""Comparisons between two pauses: about five milliseconds."""

Opens = Iterable[tuple[Recorded, CopyPlanned]]


class Change(msgspec.Struct, frozen=True):
    """A subscription as it is and as it would be."""

    now: Subscription
    then: Subscription

    @property
    def fields(self) -> list[str]:
        """Settings whose values differ, by their names on the wire."""
        differing = [n for n in NAMES if getattr(self.now.rules, n) != getattr(self.then.rules, n)]
        named = [WIRE_NAMES[name] for name in differing]
        return named if self.now.enabled == self.then.enabled else ["enabled", *named]


class _Tally(msgspec.Struct):
    """`live`: the subscription's open copies that were not looked at yet, by the run of their open."""

    change: Change
    fields: list[str]
    live: dict[RunId, Copy]
    copies: int = 0
    copies_different: int = 0
    events: int = 0
    events_different: int = 0


class Preview:
    """`state` holds what is in force, `proposed` what would be: the same but for layers. Call `steps` to its end."""

    def __init__(
        self,
        state: State,
        proposed: State,
        readings: Readings,
        changes: Iterable[Change],
        most_events: int,
    ) -> None:
        self._now, self._then = _without_halts(state), _without_halts(proposed)
        self._readings = (_with_own_memory(readings), _with_own_memory(readings))
        self._tallies = {c.now.subscription: _tally(state, c) for c in changes}
        self._followed = _followed(state, self._tallies)
        self._most_events = most_events
        self._differences: list[Difference] = []
        self._events = self._compared = 0
        self._complete = True

    def steps(self, newest_first: Opens) -> Iterator[None]:
        """Compare, and pause after each piece."""
        for recorded, event in newest_first:
            if self._events >= self._most_events or self._is_exhausted:
                break
            yield from self._event(recorded, event)
        yield from self._copies()

    def answer(self, reach: Reach | None) -> PreviewAnswer:
        return PreviewAnswer(
            subscriptions=[_told(tally) for tally in self._tallies.values()],
            differences=self._differences,
            events=self._events,
            complete=self._complete,
            since_sequence=reach.sequence if reach is not None else None,
            since=rfc3339(reach.at) if reach is not None else None,
        )

    @property
    def _is_exhausted(self) -> bool:
        if self._compared >= MOST_COMPARED:
            self._complete = False
        return not self._complete and self._compared >= MOST_COMPARED

    def _event(self, recorded: Recorded, event: CopyPlanned) -> Iterator[None]:
        concerned = self._followed.get(event.account, ())
        if not concerned or event.healed:
            return
        self._events += 1
        leader = self._now.accounts[event.account]
        occasion = Occasion(leader, event.signal, event.run, recorded.at, event.age_ms)
        decided = {d.subscription: d for d in event.decisions if _is_of_open(d)}
        both = self._both(occasion)
        for subscription in concerned:
            if self._is_exhausted:
                return
            tally = self._tallies[subscription]
            tally.events += 1
            copy = tally.live.pop(event.run, None)
            differs = self._compare(tally, both, occasion, decided.get(subscription), recorded.sequence, copy)
            tally.events_different += differs
            yield from self._pause()

    def _copies(self) -> Iterator[None]:
        """Open copies whose open is out of reach: as their leader's book tells it."""
        for tally in self._tallies.values():
            for copy in tally.live.values():
                leader = self._now.accounts.get(copy.leader)
                position = leader.leading.positions.get(copy.position_ref) if leader is not None else None
                if leader is None or position is None:
                    continue
                if self._is_exhausted:
                    return
                occasion = occasion_of(leader, position, self._readings[0].figures.get(copy.leader))
                self._compare(tally, self._both(occasion), occasion, None, None, copy)
                yield from self._pause()

    def _both(self, occasion: Occasion) -> tuple[Redeciding, Redeciding]:
        now, then = self._readings
        return Redeciding(self._now, occasion, now), Redeciding(self._then, occasion, then)

    def _compare(
        self,
        tally: _Tally,
        both: tuple[Redeciding, Redeciding],
        occasion: Occasion,
        recorded: CopyDecision | None,
        sequence: int | None,
        copy: Copy | None,
    ) -> bool:
        change = tally.change
        if settled_before_rules(recorded):
            return False
        before = both[0].foresee(change.now, recorded)
        after = both[1].foresee(change.then, recorded)
        if before.same_as(after):
            return False
        tally.copies_different += copy is not None
        if len(self._differences) >= MOST_DIFFERENCES:
            self._complete = False
            return True
        self._differences.append(
            Difference(
                subscription=change.now.subscription,
                event=_event(occasion, sequence),
                before=_shown(before),
                after=_shown(after),
                reason=why(before, after),
                assumed=_assumed((change.now.rules, change.then.rules), occasion, recorded, before),
                copy_id=copy.copy_id if copy is not None else None,
            )
        )
        return True

    def _pause(self) -> Iterator[None]:
        self._compared += 1
        if self._compared % PIECE == 0:
            yield


def _is_of_open(decision: CopyDecision) -> bool:
    """Not what the open asked of another copy of the same follower."""
    return decision.order is None or decision.order.action is OrderAction.OPEN


def why(before: Foreseen, after: Foreseen) -> str:
    """The difference in a sentence."""
    if after.outcome is not Outcome.PLANNED:
        left_out = f"left out: {after.reason}" + (f", {after.detail}" if after.detail else "")
        return f"would be {left_out}" if before.outcome is Outcome.PLANNED else f"would still be {left_out}"
    if before.outcome is not Outcome.PLANNED:
        return f"would be copied with {after.volume} lots of {after.symbol}, and is left out: {before.reason}"
    changes = [
        f"{name.replace('_', ' ')} {getattr(before, name) or 'none'} would be {getattr(after, name) or 'none'}"
        for name in Foreseen.__struct_fields__
        if name != "detail" and getattr(before, name) != getattr(after, name)
    ]
    return "; ".join(changes)


def _assumed(
    rules: tuple[CopyRules, CopyRules], occasion: Occasion, recorded: CopyDecision | None, before: Foreseen
) -> bool:
    """Whether something else than the record had to be believed."""
    if recorded is None or not all(rests_on_record(each, occasion.signal, recorded) for each in rules):
        return True
    return not before.same_as(foreseen(recorded))


def _without_halts(state: State) -> State:
    """A halt of today says nothing of yesterday; whoever was halted then is on record."""
    return msgspec.structs.replace(state, halts={})


def _with_own_memory(readings: Readings) -> Readings:
    """Which symbol stands for which depends on the rules: what serves live decisions is not to be disturbed."""
    return msgspec.structs.replace(readings, symbols=SymbolLookup())


def _tally(state: State, change: Change) -> _Tally:
    subscription = change.now
    follower = state.accounts[subscription.follower].following
    live = [c for c in follower.copies.values() if c.subscription == subscription.subscription and c.live]
    return _Tally(change, change.fields, {c.run: c for c in live if c.run is not None}, copies=len(live))


def _followed(
    state: State, tallies: Mapping[SubscriptionId, _Tally]
) -> dict[AccountId, list[SubscriptionId]]:
    """The changed subscriptions of each leader."""
    followed: dict[AccountId, list[SubscriptionId]] = {}
    for subscription, tally in tallies.items():
        for leader in state.groups[tally.change.now.group].leaders:
            followed.setdefault(leader, []).append(subscription)
    return followed


def _event(occasion: Occasion, sequence: int | None) -> PreviewedEvent:
    signal = occasion.signal
    return PreviewedEvent(
        leader=occasion.leader.account,
        run_id=occasion.run,
        symbol=signal.symbol,
        side=signal.side,
        volume=signal.volume,
        decided_at=rfc3339(occasion.at),
        sequence=sequence,
    )


def _shown(what: Foreseen) -> ForeseenCopy:
    return ForeseenCopy(
        outcome=str(what.outcome),
        reason=what.reason,
        detail=what.detail,
        symbol=what.symbol,
        side=what.side,
        order_type=what.order_type,
        volume=what.volume,
        price=what.price,
        stop_loss=what.stop_loss,
        take_profit=what.take_profit,
    )


def _told(tally: _Tally) -> SubscriptionPreview:
    subscription = tally.change.now
    return SubscriptionPreview(
        subscription=subscription.subscription,
        follower=subscription.follower,
        changed=tally.fields,
        open_copies=tally.copies,
        open_copies_different=tally.copies_different,
        events=tally.events,
        events_different=tally.events_different,
    )

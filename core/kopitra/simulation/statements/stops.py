"""When a position's stops were set: a statement tells only the last stops of each ticket, never when they
came.

Each stop is put in force at the first moment from which no quote of the timeline contradicts it: with the
open where possible, else by a modification after the last quote that would have triggered it (decision 0024).
A stop that trailed so closely that there is no such moment is left out, and counted.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

import msgspec

from kopitra.domain.orders import Side
from kopitra.simulation.statements.chains import Chain
from kopitra.simulation.statements.quoting import BETWEEN_SECONDS
from kopitra.simulation.statements.tape import Level, Strip, Tape, stop_loss_level, take_profit_level
from kopitra.simulation.timeline import Action, Reason, TimelineEvent

Kind = Literal["stop_loss", "take_profit"]


class _StopKind(msgspec.Struct, frozen=True):
    name: Kind
    fired: Reason
    level: Callable[[Side, Decimal], Level]


NOW = timedelta()
KINDS = (
    _StopKind("stop_loss", Reason.STOP_LOSS, stop_loss_level),
    _StopKind("take_profit", Reason.TAKE_PROFIT, take_profit_level),
)


class _Change(msgspec.Struct, frozen=True):
    at: datetime
    kind: Kind
    value: Decimal | None


class _Life(msgspec.Struct, frozen=True):
    """One position: its parts, its symbol's events, and where among those its own are."""

    chain: Chain
    market: Strip
    own: tuple[int, ...]


def with_stops(events: Sequence[TimelineEvent], chains: Iterable[Chain]) -> tuple[list[TimelineEvent], int]:
    """All events, positions' with their stops and with modifications added, and how many stops found no
    moment."""
    tape, own = Tape(events), _own_places(events)
    finished = [
        event for event in events if event.action not in (Action.OPEN, Action.PARTIAL_CLOSE, Action.CLOSE)
    ]
    left_out = 0
    for chain in chains:
        life = _Life(chain, tape.of(chain.first.symbol), tuple(own[str(chain.first.ticket)]))
        changes, unplaced = _changes(life)
        left_out += unplaced
        finished += _retold(life, changes)
    return finished, left_out


def _own_places(events: Sequence[TimelineEvent]) -> dict[str, list[int]]:
    """Where each position's events are on its symbol's strip."""
    lengths: defaultdict[str, int] = defaultdict(int)
    own: defaultdict[str, list[int]] = defaultdict(list)
    for event in events:
        if event.quote is not None:
            own[event.position_ref].append(lengths[event.symbol])
            lengths[event.symbol] += 1
    return own


def _changes(life: _Life) -> tuple[list[_Change], int]:
    """When each stop came into force, changed or was taken away; and how many found no moment."""
    changes: list[_Change] = []
    left_out = 0
    for kind in KINDS:
        in_force: Decimal | None = None
        for index, part in enumerate(life.chain.parts):
            wanted: Decimal | None = getattr(part, kind.name)
            began = life.market.events[life.own[index]].at + (BETWEEN_SECONDS if index else NOW)
            if _ends_within(life, index, began):
                left_out += wanted not in (None, in_force)
                continue
            moment = None if wanted is None else _moment(life, kind, wanted, index, began)
            left_out += wanted is not None and moment is None
            if wanted == in_force and moment == began:
                continue
            if in_force is not None and moment != began:
                changes.append(_Change(began, kind.name, None))
            if moment is not None:
                changes.append(_Change(moment, kind.name, wanted))
            in_force = wanted if moment is not None else None
    return changes, left_out


def _ends_within(life: _Life, index: int, began: datetime) -> bool:
    """Whether a part lasted no longer than the second it began in, so that nothing can be changed in its life."""
    return 0 < index < len(life.own) - 1 and life.market.events[life.own[index + 1]].at <= began


def _moment(life: _Life, kind: _StopKind, stop: Decimal, index: int, began: datetime) -> datetime | None:
    """The first moment of a part's life from which its stop is contradicted by nothing; `began` where that is
    its start."""
    since, side = life.own[index], life.chain.first.side
    end = life.own[index + 1] if index + 1 < len(life.own) else None
    ending = None if end is None else life.market.events[end]
    fires = ending is not None and ending.action is Action.CLOSE and ending.reason is kind.fired
    upto = len(life.market.events) if end is None else end
    last = upto if fires or end is None else upto + 1
    beyond = life.market.last_that_reaches(kind.level(side, stop), since, last)
    if beyond is not None and beyond + 1 >= upto:
        return None
    moment = began if beyond is None else life.market.events[beyond + 1].at + BETWEEN_SECONDS
    return moment if ending is None or moment < ending.at or moment == life.market.events[since].at else None


def _retold(life: _Life, changes: list[_Change]) -> Iterator[TimelineEvent]:
    """The position's own events, each with the stops in force after it, and a modification for each later
    change."""
    opened, *closes = (life.market.events[index] for index in life.own)
    by_time: defaultdict[datetime, dict[str, Decimal | None]] = defaultdict(dict)
    for change in changes:
        by_time[change.at][change.kind] = change.value
    in_force: dict[str, Decimal | None] = by_time.pop(opened.at, {})
    current = msgspec.structs.replace(opened, **in_force)
    yield current
    for at, event in sorted(
        [*by_time.items(), *((close.at, close) for close in closes)], key=lambda item: item[0]
    ):
        if isinstance(event, TimelineEvent):
            ended = event.action is Action.CLOSE
            current = event if ended else msgspec.structs.replace(event, **in_force)
        else:
            in_force |= event
            current = _modification(current, at, in_force)
        yield current


def _modification(last: TimelineEvent, at: datetime, in_force: dict[str, Decimal | None]) -> TimelineEvent:
    return TimelineEvent(
        at=at,
        action=Action.MODIFY,
        ticket=last.remainder_ticket or last.ticket,
        position_ref=last.position_ref,
        symbol=last.symbol,
        side=last.side,
        volume=last.volume_after if last.action is not Action.MODIFY else last.volume,
        stop_loss=in_force.get("stop_loss"),
        take_profit=in_force.get("take_profit"),
        magic=last.magic,
        comment=last.comment,
    )

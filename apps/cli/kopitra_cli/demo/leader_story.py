"""Which of the leader's broker's records belong to which event of the timeline."""

from collections import defaultdict
from datetime import datetime

import msgspec

from kopitra.domain.identifiers import PositionRef
from kopitra.simulation.timeline import Action, Timeline, TimelineEvent
from kopitra_cli.demo.broker_story import BrokerStory
from kopitra_cli.demo.cast import Account

NO_CHANGES = 10025
"""The broker's answer to a change of stops that changes nothing: nobody will hear of it."""
HAPPENS_TO_POSITIONS = frozenset(Action) - {Action.QUOTE, Action.BALANCE}


def key_of(index: int) -> str:
    """What makes carrying out the timeline's event a second time harmless."""
    return f"event-{index}"


def index_of(key: str) -> int:
    return int(key.rpartition("-")[2])


def position_ref(leader: Account, position_id: int) -> PositionRef:
    """How the leader's agent names a position."""
    return PositionRef(f"{leader.terms.server}:{leader.login}:{position_id}")


def order_ref(leader: Account, ticket: int) -> PositionRef:
    """How the leader's agent names a pending order."""
    return PositionRef(f"{leader.terms.server}:{leader.login}:o{ticket}")


class Moment(msgspec.Struct, frozen=True):
    """One event of a position, and when the leader's broker carried it out (real time)."""

    event: TimelineEvent
    at: datetime


class LeaderStory(msgspec.Struct, frozen=True, kw_only=True):
    names: dict[PositionRef, str]
    """The timeline's position_ref by the refs that the platform uses."""
    moments: dict[str, list[Moment]]
    """Of each position (the timeline's ref), in order."""
    done: frozenset[int]
    """Indexes of the events that were carried out."""


def leader_story(timeline: Timeline, leader: Account, story: BrokerStory) -> LeaderStory:
    names: dict[PositionRef, str] = {}
    moments: defaultdict[str, list[Moment]] = defaultdict(list)
    done: set[int] = set()
    for key, (at, result) in sorted(story.answers.items(), key=lambda item: index_of(item[0])):
        event = timeline.events[index_of(key)]
        if not (result.done or result.retcode == NO_CHANGES) or event.action not in HAPPENS_TO_POSITIONS:
            continue
        done.add(index_of(key))
        moments[event.position_ref].append(Moment(event, at))
        if event.action in (Action.OPEN, Action.PENDING_FILLED) and result.position_id is not None:
            names[position_ref(leader, result.position_id)] = event.position_ref
        if event.action is Action.PENDING_PLACED and result.order_ticket is not None:
            names[order_ref(leader, result.order_ticket)] = event.position_ref
    return LeaderStory(names=names, moments=dict(moments), done=frozenset(done))

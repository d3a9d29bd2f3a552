"""What followers get for a later event of a leader's position: new copies where it grows or turns to the other side,
and changes of those that they have."""

import msgspec

from kopitra.domain.identifiers import RunId
from kopitra.domain.limits import MAX_COPIES_OF_A_POSITION
from kopitra.domain.skips import SkipReason
from kopitra.domain.trading import Signal, SignalAction
from kopitra.machine.decisions.chains import OVER, growth_of
from kopitra.machine.decisions.continuing import Continuing
from kopitra.machine.decisions.opening import Opening
from kopitra.machine.decisions.replacing import replaced_at_once
from kopitra.machine.events import CopyDecision
from kopitra.machine.evolutions.leading import is_own_fill
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, LeaderPosition, State


def decide_later(
    state: State, leader: Account, position: LeaderPosition, signal: Signal, run: RunId, context: Context
) -> tuple[CopyDecision, ...]:
    """One decision for each copy and each subscriber that the event concerns: what closes first, what opens last."""
    later = Continuing(state, leader, position, signal, run, context)
    match signal.action:
        case SignalAction.INCREASE if not is_own_fill(position, signal):
            opening = _next_leg(state, leader, position, signal, run, context)
            return opening.decide_all() if isinstance(opening, Opening) else opening
        case SignalAction.REVERSE:
            closes = later.close_all()
            opening = _next_leg(state, leader, position, signal, run, context)
            if not isinstance(opening, Opening):
                return (*closes, *opening)
            opening.ids = opening.net_stops.ids = later.ids
            opening.leave(frozenset(d.copy_id for d in closes if d.copy_id is not None))
            return (*closes, *opening.decide_all())
        case SignalAction.PENDING_FILLED:
            decisions = later.decide_all()
            return (*decisions, *replaced_at_once(state, position, signal, decisions, context))
        case _:
            return later.decide_all()


def _next_leg(
    state: State, leader: Account, position: LeaderPosition, signal: Signal, run: RunId, context: Context
) -> Opening | tuple[CopyDecision, ...]:
    """The leader's addition as a trade of its own; nobody gets it where the position has too many copies already."""
    turned = signal.action is SignalAction.REVERSE
    volume = signal.volume_after if turned else signal.volume
    trade = msgspec.structs.replace(signal, position_ref=position.position_ref, volume=volume)
    opening = Opening(state, leader, trade, run, context)
    opening.generation = position.generation + 1
    relayed = growth_of(state, leader, position, signal, context)
    if relayed is not None and relayed.over:
        return opening.skip_all(SkipReason.CLOSED_BEFORE_OPEN, OVER)
    if relayed is not None:
        opening.age_ms, opening.copied = relayed.age_ms, True
    followers = len(state.by_leader.get(leader.account, ()))
    if not turned and len(position.copies) + followers > MAX_COPIES_OF_A_POSITION:
        detail = (
            f"the leader's position has {len(position.copies)} copies, at most {MAX_COPIES_OF_A_POSITION}"
        )
        return opening.skip_all(SkipReason.INCREASE_NOT_COPIED, detail)
    return opening


def missed_leg(
    state: State, leader: Account, position: LeaderPosition, signal: Signal, run: RunId, context: Context
) -> tuple[CopyDecision, ...]:
    """As `decide_later` for a growth that only a snapshot tells of: it is known from now on, and copied by nobody."""
    closes = (
        Continuing(state, leader, position, signal, run, context).close_all()
        if signal.action is SignalAction.REVERSE
        else ()
    )
    opening = Opening(state, leader, signal, run, context)
    return (*closes, *opening.skip_all(SkipReason.MISSED_OPEN, "known from a snapshot only"))

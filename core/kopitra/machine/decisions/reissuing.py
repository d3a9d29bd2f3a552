"""An open of unknown fate that never happened: issued again while it is fresh, by a command of its own.

Only the core may do so (protocol.md, "Recognition"), and only once two agreeing snapshots lack the trade: the agent has
looked for it in vain before, so a second order can be no second copy.
"""

from datetime import datetime, timedelta

from kopitra.domain.legs import Leg
from kopitra.domain.orders import OrderType
from kopitra.domain.trading import Order, OrderAction
from kopitra.machine.decisions.identity import further_command
from kopitra.machine.decisions.permission import may_open
from kopitra.machine.outcome import Context
from kopitra.machine.state import Copy, CopyStatus, LeaderPosition, State, Subscription

NOT_FOUND = "not_found"
"""The agent's reason where it found no trace at all. Where it found several, one of them may be the copy."""
EXPIRED = "expired"
SUPERSEDED = "superseded"


def open_again(state: State, copy: Copy, context: Context) -> Order | None:
    """The open for a copy that turned out not to be there; None where it is no longer wanted as it was planned."""
    leader = state.accounts.get(copy.leader)
    position = leader.leading.positions.get(copy.position_ref) if leader is not None else None
    subscription = state.subscriptions.get(copy.subscription)
    if position is None or subscription is None or not _still_as_planned(copy, position):
        return None
    leg = position.legs[copy.leg]
    if not may_open(state, copy.leader, subscription, context):
        return None
    rules = subscription.rules
    left_ms = _fresh_for(leg, subscription, context.now) // timedelta(milliseconds=1)
    if left_ms <= 0:
        return None
    return Order(
        command_id=further_command(state, copy.copy_id, len(copy.commands)),
        copy_id=copy.copy_id,
        action=OrderAction.OPEN,
        symbol=copy.symbol,
        side=copy.side,
        order_type=copy.order_type,
        volume=copy.planned_volume,
        price=copy.price,
        stop_loss=copy.stop_loss,
        take_profit=copy.take_profit,
        ttl_ms=left_ms,
        reference_price=leg.price,
        max_drift=rules.max_drift,
        max_deviation=rules.max_deviation,
        magic=copy.magic,
        comment=copy.comment,
    )


def never_was(copy: Copy) -> bool:
    """Its agent could not tell what became of its open, and nobody has heard of a fill since."""
    return copy.status is CopyStatus.UNKNOWN and not copy.filled


def why_never_opened(state: State, copy: Copy, context: Context) -> str:
    """`expired` where the leader's trade goes on and the open's time to live is over; else `superseded`: a close of
    the whole or a part, or a halt, came before anybody could say that the open had left no trace."""
    leader = state.accounts.get(copy.leader)
    position = leader.leading.positions.get(copy.position_ref) if leader is not None else None
    subscription = state.subscriptions.get(copy.subscription)
    if position is None or subscription is None or copy.leg not in position.legs:
        return SUPERSEDED
    left = _fresh_for(position.legs[copy.leg], subscription, context.now)
    return EXPIRED if left <= timedelta() else SUPERSEDED


def _fresh_for(leg: Leg, subscription: Subscription, now: datetime) -> timedelta:
    """How long an open for this trade may still be sent; zero or less once it is stale."""
    return leg.made_at + timedelta(seconds=subscription.rules.open_ttl_seconds) - now


def _still_as_planned(copy: Copy, position: LeaderPosition) -> bool:
    """Nothing was filled, and the leader's trade is what it was: no part of it closed, no order of it filled since."""
    if copy.status is not CopyStatus.UNKNOWN or copy.cause != NOT_FOUND:
        return False
    if copy.filled or copy.closing or copy.ratio is not None or copy.leg not in position.legs:
        return False
    return position.pending if copy.order_type is not OrderType.MARKET else True

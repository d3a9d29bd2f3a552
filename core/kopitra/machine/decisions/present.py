"""A copy of a trade that is open already: sized by what is left of it, opened at today's price."""

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec

from kopitra.domain.identifiers import CopyId, SignalId, copy_id, derived_id
from kopitra.domain.legs import Leg
from kopitra.domain.orders import Side
from kopitra.domain.quotes import Quote
from kopitra.domain.reversal import copied_side
from kopitra.domain.skips import SkipReason
from kopitra.domain.trading import LeaderFigures, Signal, SignalAction
from kopitra.machine.decisions.halting import halt_over
from kopitra.machine.decisions.identity import MagicNumbers, comment_of, further_command
from kopitra.machine.decisions.netting import STOPS_HELD_BY_LEADER
from kopitra.machine.decisions.opening import Opening
from kopitra.machine.events import CopyAdded, CopyCorrected, CopyDecision, OpenCause, Outcome
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, LeaderPosition, State, Subscription

FRESH_QUOTE = timedelta(seconds=60)
"""An older price cannot tell how far the trade has moved."""


class NotNow(StrEnum):
    """Why nothing can be decided yet; asked again later."""

    FOLLOWER_AWAY = "follower_away"
    LEADER_AWAY = "leader_away"
    HALTED = "halted"
    NO_FIGURES = "no_figures"
    NO_QUOTE = "no_quote"
    NOT_AT_LOSS = "not_at_loss"


class Present(msgspec.Struct, frozen=True):
    """One leg of a leader's open trade, as one subscription may copy it."""

    subscription: Subscription
    leader: Account
    position: LeaderPosition
    leg: int = 0

    @property
    def part(self) -> Leg:
        return self.position.legs[self.leg]


def open_now(
    state: State,
    present: Present,
    cause: OpenCause,
    magic: MagicNumbers,
    context: Context,
    *,
    at_loss: bool = False,
) -> list[CopyCorrected | CopyAdded] | NotNow:
    """What the subscription gets for it. Filters, sizing and guards are those of any open; its age counts from now, its
    drift from the leader's price. `at_loss`: only at that price or a better one. On a netting
    account the stops of others in its position are taken off first."""
    subscription, leader = present.subscription, present.leader
    follower = state.accounts[subscription.follower]
    away = _not_ready(state, subscription, leader, follower, context)
    if away is not None:
        return away
    signal = signal_of(present, context)
    opening = Opening(state, leader, signal, present.position.run, context)
    opening.magic = magic
    decision = opening.decide(subscription)
    if decision.order is not None:
        moved = _moved(state, present, decision, at_loss, context)
        if isinstance(moved, NotNow):
            return moved
        decision = moved
    added = CopyAdded(
        account=subscription.follower,
        leader=leader.account,
        position_ref=present.position.position_ref,
        run=present.position.run,
        cause=cause,
        decision=_of_its_own(state, present, decision),
        leg=present.leg,
        missed=present.part.opened - present.part.left,
    )
    cleared = opening.net_stops.clearing if decision.sent is not None else []
    return [*(_cleared(state, follower, clearing) for clearing in cleared), added]


def _cleared(state: State, follower: Account, decision: CopyDecision) -> CopyCorrected:
    copy = follower.following.copies[decision.copy_id or CopyId("")]
    assert decision.order is not None
    command = further_command(state, copy.copy_id, len(copy.commands))
    return CopyCorrected(
        account=copy.follower,
        copy_id=copy.copy_id,
        order=msgspec.structs.replace(decision.order, command_id=command),
        cause=STOPS_HELD_BY_LEADER,
        run=copy.run,
    )


def signal_of(present: Present, context: Context) -> Signal:
    """The intent that would have opened what is left of the trade."""
    position, part = present.position, present.part
    figures = context.readings.figures.get(present.leader.account)
    assert figures is not None, "asked for before"
    return Signal(
        signal_id=SignalId(derived_id("present-", position.position_ref, str(present.leg), str(part.left))),
        action=SignalAction.OPEN,
        position_ref=position.position_ref,
        symbol=position.symbol,
        side=position.side,
        volume=part.left,
        volume_after=part.left,
        price=part.price or position.price,
        stop_loss=position.stop_loss,
        take_profit=position.take_profit,
        magic=position.magic,
        account=LeaderFigures(
            balance=figures.balance,
            currency=figures.currency,
            equity=figures.equity,
            free_margin=figures.free_margin,
        ),
        occurred_at=context.now,
        stream_id=position.stream_id,
        ordinal=position.ordinal,
    )


def next_copy_id(present: Present) -> tuple[CopyId, int]:
    """Of the next generation; none was given before."""
    generation = present.position.generation + 1
    subscription, ref = present.subscription.subscription, present.position.position_ref
    return copy_id(subscription, present.leader.account, ref, generation), generation


def has_arrived(account: Account) -> bool:
    """Whether its EA is here and has shown its book in this session."""
    session = account.session
    return session is not None and session.approved and account.following.seen_in == session.session


def _not_ready(
    state: State, subscription: Subscription, leader: Account, follower: Account, context: Context
) -> NotNow | None:
    if not follower.enabled or not has_arrived(follower) or not follower.catalog or follower.silent:
        return NotNow.FOLLOWER_AWAY
    if not leader.enabled or leader.session is None or leader.silent:
        return NotNow.LEADER_AWAY
    if halt_over(state, leader.account, subscription) is not None:
        return NotNow.HALTED
    figures = context.readings.figures
    if follower.account not in figures or leader.account not in figures:
        return NotNow.NO_FIGURES
    return None


def _moved(
    state: State, present: Present, decision: CopyDecision, at_loss: bool, context: Context
) -> CopyDecision | NotNow:
    """The decision, or a skip of a trade whose price has left the range in which it is wanted."""
    most = present.subscription.rules.max_drift
    if most is None and not at_loss:
        return decision
    price = price_now(present, decision.order.symbol if decision.order else "", context)
    reference = present.part.price or present.position.price
    if price is None or reference is None:
        return NotNow.NO_QUOTE
    side = copied_side(present.position.side, present.subscription.rules.reverse)
    worse = price - reference if side is Side.BUY else reference - price
    if at_loss and worse > 0:
        return NotNow.NOT_AT_LOSS
    if most is not None and abs(worse) > most:
        return msgspec.structs.replace(
            decision,
            outcome=Outcome.SKIPPED,
            order=None,
            copy_id=None,
            reason=SkipReason.PRICE_DRIFT,
            detail=f"the price is {price}, the leader's was {reference}, at most {most} apart",
        )
    return decision


def price_now(present: Present, symbol: str, context: Context) -> Decimal | None:
    """What a market order of the copy would pay by the follower's fresh quote."""
    quote: Quote | None = context.readings.quotes.get(present.subscription.follower, {}).get(symbol)
    if quote is None or quote.at is None or context.now - quote.at > FRESH_QUOTE:
        return None
    side = copied_side(present.position.side, present.subscription.rules.reverse)
    return quote.ask if side is Side.BUY else quote.bid


def _of_its_own(state: State, present: Present, decision: CopyDecision) -> CopyDecision:
    """With ids of a generation of its own: the trade's first open has, or may have had, others."""
    if decision.order is None:
        return decision
    copy, generation = next_copy_id(present)
    order = msgspec.structs.replace(
        decision.order,
        command_id=further_command(state, copy, 0),
        copy_id=copy,
        comment=comment_of(copy),
        ttl_ms=present.subscription.rules.open_ttl_seconds * 1000,
    )
    return msgspec.structs.replace(decision, copy_id=copy, generation=generation, order=order)

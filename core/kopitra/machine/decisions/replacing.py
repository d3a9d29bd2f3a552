"""A market order in place of a pending one that was taken away because its leader's was filled first."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import CopyId, copy_id
from kopitra.domain.orders import OrderType
from kopitra.domain.partial_close import remaining_target
from kopitra.domain.trading import AckStatus, Order, OrderAction, Signal
from kopitra.machine.decisions.filling import REPLACED
from kopitra.machine.decisions.guarding import Gatekeeper
from kopitra.machine.decisions.identity import MagicNumbers, comment_of, further_command
from kopitra.machine.decisions.netting import is_netting, is_shared
from kopitra.machine.decisions.permission import may_open
from kopitra.machine.events import CopyAdded, CopyDecision, OpenCause, Outcome
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, Copy, CopyStatus, LeaderPosition, State, Subscription

MILLISECOND = timedelta(milliseconds=1)
NEVER_SENT = frozenset({"superseded", "closed_before_open"})
"""Why an EA never sent a pending order: its cancel was there first."""


class Place(msgspec.Struct, frozen=True):
    """What an order at market takes the place of: so many lots of it, `until` then; `price`: its leader's."""

    copy: Copy
    volume: Decimal
    until: datetime
    price: Decimal | None


def replacement(
    state: State, copy: Copy, order: Order, status: AckStatus, context: Context
) -> CopyAdded | None:
    """What follows from the end of the cancel `order` of a copy; None where nothing is to take the copy's place.

    Only where the pending order is known never to become a position: it was removed, or never sent. Otherwise there may
    have been a fill, and two of both would live.
    """
    if copy.yields != order.command_id or copy.closing or copy.filled or copy.replace_until is None:
        return None
    never_sent = copy.status is CopyStatus.DROPPED and copy.cause in NEVER_SENT
    if status is not AckStatus.EXECUTED and not (status is AckStatus.ALREADY_CLOSED and never_sent):
        return None
    leader = state.accounts.get(copy.leader)
    position = leader.leading.positions.get(copy.position_ref) if leader is not None else None
    subscription = state.subscriptions.get(copy.subscription)
    if position is None or copy.leg not in position.legs or subscription is None:
        return None
    if copy.replace_until <= context.now or not may_open(state, copy.leader, subscription, context):
        return None
    return _added(state, copy, position, subscription, context)


def replaced_at_once(
    state: State,
    position: LeaderPosition,
    signal: Signal,
    decisions: Iterable[CopyDecision],
    context: Context,
) -> Iterator[CopyDecision]:
    """Orders at market in place of the pending ones that this very event withdraws: they never left, so nothing need be
    waited for. A delay goes on where it was."""
    withdrawn = [d for d in decisions if d.withdrawn is not None and d.replace_until is not None]
    gate, magic = Gatekeeper(state, context), MagicNumbers()
    gate.leaving = frozenset(d.copy_id for d in withdrawn if d.copy_id is not None)
    for decision in withdrawn:
        account = state.accounts[decision.follower]
        copy = account.following.copies[decision.copy_id or CopyId("")]
        subscription = state.subscriptions[copy.subscription]
        place = Place(copy, copy.planned_volume, decision.replace_until or context.now, signal.price)
        opened = _decision(state, position, subscription, place, gate, magic, context)
        yield msgspec.structs.replace(opened, not_before=_delay_of(account, copy))


def _delay_of(account: Account, copy: Copy) -> datetime | None:
    sequence = account.commands.get(copy.opens)
    return account.outbox[sequence].not_before if sequence is not None else None


def _added(
    state: State, copy: Copy, position: LeaderPosition, subscription: Subscription, context: Context
) -> CopyAdded | None:
    account, leg = state.accounts[copy.follower], position.legs[copy.leg]
    left, opened = copy.ratio or (leg.opened, leg.opened)
    spec, rules = account.spec_of(copy.symbol), subscription.rules
    volume = remaining_target(copy.planned_volume, opened, left, spec, rules.remainder)
    if not volume or copy.replace_until is None:
        return None
    gate = Gatekeeper(state, context)
    gate.leaving = frozenset({copy.copy_id})
    place = Place(copy, volume, copy.replace_until, leg.price)
    return CopyAdded(
        account=copy.follower,
        leader=copy.leader,
        position_ref=position.position_ref,
        run=copy.run or position.run,
        cause=OpenCause.REPLACED,
        decision=_decision(state, position, subscription, place, gate, MagicNumbers(), context),
        leg=copy.leg,
        missed=opened - left,
    )


def _decision(
    state: State,
    position: LeaderPosition,
    subscription: Subscription,
    place: Place,
    gate: Gatekeeper,
    magic: MagicNumbers,
    context: Context,
) -> CopyDecision:
    copy = place.copy
    account = state.accounts[copy.follower]
    generation = position.generation + 1
    new = CopyId(copy_id(copy.subscription, copy.leader, position.position_ref, generation))
    alone = not (is_netting(account) and is_shared(account, copy.symbol, (copy.copy_id,)))
    order = Order(
        command_id=further_command(state, new, 0),
        copy_id=new,
        action=OrderAction.OPEN,
        symbol=copy.symbol,
        side=copy.side,
        order_type=OrderType.MARKET,
        volume=place.volume,
        stop_loss=copy.stop_loss if alone else None,
        take_profit=copy.take_profit if alone else None,
        ttl_ms=(place.until - context.now) // MILLISECOND,
        reference_price=place.price or position.price,
        max_drift=subscription.rules.max_drift,
        max_deviation=subscription.rules.max_deviation,
        magic=magic.take(copy.follower, account.following),
        comment=comment_of(new),
    )
    refused = gate.refuse(subscription, copy.leader, order, account.spec_of(copy.symbol))
    return CopyDecision(
        subscription=copy.subscription,
        follower=copy.follower,
        outcome=Outcome.SKIPPED if refused is not None else Outcome.PLANNED,
        copy_id=new if refused is None else None,
        order=order if refused is None else None,
        reason=REPLACED if refused is None else refused.reason,
        detail=refused.detail if refused is not None else None,
        rules_revision=subscription.revision,
        rules_version=subscription.rules_version,
        contract_size=copy.contract_size,
        generation=generation,
        reverse=copy.reverse,
    )

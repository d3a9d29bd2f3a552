"""What copies that already exist do for a later event of their leader's position: one decision each."""

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import CommandId, RunId
from kopitra.domain.legs import Leg, Legs, reduced, touched
from kopitra.domain.orders import OrderType
from kopitra.domain.partial_close import reachable_target, remaining_target
from kopitra.domain.quantities import ZERO
from kopitra.domain.skips import Skip, SkipReason
from kopitra.domain.stops import Stops, place_stops, rounded_price
from kopitra.domain.trading import Order, OrderAction, Signal, SignalAction
from kopitra.machine.decisions.filling import on_leaders_fill
from kopitra.machine.decisions.handed_out import unsent
from kopitra.machine.decisions.identity import CommandIds
from kopitra.machine.decisions.netting import STOPS_HELD_BY_LEADER, NetOrders, is_netting, is_shared
from kopitra.machine.decisions.opening import followers_of
from kopitra.machine.events import CopyDecision, Outcome
from kopitra.machine.evolutions.leading import REDUCING
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, Copy, CopyStatus, LeaderPosition, State, Subscription

NO_STOPS = Stops()


class Continuing:
    """One later event of a leader's position on its way to the copies of it."""

    def __init__(
        self,
        state: State,
        leader: Account,
        position: LeaderPosition,
        signal: Signal,
        run: RunId,
        context: Context,
    ) -> None:
        self.state = state
        self.leader = leader
        self.position = position
        self.signal = signal
        self.context = context
        self.ids = CommandIds(state, run)
        self.net = NetOrders(state)
        self.legs: Legs = position.legs
        """As they are once the event has happened."""

    def decide_all(self) -> tuple[CopyDecision, ...]:
        """Every copy that the event concerns, then every present subscriber that has none."""
        decide = self._decider()
        copies = self._all()
        copied = {copy.subscription for copy in copies}
        decisions = [decide(copy) if copy.live else self._over(copy) for copy in self._concerned(copies)]
        decisions.extend(
            _not_copied(subscription)
            for subscription in followers_of(self.state, self.leader)
            if subscription.subscription not in copied
        )
        return tuple(decisions)

    def _all(self) -> list[Copy]:
        """Those on paper last: what they would do to a net position must not count for the others."""
        return [*self.state.copies_of(self.position), *self.state.papers_of(self.position)]

    def close_all(self) -> tuple[CopyDecision, ...]:
        """Every live copy is over, because its leader has turned to the other side."""
        return tuple(self._close(copy) for copy in self._all() if copy.live)

    def _concerned(self, copies: list[Copy]) -> Iterator[Copy]:
        """A partial close takes from the oldest legs; what others copy stays as it is."""
        if self.signal.action not in REDUCING:
            yield from copies
            return
        self.legs = reduced(self.position.legs, self.signal.volume_after)
        gave = touched(self.position.legs, self.legs)
        yield from (copy for copy in copies if copy.leg in gave or copy.leg not in self.legs)

    def _decider(self) -> Callable[[Copy], CopyDecision]:
        match self.signal.action:
            case SignalAction.MODIFY | SignalAction.PENDING_MODIFIED:
                return self._modify
            case SignalAction.PENDING_FILLED:
                return self._leader_filled
            case SignalAction.INCREASE:
                return lambda copy: self._unchanged(copy, "waits_for_own_fill")
            case _ if self.signal.volume_after > ZERO and self.signal.action in REDUCING:
                return self._follow_leg
            case _:
                return self._close

    def _follow_leg(self, copy: Copy) -> CopyDecision:
        leg = self.legs.get(copy.leg)
        return self._close(copy) if leg is None else self._reduce(copy, leg)

    def _leader_filled(self, copy: Copy) -> CopyDecision:
        found = on_leaders_fill(self.state, copy, self.signal, self.context)
        return self._decision(
            copy,
            found.outcome,
            order=self._order(copy, OrderAction.CANCEL) if found.cancels else None,
            reason=found.reason,
            withdrawn=copy.opens if found.withdraws else None,
            replace_until=found.replace_until,
        )

    def _modify(self, copy: Copy) -> CopyDecision:
        subscription = self.state.subscriptions[copy.subscription]
        if copy.closing:
            return self._unchanged(copy, "closing")
        spec = self.state.accounts[copy.follower].catalog.get(copy.symbol)
        if spec is None:
            return self._skipped(copy, SkipReason.SYMBOL_UNMAPPED)
        rules = msgspec.structs.replace(subscription.rules, reverse=copy.reverse)
        stops = place_stops(rules, copy.side, self.signal.stop_loss, self.signal.take_profit, spec, None)
        if isinstance(stops, Skip):
            return self._skipped(copy, stops.reason)
        price = copy.price
        if self.signal.action is SignalAction.PENDING_MODIFIED and self.signal.price:
            price = rounded_price(self.signal.price, spec)
        if self._holds_stops(copy) and stops != NO_STOPS:
            if (copy.stop_loss, copy.take_profit, price) == (None, None, copy.price):
                return self._unchanged(copy, STOPS_HELD_BY_LEADER)
            stops = NO_STOPS
        if (stops.stop_loss, stops.take_profit, price) == (copy.stop_loss, copy.take_profit, copy.price):
            return self._unchanged(copy, "same_stops")
        order = self._order(
            copy,
            OrderAction.MODIFY,
            stop_loss=stops.stop_loss,
            take_profit=stops.take_profit,
            price=price if is_resting(copy) else None,
        )
        return self._planned(copy, order)

    def _holds_stops(self, copy: Copy) -> bool:
        """Whether the copy's stops are the leader's alone to keep: at the broker they would close what others have."""
        account = self.state.accounts[copy.follower]
        return is_netting(account) and is_shared(account, copy.symbol, (copy.copy_id,))

    def _reduce(self, copy: Copy, leg: Leg) -> CopyDecision:
        if copy.closing:
            return self._unchanged(copy, "closing")
        if is_resting(copy):
            return self._unchanged(copy, "waits_for_own_fill")
        held = min(copy.target, wanted_volume(copy)) if copy.target is not None else wanted_volume(copy)
        target = target_of(self.state, copy, leg.opened - copy.missed, leg.left)
        spec = self.state.accounts[copy.follower].spec_of(copy.symbol)
        remainder = self.state.subscriptions[copy.subscription].rules.remainder
        target = reachable_target(held, target, spec, remainder)
        if not target:
            return self._close(copy)
        if target >= held:
            return self._unchanged(copy, "below_step")
        if is_netting(self.state.accounts[copy.follower]):
            return self._planned(copy, self.net.offset(copy, target, self.ids.take(copy.subscription)))
        fraction = (target / held).quantize(Decimal("0.0001"))
        order = self._order(
            copy, OrderAction.PARTIAL_CLOSE, volume=held - target, target_volume=target, fraction=fraction
        )
        return self._planned(copy, order)

    def _close(self, copy: Copy) -> CopyDecision:
        account = self.state.accounts[copy.follower]
        if unsent(self.state, copy, self.context):
            return self._decision(copy, Outcome.SUPERSEDED, reason="superseded", withdrawn=copy.opens)
        if copy.closing:
            return self._unchanged(copy, "closing")
        if is_netting(account) and not is_resting(copy):
            return self._planned(copy, self.net.offset(copy, ZERO, self.ids.take(copy.subscription)))
        return self._planned(copy, self._order(copy, closing_action(copy), volume=wanted_volume(copy)))

    def _order(
        self,
        copy: Copy,
        action: OrderAction,
        *,
        volume: Decimal | None = None,
        target_volume: Decimal | None = None,
        fraction: Decimal | None = None,
        price: Decimal | None = None,
        stop_loss: Decimal | None = None,
        take_profit: Decimal | None = None,
    ) -> Order:
        return Order(
            command_id=self.ids.take(copy.subscription),
            copy_id=copy.copy_id,
            opens_command_id=copy.opens,
            action=action,
            symbol=copy.symbol,
            side=copy.side,
            order_type=copy.order_type,
            volume=wanted_volume(copy) if volume is None else volume,
            target_volume=target_volume,
            fraction=fraction,
            price=price,
            stop_loss=stop_loss,
            take_profit=take_profit,
            magic=copy.magic,
            comment=copy.comment,
            ticket=copy.ticket,
            position_id=copy.position_id,
        )

    def _planned(self, copy: Copy, order: Order) -> CopyDecision:
        if copy.sandbox:
            return self._decision(copy, Outcome.SANDBOX, order=order, reason=SkipReason.SANDBOX)
        return self._decision(copy, Outcome.PLANNED, order=order)

    def _unchanged(self, copy: Copy, why: str) -> CopyDecision:
        return self._decision(copy, Outcome.UNCHANGED, reason=why)

    def _skipped(self, copy: Copy, why: str) -> CopyDecision:
        return self._decision(copy, Outcome.SKIPPED, reason=why)

    def _over(self, copy: Copy) -> CopyDecision:
        """The copy ended before: by its own stop, by hand, or it never opened."""
        return self._decision(copy, Outcome.SKIPPED, reason=SkipReason.NOT_OPEN, detail=copy.cause)

    def _decision(
        self,
        copy: Copy,
        outcome: Outcome,
        *,
        order: Order | None = None,
        reason: str | None = None,
        detail: str | None = None,
        withdrawn: CommandId | None = None,
        replace_until: datetime | None = None,
    ) -> CopyDecision:
        subscription = self.state.subscriptions.get(copy.subscription)
        return CopyDecision(
            subscription=copy.subscription,
            follower=copy.follower,
            outcome=outcome,
            copy_id=copy.copy_id,
            order=order,
            reason=reason,
            detail=detail,
            rules_revision=subscription.revision if subscription is not None else 0,
            rules_version=subscription.rules_version if subscription is not None else 0,
            withdrawn=withdrawn,
            replace_until=replace_until,
        )


def wanted_volume(copy: Copy) -> Decimal:
    """Lots that the copy holds, or will hold once its open is filled."""
    return copy.live_volume if copy.filled else copy.planned_volume


def closing_action(copy: Copy) -> OrderAction:
    """A resting order is cancelled; if it was filled meanwhile the EA says so and the core closes."""
    return OrderAction.CANCEL if is_resting(copy) else OrderAction.CLOSE


def is_resting(copy: Copy) -> bool:
    """A pending order that the follower's own market has not filled yet."""
    return copy.order_type is not OrderType.MARKET and not copy.filled and copy.status is not CopyStatus.OPEN


def target_of(state: State, copy: Copy, opened: Decimal, after: Decimal) -> Decimal:
    """Lots that must remain of a copy once its leader holds `after` of `opened` lots."""
    account = state.accounts[copy.follower]
    base = copy.filled or copy.planned_volume
    return remaining_target(
        base,
        opened,
        after,
        account.spec_of(copy.symbol),
        state.subscriptions[copy.subscription].rules.remainder,
    )


def _not_copied(subscription: Subscription) -> CopyDecision:
    return CopyDecision(
        subscription=subscription.subscription,
        follower=subscription.follower,
        outcome=Outcome.SKIPPED,
        reason=SkipReason.NOT_COPIED,
        rules_revision=subscription.revision,
        rules_version=subscription.rules_version,
    )

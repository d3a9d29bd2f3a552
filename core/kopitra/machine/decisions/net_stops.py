"""Stops on netting accounts: they belong to the whole net position there, so a copy has them at its broker only as long
as it is alone in its symbol. Otherwise the leader's own stop closes it (docs/decisions/0137)."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from kopitra.domain.identifiers import AccountId, CopyId
from kopitra.domain.stops import Stops
from kopitra.domain.trading import Order, OrderAction
from kopitra.machine.decisions.identity import CommandIds
from kopitra.machine.decisions.netting import STOPS_HELD_BY_LEADER, is_shared
from kopitra.machine.events import CopyDecision, Outcome
from kopitra.machine.state import Account, Copy, CopyStatus, State, Subscription


class Placed(msgspec.Struct, frozen=True):
    """`shared`: others are in the position, so none of its copies may have stops."""

    stops: Stops
    notes: tuple[str, ...] = ()
    shared: bool = False


class NetStops:
    """The stops of one event's opens. `leaving`: copies that the same event closes."""

    def __init__(self, state: State, ids: CommandIds, subscriptions: list[Subscription]) -> None:
        self._state = state
        self.ids = ids
        self._subscriptions = subscriptions
        self._times: Counter[AccountId] | None = None
        self.leaving: frozenset[CopyId] = frozenset()
        self.clearing: list[CopyDecision] = []
        """Modifications that take stops away from copies that are no longer alone."""

    def place(self, account: Account, symbol: str, stops: Stops) -> Placed:
        """What of `stops` an open in this symbol may carry."""
        if not self._meets_others(account, symbol):
            return Placed(stops)
        notes = (STOPS_HELD_BY_LEADER,) if stops.stop_loss or stops.take_profit else ()
        return Placed(Stops(), notes, shared=True)

    def clear(self, account: Account, symbol: str) -> None:
        """Have the stops of those that were alone until now taken away."""
        self.clearing.extend(self._cleared(account, symbol))

    def _meets_others(self, account: Account, symbol: str) -> bool:
        """Others are in the position, or come into it by this very event."""
        if self._times is None:
            self._times = Counter(subscription.follower for subscription in self._subscriptions)
        return self._times[account.account] > 1 or is_shared(account, symbol, self.leaving)

    def _cleared(self, account: Account, symbol: str) -> Iterator[CopyDecision]:
        told = {decision.copy_id for decision in self.clearing}
        for copy in account.following.copies.values():
            if copy.symbol != symbol or not copy.live or copy.closing or copy.copy_id in self.leaving:
                continue
            if copy.copy_id not in told and (copy.stop_loss or copy.take_profit):
                yield self._without_stops(copy)

    def _without_stops(self, copy: Copy) -> CopyDecision:
        subscription = self._state.subscriptions.get(copy.subscription)
        return CopyDecision(
            subscription=copy.subscription,
            follower=copy.follower,
            outcome=Outcome.PLANNED,
            copy_id=copy.copy_id,
            order=Order(
                command_id=self.ids.take(copy.subscription),
                copy_id=copy.copy_id,
                opens_command_id=copy.opens,
                action=OrderAction.MODIFY,
                symbol=copy.symbol,
                side=copy.side,
                order_type=copy.order_type,
                volume=copy.live_volume or copy.planned_volume,
                price=copy.price if copy.status is not CopyStatus.OPEN else None,
                magic=copy.magic,
                comment=copy.comment,
            ),
            reason=STOPS_HELD_BY_LEADER,
            rules_revision=subscription.revision if subscription is not None else 0,
            rules_version=subscription.rules_version if subscription is not None else 0,
        )

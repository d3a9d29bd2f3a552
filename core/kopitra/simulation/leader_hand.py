"""The leader's hand: an event of the timeline as the trade that makes it happen at the leader's broker."""

from kopitra.domain.orders import DealReason
from kopitra.simulation.broker.fills import Exact
from kopitra.simulation.broker.records import Action as RequestAction
from kopitra.simulation.broker.records import TradeRequest, TradeResult
from kopitra.simulation.timeline import Action, Reason, TimelineEvent

REASONS = {
    Reason.STOP_LOSS: DealReason.STOP_LOSS,
    Reason.TAKE_PROFIT: DealReason.TAKE_PROFIT,
    Reason.STOP_OUT: DealReason.STOP_OUT,
    Reason.CLOSE_BY: DealReason.CLOSE_BY,
    Reason.BROKER: DealReason.BROKER,
    Reason.EXPERT: DealReason.EXPERT,
}
"""Everything else was done by hand."""

REQUESTS: dict[Action, RequestAction] = {
    Action.OPEN: "deal",
    Action.CLOSE: "deal",
    Action.PARTIAL_CLOSE: "deal",
    Action.MODIFY: "sltp",
    Action.PENDING_PLACED: "pending",
    Action.PENDING_MODIFIED: "modify",
    Action.PENDING_FILLED: "fill",
    Action.PENDING_CANCELLED: "remove",
}
ON_ORDERS = frozenset({Action.PENDING_MODIFIED, Action.PENDING_FILLED, Action.PENDING_CANCELLED})
ON_POSITIONS = frozenset({Action.CLOSE, Action.PARTIAL_CLOSE, Action.MODIFY})


class Tickets:
    """The leader's broker's present ticket of every position and order, by the timeline's position_ref."""

    def __init__(self) -> None:
        self._tickets: dict[str, int] = {}

    def request_for(self, event: TimelineEvent) -> TradeRequest:
        """Raises KeyError for a position that never began."""
        ticket = self._tickets[event.position_ref] if event.action in ON_ORDERS | ON_POSITIONS else None
        return TradeRequest(
            action=REQUESTS[event.action],
            symbol=event.symbol,
            side=event.side if event.action in (Action.OPEN, Action.PENDING_PLACED) else None,
            order_type=event.order_type,
            volume=event.volume if event.action not in (Action.MODIFY, Action.PENDING_FILLED) else None,
            price=event.price if event.action in (Action.PENDING_PLACED, Action.PENDING_MODIFIED) else None,
            stop_loss=event.stop_loss,
            take_profit=event.take_profit,
            magic=event.magic,
            comment=event.comment,
            position=ticket if event.action in ON_POSITIONS else None,
            order=ticket if event.action in ON_ORDERS else None,
        )

    def note(self, event: TimelineEvent, result: TradeResult) -> None:
        """Remember where the position goes on."""
        match event.action:
            case Action.OPEN | Action.PENDING_FILLED:
                ticket = result.position_ticket or result.position_id
            case Action.PENDING_PLACED:
                ticket = result.order_ticket
            case _:
                ticket = result.remainder_ticket
        if ticket is not None:
            self._tickets[event.position_ref] = ticket


def exactly(event: TimelineEvent) -> Exact:
    """The history's own figures, which no market check can refuse."""
    return Exact(
        price=event.price if event.action not in (Action.PENDING_PLACED, Action.PENDING_MODIFIED) else None,
        profit=event.profit,
        commission=event.commission,
        swap=event.swap,
    )


def reason_of(event: TimelineEvent) -> DealReason:
    return REASONS.get(event.reason, DealReason.CLIENT) if event.reason is not None else DealReason.CLIENT

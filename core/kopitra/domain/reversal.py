"""What a trade becomes for a follower that copies in reverse."""

from decimal import Decimal

from kopitra.domain.orders import OrderType, Side


def copied_side(side: Side, reverse: bool) -> Side:
    return side.opposite if reverse else side


def copied_order_type(order_type: OrderType, reverse: bool) -> OrderType | None:
    """The order that waits at the same price on the other side: a limit becomes a stop and the other way round.

    None for a stop-limit order: its limit price lies on the wrong side of its stop once reversed.
    """
    if not reverse or order_type is OrderType.MARKET:
        return order_type
    return {OrderType.LIMIT: OrderType.STOP, OrderType.STOP: OrderType.LIMIT}.get(order_type)


def copied_stops(
    stop_loss: Decimal | None, take_profit: Decimal | None, reverse: bool
) -> tuple[Decimal | None, Decimal | None]:
    """The leader's loss is the reverse copy's profit: stop loss and take profit change places."""
    return (take_profit, stop_loss) if reverse else (stop_loss, take_profit)

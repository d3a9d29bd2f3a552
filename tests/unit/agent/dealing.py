"""What a scripted broker does with a trade request."""

from decimal import Decimal

import msgspec

from kopitra.domain.orders import DealReason
from kopitra_agent.ports.terminal import Deal, PendingOrder, TradeRequest, TradeResult
from tests.unit.agent.broker import Broker


def execute(broker: Broker, request: TradeRequest, fill: Decimal | None) -> TradeResult:
    match request.action:
        case "deal" if request.position is None:
            return _enter(broker, request, fill)
        case "deal":
            return _leave(broker, request, fill)
        case "pending":
            return _rest(broker, request)
        case "sltp":
            return _change_stops(broker, request)
        case "modify":
            return _change_order(broker, request)
        case "remove":
            if request.order not in broker.orders:
                return TradeResult(retcode=10013)
            broker.finish(request.order, "cancelled")
            return TradeResult(retcode=10009, order_ticket=request.order)
        case _:
            raise AssertionError(request.action)


def _enter(broker: Broker, request: TradeRequest, fill: Decimal | None) -> TradeResult:
    assert request.side is not None
    assert request.volume is not None
    volume = min(request.volume, fill) if fill is not None else request.volume
    position = broker.open(
        request.side,
        str(volume),
        name=request.symbol,
        magic=request.magic,
        reason=DealReason.EXPERT,
        stop_loss=request.stop_loss,
        comment=request.comment,
    )
    return _answer(broker.deals[-1], position.ticket, 10009 if volume == request.volume else 10010)


def _leave(broker: Broker, request: TradeRequest, fill: Decimal | None) -> TradeResult:
    position = broker.positions.get(request.position or 0)
    if position is None:
        return TradeResult(retcode=10036)
    wanted = request.volume or position.volume
    if wanted > position.volume:
        return TradeResult(retcode=10038)
    volume = min(wanted, fill) if fill is not None else wanted
    magic = request.magic if broker.keeps_magic else 0
    deal = broker.close(position.ticket, volume, DealReason.EXPERT, magic)
    return _answer(deal, position.ticket, 10009 if volume == wanted else 10010)


def _answer(deal: Deal, ticket: int, retcode: int) -> TradeResult:
    return TradeResult(
        retcode=retcode,
        deal_id=deal.deal_id,
        order_ticket=deal.order_ticket,
        position_id=deal.position_id,
        position_ticket=ticket,
        remainder_ticket=deal.remainder_ticket,
        volume=deal.volume,
        price=deal.price,
    )


def _rest(broker: Broker, request: TradeRequest) -> TradeResult:
    assert request.side is not None
    assert request.volume is not None
    assert request.price is not None
    order = PendingOrder(
        ticket=broker.ticket(),
        symbol=request.symbol,
        side=request.side,
        order_type=request.order_type,
        volume=request.volume,
        price=request.price,
        placed_at=broker.world.now(),
        stop_loss=request.stop_loss,
        take_profit=request.take_profit,
        expires_at=request.expires_at,
        magic=request.magic if broker.keeps_magic else 0,
    )
    broker.place(order)
    return TradeResult(retcode=10008, order_ticket=order.ticket, volume=request.volume, price=request.price)


def _change_stops(broker: Broker, request: TradeRequest) -> TradeResult:
    position = broker.positions.get(request.position or 0)
    if position is None:
        return TradeResult(retcode=10036)
    if (position.stop_loss, position.take_profit) == (request.stop_loss, request.take_profit):
        return TradeResult(retcode=10025)
    broker.positions[position.ticket] = msgspec.structs.replace(
        position, stop_loss=request.stop_loss, take_profit=request.take_profit
    )
    broker.version += 1
    return TradeResult(retcode=10009)


def _change_order(broker: Broker, request: TradeRequest) -> TradeResult:
    order = broker.orders.get(request.order or 0)
    if order is None or request.price is None:
        return TradeResult(retcode=10013)
    broker.orders[order.ticket] = msgspec.structs.replace(
        order, price=request.price, stop_loss=request.stop_loss, take_profit=request.take_profit
    )
    broker.version += 1
    return TradeResult(retcode=10009)

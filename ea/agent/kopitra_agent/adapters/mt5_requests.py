"""The port's trade requests as the `MetaTrader5` package's dictionaries, and its answers as results.

The package insists on floats for prices and volumes and on whole numbers elsewhere. Source: MQL5 Reference,
"order_send", "MqlTradeRequest", "SYMBOL_FILLING_MODE".
"""

from datetime import tzinfo
from typing import Any

from kopitra.domain.orders import OrderType, Side
from kopitra_agent.adapters.mt5_records import number, price, server_seconds
from kopitra_agent.ports.terminal import TradeRequest, TradeResult

ACTIONS = {"deal": 1, "pending": 5, "sltp": 6, "modify": 7, "remove": 8, "close_by": 10}
MARKET_TYPES = {Side.BUY: 0, Side.SELL: 1}
PENDING_TYPES = {
    (Side.BUY, OrderType.LIMIT): 2,
    (Side.SELL, OrderType.LIMIT): 3,
    (Side.BUY, OrderType.STOP): 4,
    (Side.SELL, OrderType.STOP): 5,
}
CLOSE_BY_TYPE = 8
FILL_OR_KILL, IMMEDIATE_OR_CANCEL, RETURN_REST = 0, 1, 2
FOK_FLAG, IOC_FLAG = 1, 2
MARKET_EXECUTION = 2
"""SYMBOL_TRADE_EXEMODE: under market execution a market order must not return its rest."""
GOOD_TILL_CANCELLED, UNTIL_SPECIFIED = 0, 2
INVALID = 10013
ANY_DEVIATION = 1_000_000
"""Points. A request without price and deviation takes any market price: no requote may stop it."""


class RequestInvalid(Exception):
    """The request cannot be said in MetaTrader's words; the message tells why. Nothing was sent."""


def filling_modes(symbol: Any, pending: bool) -> list[int]:
    """ORDER_FILLING values to try, the most likely first. A refusal for the filling (10030) executes nothing."""
    allowed: list[int] = []
    if symbol.filling_mode & FOK_FLAG:
        allowed.append(FILL_OR_KILL)
    if symbol.filling_mode & IOC_FLAG:
        allowed.append(IMMEDIATE_OR_CANCEL)
    if pending:
        return [RETURN_REST, *allowed]
    if symbol.trade_exemode != MARKET_EXECUTION or not allowed:
        allowed.append(RETURN_REST)
    return allowed


def request_fields(
    request: TradeRequest, symbol: Any, tick: Any, position: Any, zone: tzinfo
) -> dict[str, Any]:
    """Everything but the filling. `position` is the package's row of the one that the request names. Raises
    RequestInvalid."""
    fields: dict[str, Any] = {
        "action": ACTIONS[request.action],
        "symbol": request.symbol,
        "magic": request.magic,
        "comment": request.comment,
    }
    match request.action:
        case "deal":
            fields |= _market(request, symbol, tick, position)
        case "pending":
            fields |= {"type": _pending_type(request), "volume": _volume(request)} | _levels(request, zone)
        case "modify":
            fields |= {"order": request.order} | _levels(request, zone)
        case "sltp":
            fields |= {"position": request.position} | _stops(request)
        case "remove":
            fields |= {"order": request.order}
        case "close_by":
            fields |= {
                "type": CLOSE_BY_TYPE,
                "position": request.position,
                "position_by": request.position_by,
            }
    return fields


def result_of(answer: Any) -> TradeResult:
    """What order_send returned; its zeros mean "nothing"."""
    return TradeResult(
        retcode=answer.retcode,
        message=answer.comment,
        deal_id=answer.deal or None,
        order_ticket=answer.order or None,
        volume=number(answer.volume) if answer.volume else None,
        price=price(answer.price) if answer.price else None,
    )


def invalid(why: str) -> TradeResult:
    return TradeResult(retcode=INVALID, message=why)


def _market(request: TradeRequest, symbol: Any, tick: Any, position: Any) -> dict[str, Any]:
    side = request.side
    volume = None if request.volume is None else float(request.volume)
    if position is not None:
        side = Side.SELL if position.type == MARKET_TYPES[Side.BUY] else Side.BUY
        volume = position.volume if volume is None else volume
    if side is None or volume is None:
        raise RequestInvalid("a market order needs side and volume")
    market = tick.ask if side is Side.BUY else tick.bid
    fields: dict[str, Any] = {
        "type": MARKET_TYPES[side],
        "volume": volume,
        "price": market,
        "deviation": ANY_DEVIATION,
    }
    if request.price is not None and request.deviation is not None:
        fields["price"] = float(request.price)
        fields["deviation"] = int(request.deviation / price(symbol.point))
    if position is not None:
        return fields | {"position": position.ticket}
    return fields | _stops(request)


def _levels(request: TradeRequest, zone: tzinfo) -> dict[str, Any]:
    if request.price is None:
        raise RequestInvalid("a pending order needs a price")
    until: dict[str, Any] = {"type_time": GOOD_TILL_CANCELLED}
    if request.expires_at is not None:
        until = {"type_time": UNTIL_SPECIFIED, "expiration": server_seconds(request.expires_at, zone)}
    return {"price": float(request.price)} | until | _stops(request)


def _stops(request: TradeRequest) -> dict[str, Any]:
    return {"sl": float(request.stop_loss or 0), "tp": float(request.take_profit or 0)}


def _volume(request: TradeRequest) -> float:
    if request.volume is None:
        raise RequestInvalid("an order needs a volume")
    return float(request.volume)


def _pending_type(request: TradeRequest) -> int:
    found = PENDING_TYPES.get((request.side, request.order_type)) if request.side else None
    if found is None:
        raise RequestInvalid(f"{request.side} {request.order_type} is no pending order")
    return found

"""From a request to the part of the broker that handles it, with the faults that befall an EA's request."""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.broker import market_orders, pending_orders
from kopitra.simulation.broker.account import Account
from kopitra.simulation.broker.faults import Fault, FaultKind
from kopitra.simulation.broker.market import entry_price
from kopitra.simulation.broker.market_orders import Instruction
from kopitra.simulation.broker.records import Position, TradeRequest, TradeResult, refused
from kopitra.simulation.broker.retcodes import Retcode

UNANSWERED = (FaultKind.REQUEST_LOST, FaultKind.ANSWER_LOST)
"""The shell reports a broken connection instead of the result."""
NOT_EXECUTED = {
    FaultKind.REQUEST_LOST: Retcode.CONNECTION,
    FaultKind.TIMEOUT: Retcode.TIMEOUT,
}


def trade(account: Account, request: TradeRequest, fault: Fault) -> TradeResult:
    """Execute an EA's request. What the caller learns may be less than what happened: see `FaultKind`."""
    if request.action == "fill":
        return refused(Retcode.INVALID)
    if not account.state.autotrading:
        return refused(Retcode.CLIENT_DISABLES_AUTOTRADING)
    if fault.kind in NOT_EXECUTED:
        return refused(NOT_EXECUTED[fault.kind])
    if fault.kind is FaultKind.REJECT:
        return refused(fault.retcode)
    order = Instruction(request=request)
    if request.action == "deal" and fault.kind is FaultKind.REQUOTE:
        return _requoted(account, request, fault.requote_points)
    if fault.kind is FaultKind.PARTIAL:
        order = Instruction(request=request, fill_per_mille=fault.fill_per_mille)
    result = carry_out(account, order)
    return refused(Retcode.TIMEOUT) if fault.kind is FaultKind.TIMEOUT_EXECUTED else result


def carry_out(account: Account, order: Instruction) -> TradeResult:
    """Execute an instruction, or refuse it and change nothing."""
    spec = account.state.symbols.get(order.request.symbol)
    if spec is None or not _is_finite(order.request):
        return refused(Retcode.INVALID)
    if order.request.action == "close_by" or order.request.position is not None:
        return _on_position(account, spec, order)
    return _ACTIONS[order.request.action](account, spec, order)


def _on_position(account: Account, spec: SymbolSpec, order: Instruction) -> TradeResult:
    position = account.state.positions.get(order.request.position or 0)
    if position is None:
        return refused(Retcode.POSITION_CLOSED)
    action = _POSITION_ACTIONS.get(order.request.action)
    return refused(Retcode.INVALID) if action is None else action(account, spec, position, order)


def _close_by(account: Account, spec: SymbolSpec, position: Position, order: Instruction) -> TradeResult:
    if position.symbol != spec.symbol:
        return refused(Retcode.INVALID)
    return market_orders.close_against(account, position, order)


def _fill(account: Account, spec: SymbolSpec, order: Instruction) -> TradeResult:
    known = account.state.orders.get(order.request.order or 0)
    if known is None or known.symbol != spec.symbol:
        return refused(Retcode.INVALID)
    given = order.exact.price if order.exact else None
    return pending_orders.fill(account, known, known.price if given is None else given, order.exact)


def _stops_without_position(account: Account, spec: SymbolSpec, order: Instruction) -> TradeResult:
    return refused(Retcode.INVALID)


def _requoted(account: Account, request: TradeRequest, points: int) -> TradeResult:
    """10004 with a price that is worse by so many points."""
    spec = account.state.symbols.get(request.symbol)
    quote = account.state.quotes.get(request.symbol)
    if spec is None or quote is None or request.side is None:
        return refused(Retcode.REQUOTE)
    price = entry_price(quote, request.side)
    worse = points * spec.point if price == quote.ask else -points * spec.point
    return refused(Retcode.REQUOTE, price=price + worse)


def _is_finite(request: TradeRequest) -> bool:
    """No number of the request is a NaN or an infinity."""
    return all(value.is_finite() for value in msgspec.structs.astuple(request) if isinstance(value, Decimal))


_Action = Callable[[Account, SymbolSpec, Instruction], TradeResult]
_PositionAction = Callable[[Account, SymbolSpec, Position, Instruction], TradeResult]

_ACTIONS: dict[str, _Action] = {
    "deal": market_orders.open_at_market,
    "pending": pending_orders.place,
    "sltp": _stops_without_position,
    "modify": pending_orders.modify,
    "remove": pending_orders.cancel,
    "fill": _fill,
}
_POSITION_ACTIONS: dict[str, _PositionAction] = {
    "deal": market_orders.close_at_market,
    "sltp": market_orders.change_stops,
    "close_by": _close_by,
}

"""Orders that an operator gives to one account's EA."""

from kopitra.domain.identifiers import CommandId, CopyId, derived_id
from kopitra.domain.trading import Order, OrderAction
from kopitra.machine.commands import PlaceOperatorOrder
from kopitra.machine.decisions.halting import halts_account
from kopitra.machine.decisions.identity import MagicNumbers
from kopitra.machine.events import OperatorOrdered
from kopitra.machine.outcome import Context, Decision, Refusal, Result
from kopitra.machine.state import Account, Copy, State

OPERATOR_OPEN_TTL_MS = 60_000
"""An operator's open is as perishable as a copied one."""


def place_operator_order(state: State, command: PlaceOperatorOrder, context: Context) -> Result:
    account = state.accounts[command.account]
    opens = command.action is OrderAction.OPEN
    halt = halts_account(state, command.account)
    if opens and halt is not None:
        return Refusal(status=409, code="trading_halted", detail=f"trading is halted: {halt}")
    lacking = _lacks(command)
    if lacking is not None:
        return lacking
    command_id = CommandId(
        derived_id("o-", state.shard, command.account, "operator", str(account.operator_orders + 1))
    )
    copy = None if opens else _copy_at(account, command.ticket)  # an open is a trade of its own
    order = Order(
        command_id=command_id,
        copy_id=copy.copy_id if copy is not None else None,
        action=command.action,
        symbol=command.symbol,
        side=command.side,
        order_type=command.order_type,
        volume=command.volume,
        target_volume=command.target_volume,
        price=command.price,
        stop_loss=command.stop_loss,
        take_profit=command.take_profit,
        ttl_ms=OPERATOR_OPEN_TTL_MS if opens else None,
        magic=copy.magic if copy is not None else MagicNumbers().take(command.account, account.following),
        comment=copy.comment if copy is not None else "K1" + command_id[2:].upper(),
        ticket=command.ticket,
        position_id=copy.position_id if copy is not None else None,
    )
    return Decision(
        (OperatorOrdered(account=command.account, order=order, subject=command.subject),),
        {"command_id": command_id},
    )


def _lacks(command: PlaceOperatorOrder) -> Refusal | None:
    """What an EA would have to guess: which position is meant, and how much of it is to remain."""
    if command.action is OrderAction.OFFSET:
        detail = (
            "offset is the platform's own way to take a copy off a net position; order a close or an open"
        )
        return Refusal(status=422, code="action_not_orderable", detail=detail)
    if command.action is not OrderAction.OPEN and command.ticket is None:
        detail = f"{command.action} needs the ticket it is meant for"
        return Refusal(status=422, code="ticket_missing", detail=detail)
    if command.action is OrderAction.PARTIAL_CLOSE and command.target_volume is None:
        detail = "partial_close needs targetVolume, the lots that are to remain"
        return Refusal(status=422, code="target_volume_missing", detail=detail)
    return None


def _copy_at(account: Account, ticket: int | None) -> Copy | None:
    """The live copy of a position, by its lasting id or by the ticket that it has had since a part was closed."""
    if ticket is None:
        return None
    book = account.following
    copy = book.copies.get(book.by_position.get(ticket, CopyId("")))
    if copy is not None and copy.live:
        return copy
    return next((copy for copy in book.copies.values() if copy.live and copy.ticket == ticket), None)

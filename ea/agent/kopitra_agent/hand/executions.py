"""A ledger line as the counterparty wants to hear of it."""

from datetime import datetime
from decimal import Decimal

from kopitra.domain.identifiers import CommandId
from kopitra.domain.orders import DealEntry, DealReason, Side
from kopitra.domain.trading import Execution, ExecutionStatus, OrderAction
from kopitra_agent.account import Owner
from kopitra_agent.hand.records import Outcome
from kopitra_agent.hand.state import Copy
from kopitra_agent.ports.terminal import Deal, PendingOrder

NAMES_ITS_SIDE = frozenset({OrderAction.OPEN, OrderAction.OFFSET})
"""A close names the side of what it closes."""


def execution_of(
    deal: Deal, copy: Copy, command: CommandId | None, filled: Decimal, owner: Owner
) -> Execution:
    """One deal of a copy; `filled`: lots of its open that are filled with this deal."""
    entry = deal.entry or DealEntry.IN
    entered = enters(deal, copy, owner)
    whole = not entered or filled >= copy.ordered
    return Execution(
        status=ExecutionStatus.FILLED if whole else ExecutionStatus.PARTIALLY_FILLED,
        symbol=deal.symbol,
        side=deal.side or copy.side,
        executed_at=deal.executed_at,
        command_id=command,
        position_ref=owner.position_ref(deal.position_id),
        entry=entry,
        reason=deal.reason or DealReason.EXPERT,
        order_ticket=deal.order_ticket,
        deal_id=deal.deal_id,
        position_id=deal.position_id,
        position_ticket=deal.remainder_ticket or deal.position_ticket,
        remainder_ticket=deal.remainder_ticket,
        fill_volume=deal.volume,
        fill_price=deal.price,
        profit=None if entered else deal.profit,
        commission=deal.commission or None,
        swap=deal.swap or None,
        fee=deal.fee or None,
    )


def enters(deal: Deal, copy: Copy, owner: Owner) -> bool:
    """Whether a deal fills the copy's open. Against other volume in a net position an open is an `out` deal, and an
    offset may be an `in`: there the side tells them apart."""
    return deal.side is copy.side if owner.netting else deal.entry is DealEntry.IN


def foreign_execution(deal: Deal, owner: Owner) -> Execution:
    """Somebody else's deal in a net position that copies share."""
    return Execution(
        status=ExecutionStatus.FILLED,
        symbol=deal.symbol,
        side=deal.side or Side.BUY,
        executed_at=deal.executed_at,
        position_ref=owner.position_ref(deal.position_id),
        entry=deal.entry or DealEntry.IN,
        reason=deal.reason or DealReason.CLIENT,
        order_ticket=deal.order_ticket,
        deal_id=deal.deal_id,
        position_id=deal.position_id,
        fill_volume=deal.volume,
        fill_price=deal.price,
        profit=deal.profit or None,
        commission=deal.commission or None,
        swap=deal.swap or None,
        fee=deal.fee or None,
    )


def execution_from_answer(outcome: Outcome, owner: Owner, at: datetime) -> Execution | None:
    """What the terminal answered, for a deal that its ledger does not show; None where the answer was too thin."""
    if outcome.volume is None or outcome.price is None or outcome.order_ticket is None:
        return None
    entered = outcome.action is OrderAction.OPEN
    return Execution(
        status=ExecutionStatus.FILLED,
        symbol=outcome.symbol,
        side=outcome.side if outcome.action in NAMES_ITS_SIDE else outcome.side.opposite,
        executed_at=at,
        command_id=outcome.command_id,
        position_ref=owner.position_ref(outcome.position_id) if outcome.position_id is not None else None,
        entry=DealEntry.IN if entered else DealEntry.OUT,
        order_ticket=outcome.order_ticket,
        deal_id=outcome.deal_ids[-1] if outcome.deal_ids else None,
        position_id=outcome.position_id,
        position_ticket=outcome.position_ticket,
        fill_volume=outcome.volume,
        fill_price=outcome.price,
    )


def execution_of_ended(order: PendingOrder, copy: Copy, at: datetime) -> Execution:
    """A pending order of ours that ended without our doing."""
    expired = order.state == "expired"
    return Execution(
        status=ExecutionStatus.EXPIRED if expired else ExecutionStatus.CANCELLED,
        symbol=order.symbol,
        side=order.side,
        executed_at=order.finished_at or at,
        command_id=copy.opened_by,
        reason=DealReason.BROKER if expired else DealReason.CLIENT,
        order_ticket=order.ticket,
    )

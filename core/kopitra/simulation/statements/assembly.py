"""Rows of a statement as a timeline's events: positions from their parts, orders, balance operations."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.quantities import ZERO
from kopitra.simulation.statements.chains import Chain
from kopitra.simulation.statements.rows import CashRow, OrderRow, TradeRow
from kopitra.simulation.timeline import Action, TimelineEvent


def position_events(chain: Chain) -> Iterator[TimelineEvent]:
    """Its open, each partial close and its close, in causal order, without quotes and without stops."""
    first = chain.first
    ref = str(first.ticket)
    yield TimelineEvent(
        at=first.opened_at,
        action=Action.OPEN,
        ticket=first.ticket,
        position_ref=ref,
        symbol=first.symbol,
        side=first.side,
        volume=chain.opened_volume,
        volume_before=ZERO,
        volume_after=chain.opened_volume,
        price=first.open_price,
        magic=first.remark.magic,
        comment=first.remark.text,
    )
    left = chain.opened_volume
    for index, part in enumerate(chain.parts):
        if part.closed_at is not None:
            rest = chain.parts[index + 1].ticket if index + 1 < len(chain.parts) else None
            yield _close(part, part.closed_at, ref, left, rest)
            left -= part.volume


def _close(part: TradeRow, at: datetime, ref: str, before: Decimal, rest: int | None) -> TimelineEvent:
    after = before - part.volume
    return TimelineEvent(
        at=at,
        action=Action.PARTIAL_CLOSE if after else Action.CLOSE,
        ticket=part.ticket,
        position_ref=ref,
        symbol=part.symbol,
        side=part.side,
        volume=part.volume,
        volume_before=before,
        volume_after=after,
        price=part.close_price,
        reason=part.remark.end_reason,
        profit=part.profit,
        commission=part.commission,
        swap=part.swap,
        remainder_ticket=rest if rest != part.ticket else None,
        magic=part.remark.magic,
        comment=part.remark.text,
    )


def order_events(order: OrderRow) -> Iterator[TimelineEvent]:
    """A pending order's placing and, where it ended, its cancellation."""
    placed = TimelineEvent(
        at=order.placed_at,
        action=Action.PENDING_PLACED,
        ticket=order.ticket,
        position_ref=str(order.ticket),
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        volume=order.volume,
        price=order.price,
        stop_loss=order.stop_loss,
        take_profit=order.take_profit,
        magic=order.remark.magic,
        comment=order.remark.text,
    )
    yield placed
    if order.ended_at is not None:
        yield msgspec.structs.replace(
            placed,
            at=order.ended_at,
            action=Action.PENDING_CANCELLED,
            stop_loss=None,
            take_profit=None,
            reason=order.remark.end_reason,
        )


def cash_event(row: CashRow) -> TimelineEvent:
    return TimelineEvent(
        at=row.at,
        action=Action.BALANCE,
        ticket=row.ticket,
        amount=row.amount,
        cash=row.cash,
        comment=row.comment,
    )

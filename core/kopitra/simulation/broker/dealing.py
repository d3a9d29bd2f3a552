"""Turning fills into positions and ledger lines. Nothing here refuses: the checks are done."""

from dataclasses import dataclass, replace
from decimal import Decimal

import msgspec

from kopitra.domain.orders import DealEntry, DealReason, MarginMode
from kopitra.domain.quantities import ZERO
from kopitra.simulation.broker import money, netting
from kopitra.simulation.broker.account import Account
from kopitra.simulation.broker.booking import booked
from kopitra.simulation.broker.fills import Exact, Fill
from kopitra.simulation.broker.records import Deal, DealKind, Position, TradeResult
from kopitra.simulation.broker.retcodes import Retcode, message_of


@dataclass(frozen=True, kw_only=True)
class Closing:
    """How (a part of) a position is closed. Without an order of its own it gets the next ticket."""

    volume: Decimal
    price: Decimal
    reason: DealReason
    magic: int = 0
    comment: str = ""
    order_ticket: int | None = None
    exact: Exact | None = None


def enter(account: Account, fill: Fill) -> TradeResult:
    """Execute a market fill: a new position, or on a netting account a change of the symbol's one position."""
    if account.state.terms.mode is MarginMode.NETTING:
        held = account.positions_of(fill.symbol)
        if held:
            return _enter_net(account, held[0], fill)
    return _open(account, fill)


def close(account: Account, position: Position, closing: Closing) -> TradeResult:
    """Close a part or all of a position at a price; writes one `out` deal."""
    profile = account.state.profile
    order_ticket = closing.order_ticket or account.new_ticket()
    sums = booked(account, position, closing.volume, closing.price, closing.exact)
    remainder_ticket = _keep_rest(account, position, closing.volume, sums.swap_share)
    comment = closing.comment
    if remainder_ticket is not None and profile.comments.remainder_from:
        comment = f"to #{remainder_ticket}"
    deal = account.write_deal(
        order_ticket=order_ticket,
        position_id=position.position_id,
        position_ticket=position.ticket,
        symbol=position.symbol,
        side=position.side.opposite,
        entry=DealEntry.OUT,
        reason=closing.reason,
        volume=closing.volume,
        price=closing.price,
        magic=position.magic if profile.closes_keep_magic else closing.magic,
        comment=profile.comments.stored(comment),
        profit=sums.profit,
        commission=sums.commission,
        swap=sums.swap,
        remainder_ticket=remainder_ticket,
    )
    return result_of(deal)


def close_by(account: Account, position: Position, other: Position, closing: Closing) -> TradeResult:
    """Close two opposite positions against each other at the second's opening price, free of commission.

    As MetaTrader books it: the first deal carries the profit, the second (at its own opening price) none.
    """
    pair = replace(
        closing,
        volume=min(position.volume, other.volume),
        price=other.open_price,
        reason=DealReason.CLOSE_BY,
        exact=Exact(commission=ZERO),
    )
    result = close(account, position, pair)
    close(account, other, replace(pair, order_ticket=result.order_ticket))
    return result


def operate_balance(account: Account, kind: DealKind, amount: Decimal, comment: str) -> TradeResult:
    """A deposit, withdrawal (negative amount) or credit; the result names its ledger line."""
    deal = account.write_deal(
        order_ticket=0,
        position_id=0,
        position_ticket=0,
        symbol="",
        side=None,
        entry=None,
        reason=None,
        volume=ZERO,
        price=ZERO,
        comment=comment,
        profit=money.rounded(account, amount),
        kind=kind,
    )
    return result_of(deal)


def result_of(deal: Deal) -> TradeResult:
    return TradeResult(
        retcode=Retcode.DONE,
        message=message_of(Retcode.DONE),
        deal_id=deal.deal_id,
        order_ticket=deal.order_ticket,
        position_id=deal.position_id,
        position_ticket=deal.position_ticket,
        remainder_ticket=deal.remainder_ticket,
        volume=deal.volume,
        price=deal.price,
    )


def _keep_rest(account: Account, position: Position, closed: Decimal, swap_share: Decimal) -> int | None:
    """Take the closed volume out of the books; the rest's new ticket where the profile gives it one."""
    rest = msgspec.structs.replace(position, volume=position.volume - closed, swap=position.swap - swap_share)
    profile = account.state.profile
    if not rest.volume:
        account.drop(position.ticket)
        return None
    if not profile.new_ticket_at_partial_close:
        account.put(rest)
        return None
    ticket = account.new_ticket()
    comment = f"from #{position.ticket}" if profile.comments.remainder_from else position.comment
    account.drop(position.ticket)
    account.put(msgspec.structs.replace(rest, ticket=ticket, comment=profile.comments.stored(comment)))
    return ticket


def _open(account: Account, fill: Fill) -> TradeResult:
    position = Position(
        ticket=fill.order_ticket,
        position_id=fill.order_ticket,
        symbol=fill.symbol,
        side=fill.side,
        volume=fill.volume,
        open_price=fill.price,
        opened_at=account.state.clock,
        stop_loss=fill.stop_loss,
        take_profit=fill.take_profit,
        magic=fill.magic,
        comment=account.state.profile.comments.stored(fill.comment),
    )
    account.put(position)
    return _entry_deal(account, position, fill, DealEntry.IN)


def _enter_net(account: Account, held: Position, fill: Fill) -> TradeResult:
    if fill.side is held.side:
        account.put(netting.increased(account, held, fill))
        return _entry_deal(account, held, fill, DealEntry.IN)
    if fill.volume > held.volume:
        return _reverse(account, held, fill)
    closing = Closing(
        volume=fill.volume,
        price=fill.price,
        reason=fill.reason,
        magic=fill.magic,
        comment=fill.comment,
        order_ticket=fill.order_ticket,
        exact=fill.exact,
    )
    return close(account, held, closing)


def _reverse(account: Account, held: Position, fill: Fill) -> TradeResult:
    """Through zero to the other side: one `inout` deal; the identifier stays, the ticket becomes the order's."""
    sums = booked(account, held, held.volume, fill.price, fill.exact)
    account.drop(held.ticket)
    account.put(netting.reversed_position(account, held, fill))
    return _entry_deal(account, held, fill, DealEntry.INOUT, profit=sums.profit, swap=sums.swap)


def _entry_deal(
    account: Account,
    position: Position,
    fill: Fill,
    entry: DealEntry,
    profit: Decimal = ZERO,
    swap: Decimal = ZERO,
) -> TradeResult:
    given = fill.exact.commission if fill.exact else None
    deal = account.write_deal(
        order_ticket=fill.order_ticket,
        position_id=position.position_id,
        position_ticket=position.ticket,
        symbol=fill.symbol,
        side=fill.side,
        entry=entry,
        reason=fill.reason,
        volume=fill.volume,
        price=fill.price,
        magic=fill.magic,
        comment=account.state.profile.comments.stored(fill.comment),
        profit=profit,
        commission=money.commission(account, fill.volume) if given is None else given,
        swap=swap,
        remainder_ticket=fill.order_ticket if entry is DealEntry.INOUT else None,
    )
    return result_of(deal)

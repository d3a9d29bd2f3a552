"""Copies: how they began, what they were settled as or stopped by, and their deals."""

from typing import Any

from kopitra.domain.trading import OrderAction
from kopitra.machine.state import CopyStatus
from kopitra_functions.history.projecting.facts import Note, Row, earliest, latest
from kopitra_functions.history.projecting.life import ADOPTED
from kopitra_functions.history.projecting.orders import SUPERSEDED, issued, said
from kopitra_functions.sql import tables


def begun(note: Note, decided: Any, body: Any, leader: str, ref: str, *, paper: bool) -> None:
    """A copy, by the decision that opens it."""
    order = decided.order
    if order is None or decided.copy_id is None or order.action != OrderAction.OPEN:
        return
    values: Row = {
        "subscription": decided.subscription,
        "leader": leader,
        "follower": decided.follower,
        "position_ref": ref,
        "generation": decided.generation,
        "run_id": body.run,
        "planned_at": note.told.at,
        "symbol": order.symbol,
        "side": str(order.side),
        "planned_volume": order.volume,
        "magic": order.magic,
        "sandbox": paper,
    }
    _copy(note, decided.copy_id, values)


def adopted(note: Note, body: Any) -> None:
    """A position that became a copy: its open is one that there never was."""
    held = body.held
    values: Row = {
        "subscription": body.subscription,
        "leader": body.leader,
        "follower": body.account,
        "position_ref": body.position_ref,
        "generation": body.generation,
        "run_id": body.run,
        "planned_at": note.told.at,
        "symbol": held.symbol,
        "side": str(held.side),
        "planned_volume": held.volume,
        "magic": body.magic,
        "sandbox": False,
    }
    _copy(note, body.copy_id, values)
    opens: Row = {
        "account": body.account,
        "journal_id": note.place.journal_id,
        "shard": note.place.shard,
        "created_at": note.told.at,
        "cause": ADOPTED,
        "run_id": body.run,
        "subscription": body.subscription,
        "copy_id": body.copy_id,
        "action": str(OrderAction.OPEN),
        "symbol": held.symbol,
        "side": str(held.side),
        "order_type": str(held.order_type),
        "volume": held.volume,
        "price": held.price,
        "stop_loss": held.stop_loss,
        "take_profit": held.take_profit,
        "magic": body.magic,
        "comment": held.comment,
        "ticket": held.ticket,
        "position_id": held.position_id,
        "sandbox": False,
    }
    note.facts.merge(
        tables.orders, (body.opens,), note.told.tenant, earliest("sequence", note.place.sequence, opens)
    )
    said(note, body.opens, ADOPTED, ends=True)


def _copy(note: Note, copy_id: str, values: Row) -> None:
    note.facts.merge(
        tables.trades, (copy_id,), note.told.tenant, earliest("planned_sequence", note.place.sequence, values)
    )
    note.facts.copies.add(copy_id)


def settled(note: Note, copy_id: str, status: CopyStatus, cause: str, volume: Any = None) -> None:
    """What became of a copy by neither its deals nor its commands; the latest word counts."""
    values: Row = {
        "settled_as": str(status),
        "settled_by": cause,
        "settled_volume": volume,
        "settled_at": note.told.at,
    }
    note.facts.merge(
        tables.trades, (copy_id,), note.told.tenant, latest("settled_sequence", note.place.sequence, values)
    )
    note.facts.copies.add(copy_id)


def stopped(note: Note, body: Any, cause: str) -> None:
    """What halts, guards, silences and unsubscribing take back, close, and leave to its owner."""
    for withdrawal in getattr(body, "withdrawn", ()):
        said(note, withdrawal.command, SUPERSEDED, ends=True, reason=cause)
        note.facts.copies.add(withdrawal.copy_id)
    subject = getattr(body, "subject", None)
    for flatten in getattr(body, "orders", ()):
        issued(note, flatten.account, flatten.order, cause=cause, subject=subject)
    for release in getattr(body, "released", ()):
        settled(note, release.copy_id, CopyStatus.RELEASED, cause)


def executed(note: Note, body: Any) -> None:
    deal = body.execution
    note.facts.insert(
        tables.executions,
        journal_id=note.place.journal_id,
        shard=note.place.shard,
        sequence=note.place.sequence,
        tenant=note.told.tenant,
        account=body.account,
        occurred_at=note.told.at,
        execution_key=body.key,
        copy_id=body.copy_id,
        repeated=body.repeated,
        deal_id=str(deal.deal_id) if deal.deal_id is not None else None,
        **{name: str(getattr(deal, name)) for name in ("status", "side", "entry", "reason")},
        **{name: getattr(deal, name) for name in DEAL_MEMBERS},
    )
    if body.copy_id is not None:
        note.facts.copies.add(body.copy_id)
    if deal.command_id is not None:
        note.facts.commands.add(deal.command_id)


DEAL_MEMBERS = (
    "executed_at",
    "command_id",
    "symbol",
    "position_ref",
    "order_ticket",
    "position_id",
    "position_ticket",
    "remainder_ticket",
    "fill_volume",
    "fill_price",
    "requested_price",
    "profit",
    "commission",
    "swap",
    "fee",
    "retcode",
    "message",
)

"""Commands: how they came to be, and what was said of them."""

from typing import Any

from kopitra_functions.history.projecting.facts import Note, Row, earliest
from kopitra_functions.history.projecting.life import WITHDRAWN
from kopitra_functions.sql import tables

PAPER = "paper"
"""The status of a command that is recorded and never sent."""
SUPERSEDED = "superseded"
EXPIRED = "expired"
REDRIVEN = "redriven"
"""Another command has taken its place."""


def issued(  # noqa: PLR0913 - a row
    note: Note,
    account: str | None,
    order: Any,
    *,
    cause: str,
    run: str | None = None,
    subscription: str | None = None,
    replaces: str | None = None,
    subject: str | None = None,
    paper: bool = False,
) -> None:
    """A command, as the event that brought it about holds it."""
    values: Row = {
        "account": account,
        "journal_id": note.place.journal_id,
        "shard": note.place.shard,
        "created_at": note.told.at,
        "cause": cause,
        "run_id": run,
        "subscription": subscription,
        "replaces_command_id": replaces,
        "subject": subject,
        "sandbox": paper,
        **{name: getattr(order, name) for name in ORDER_MEMBERS},
        **{name: str(getattr(order, name)) for name in ("action", "side", "order_type")},
    }
    note.facts.merge(
        tables.orders,
        (order.command_id,),
        note.told.tenant,
        earliest("sequence", note.place.sequence, values),
    )
    note.facts.commands.add(order.command_id)
    if order.copy_id is not None:
        note.facts.copies.add(order.copy_id)
    if paper:
        said(note, order.command_id, PAPER, ends=True)


ORDER_MEMBERS = (
    "copy_id",
    "opens_command_id",
    "symbol",
    "volume",
    "target_volume",
    "fraction",
    "price",
    "stop_loss",
    "take_profit",
    "reference_price",
    "max_drift",
    "max_deviation",
    "time_in_force",
    "order_expires_at",
    "ttl_ms",
    "magic",
    "comment",
    "ticket",
    "position_id",
)


def said(
    note: Note,
    command: str,
    status: str,
    *,
    ends: bool,
    retcode: int | None = None,
    reason: str | None = None,
) -> None:
    """What was said of a command. What ends it outweighs whatever else was said; of its kind, the latest counts."""
    values: Row = {
        "status": status,
        "status_at": note.told.at,
        "retired": ends,
        "retcode": retcode,
        "reason": reason,
    }
    rank = (int(ends), note.place.sequence)

    def rule(row: Row) -> None:
        if _rank(row) < rank:
            row.update(values, status_sequence=note.place.sequence)

    note.facts.merge(tables.orders, (command,), note.told.tenant, rule)
    note.facts.commands.add(command)


def _rank(row: Row) -> tuple[int, int]:
    """What only follows from its copy's life (`life.in_life`) gives way to whatever is said of it."""
    if row["status"] == WITHDRAWN:
        return 0, 0
    return int(bool(row["retired"])), row["status_sequence"]


def acknowledged(note: Note, body: Any) -> None:
    said(
        note,
        body.command,
        str(body.status),
        ends=body.retires,
        retcode=body.retcode,
        reason=body.reason,
    )
    if body.retires:
        rule = earliest("acked_sequence", note.place.sequence, {"acked_at": note.told.at})
        note.facts.merge(tables.orders, (body.command,), note.told.tenant, rule)

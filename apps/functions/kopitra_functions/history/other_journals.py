"""Events of journals that are not there any more, as messages again: their rows are all that is left of them."""

from typing import Any

import msgspec
from sqlalchemy import Connection, and_, or_, select

from kopitra.domain.identifiers import AccountId, JournalId, TenantId
from kopitra_functions.history.checkpoints import Shard
from kopitra_functions.history.told import Place, Told
from kopitra_functions.sql.tables import events

Mark = tuple[str, str, int]
"""Journal, shard and sequence: where the next slice goes on."""


def rows_behind(connection: Connection, mark: Mark, live: Shard, number: int) -> list[Told]:
    """The next events of all journals but the live one."""
    column = events.c
    journal_id, shard, sequence = mark
    here = and_(column.journal_id == journal_id, column.shard == shard)
    behind = or_(
        column.journal_id > journal_id,
        and_(column.journal_id == journal_id, column.shard > shard),
        and_(here, column.sequence > sequence),
    )
    other = or_(column.journal_id != live.journal_id, column.shard != live.shard)
    statement = (
        select(events)
        .where(other, behind)
        .order_by(column.journal_id, column.shard, column.sequence)
        .limit(number)
    )
    return [_told(row) for row in connection.execute(statement).mappings()]


def mark_of(told: Told) -> Mark:
    assert told.place is not None
    return told.place.journal_id, told.place.shard, told.place.sequence


def _told(row: Any) -> Told:
    place = Place(
        journal_id=JournalId(row["journal_id"]),
        shard=row["shard"],
        sequence=row["sequence"],
        last=row["last_sequence"],
        previous=row["previous_sequence"],
    )
    return Told(
        message_id=f"{place.journal_id}:{place.shard}:{place.sequence}",
        message_type=row["message_type"],
        tenant=TenantId(row["tenant"]),
        at=row["occurred_at"],
        payload=msgspec.Raw(msgspec.json.encode(row["payload"])),
        account=AccountId(row["account"]) if row["account"] is not None else None,
        request_id=row["request_id"],
        actor=row["actor"],
        place=place,
    )

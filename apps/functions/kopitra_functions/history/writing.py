"""One batch of messages into SQL, in one transaction: rows, what follows from them, and how far that is complete."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select

from kopitra_functions.history import checkpoints
from kopitra_functions.history.projecting.deriving import derive
from kopitra_functions.history.projecting.facts import Catalog, Facts
from kopitra_functions.history.projecting.projector import facts_of
from kopitra_functions.history.projecting.rows import fitted, insert_once, merge
from kopitra_functions.history.told import Place, Told
from kopitra_functions.sql import tables
from kopitra_functions.sql.upsert import upsert


class Prepared(msgspec.Struct, frozen=True):
    """A message whose facts are known: nothing about it can be refused any more but by the database."""

    told: Told
    body: Any


def prepare(told: Told, body: Any) -> Prepared:
    """Raises MessageMalformed for what cannot be projected, so that it never fails its neighbours."""
    facts_of(told, body)
    return Prepared(told, body)


def write_batch(
    connection: Connection, batch: Sequence[Prepared], now: datetime
) -> dict[checkpoints.Shard, int]:
    """Everything up to which sequence each journal's events are stored, with this batch. May be run again."""
    checkpoints.lock(connection, now)
    facts = Facts().add(facts_of(one.told, one.body) for one in batch)
    insert_once(connection, facts.once)
    merge(connection, facts.merges)
    _replace_symbols(connection, facts.symbols)
    derive(connection, facts, {one.told.tenant for one in batch})
    places = [one.told.place for one in batch if one.told.place is not None]
    return checkpoints.advance(connection, _shards(places), now)


def _shards(places: Sequence[Place]) -> list[checkpoints.Shard]:
    return sorted({checkpoints.Shard(place.journal_id, place.shard) for place in places})


def _replace_symbols(connection: Connection, catalogs: Sequence[Catalog]) -> None:
    """An account's rows are those of its latest catalogue, which `account_states` knows."""
    newest: dict[str, Catalog] = {}
    for catalog in catalogs:
        known = newest.get(catalog.account)
        if known is None or known.sequence < catalog.sequence:
            newest[catalog.account] = catalog
    for account, catalog in newest.items():
        states, specs = tables.account_states.c, tables.symbol_specs.c
        latest = connection.scalar(select(states.symbols_sequence).where(states.account == account))
        if latest == catalog.sequence:
            connection.execute(delete(tables.symbol_specs).where(specs.account == account))
            upsert(connection, tables.symbol_specs, [fitted(tables.symbol_specs, r) for r in catalog.rows])

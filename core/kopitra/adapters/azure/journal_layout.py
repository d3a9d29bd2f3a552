"""How commits lie in an Azure table: rows, properties and the limits they keep (`docs/decisions/0013`).

Partition `SHARD.SEGMENT` holds a segment of the journal: one `fence` row, and `SEQUENCE.PART` rows, where SEQUENCE is
the last one of the commit, zero-padded, so that row order is journal order and "after N" is a range. Every row key of a
commit starts with a digit, so the fence sorts behind them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from kopitra.adapters.azure.tables import Entity, Value
from kopitra.application.commit_encoding import CommitDamaged, decode_commit
from kopitra.application.fencing import FenceRow
from kopitra.application.ports.journal import COMMIT_BYTES, Commit
from kopitra.domain.identifiers import JournalId

PROPERTY_BYTES = 60 * 1024
"""Azure: 64 KiB a property."""
PROPERTIES_PER_ENTITY = 15
ENTITY_BYTES = PROPERTY_BYTES * PROPERTIES_PER_ENTITY
"""900 KiB; Azure: 1 MiB an entity, names and keys included."""
ENTITIES_PER_COMMIT = 99
"""Azure: 100 operations a transaction, of which the fence takes one. `COMMIT_BYTES` needs four."""
assert -(-COMMIT_BYTES // ENTITY_BYTES) <= ENTITIES_PER_COMMIT

SHARD = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Safe in a partition key, a blob name and a file name."""
FENCE_ROW = "fence"
ABOVE_ALL_COMMITS = ":"
"""The character after "9"."""
PARTS_WIDTH = 2


def partition_key(shard: str, segment: int) -> str:
    if not SHARD.fullmatch(shard):
        raise ValueError(f"a shard's name is 1 to 64 letters, digits, - or _; not {shard!r}")
    return f"{shard}.{segment:06d}"


def row_key(last: int, part: int) -> str:
    return f"{last:019d}.{part:0{PARTS_WIDTH}d}"


def above_row(sequence: int) -> str:
    """Below every row of the first commit that ends after this sequence, above every row of the one before."""
    return f"{sequence:019d}:"


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment's fence row: the fence, and what the segment knows about itself."""

    number: int
    """From 1."""
    row: FenceRow
    commit: str
    """Id of the last commit under this fence: proves after a lost answer whose commit the tail is."""
    rolled: bool
    """Full: the journal goes on in the next segment."""
    entities: int
    bytes_used: int
    """Of all segments up to this one."""
    etag: str


def segment_entity(shard: str, segment: Segment) -> Entity:
    row = segment.row
    return {
        "PartitionKey": partition_key(shard, segment.number),
        "RowKey": FENCE_ROW,
        "journalId": row.journal_id,
        "epoch": row.epoch,
        "owner": row.owner,
        "holder": row.holder,
        "leaseUntil": row.lease_until.isoformat(),
        "sequence": row.sequence,
        "commit": segment.commit,
        "rolled": segment.rolled,
        "entities": segment.entities,
        "bytesUsed": segment.bytes_used,
    }


def segment_of(number: int, entity: Entity, etag: str) -> Segment:
    return Segment(
        number=number,
        row=FenceRow(
            journal_id=JournalId(str(entity["journalId"])),
            epoch=_integer(entity["epoch"]),
            owner=str(entity["owner"]),
            holder=str(entity["holder"]),
            lease_until=datetime.fromisoformat(str(entity["leaseUntil"])),
            sequence=_integer(entity["sequence"]),
        ),
        commit=str(entity["commit"]),
        rolled=bool(entity["rolled"]),
        entities=_integer(entity["entities"]),
        bytes_used=_integer(entity["bytesUsed"]),
        etag=etag,
    )


def commit_entities(partition: str, last: int, commit_id: str, content: bytes) -> list[Entity]:
    """The rows of one commit, each within Azure's limits when the content is within `COMMIT_BYTES`."""
    pieces = [content[at : at + ENTITY_BYTES] for at in range(0, len(content), ENTITY_BYTES)]
    return [
        {
            "PartitionKey": partition,
            "RowKey": row_key(last, part),
            "commit": commit_id,
            "parts": len(pieces),
            **_properties(piece),
        }
        for part, piece in enumerate(pieces)
    ]


def commits_of(rows: Iterable[Entity]) -> Iterator[Commit]:
    """The commits that consecutive rows hold. Raises `CommitDamaged` for a missing part or a foreign row."""
    parts: list[Entity] = []
    for row in rows:
        if not str(row["RowKey"]).endswith(f".{len(parts):0{PARTS_WIDTH}d}"):
            raise CommitDamaged(f"row {row['RowKey']} does not follow")
        parts.append(row)
        if len(parts) == row["parts"]:
            yield _commit(parts)
            parts = []
    if parts:
        raise CommitDamaged(f"row {parts[-1]['RowKey']} is not the last of its commit")


def is_whole(rows: Sequence[Entity]) -> bool:
    """Whether the last of these rows is its commit's last part."""
    part = int(str(rows[-1]["RowKey"])[-PARTS_WIDTH:])
    return part + 1 == rows[-1]["parts"]


def _commit(parts: Sequence[Entity]) -> Commit:
    commit = decode_commit(b"".join(_content(part) for part in parts))
    if not str(parts[0]["RowKey"]).startswith(f"{commit[-1].last:019d}."):
        raise CommitDamaged(f"row {parts[0]['RowKey']} holds the commit that ends at {commit[-1].last}")
    return commit


def _properties(piece: bytes) -> dict[str, Value]:
    return {
        f"d{at // PROPERTY_BYTES:02d}": piece[at : at + PROPERTY_BYTES]
        for at in range(0, len(piece), PROPERTY_BYTES)
    }


def _content(part: Entity) -> bytes:
    names = sorted(name for name in part if name.startswith("d") and name[1:].isdigit())
    return b"".join(_bytes(part[name]) for name in names)


def _integer(value: Value) -> int:
    if not isinstance(value, int):
        raise CommitDamaged(f"{value!r} is not an integer")
    return value


def _bytes(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise CommitDamaged("a data property is not binary")
    return value

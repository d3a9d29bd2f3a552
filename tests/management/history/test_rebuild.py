"""The journal gives the same rows as the queue did: whole, from segments, after a crash, and while a drain goes on."""

from collections.abc import AsyncGenerator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from kopitra.adapters.embedded.journal import SqliteJournal
from kopitra.adapters.segments import BlobSegments
from kopitra.application.ports.journal import Commit
from kopitra.application.ports.queue import Message
from kopitra.application.ports.segments import SegmentDamaged
from kopitra.application.relay import Relay
from kopitra.machine.codec import EVENTS
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_functions.history.rebuild import JournalReader, JournalRebuild
from kopitra_functions.sql import tables
from tests.management.history.scriptorium import Scriptorium, writing
from tests.management.history.streams import played, tenants_in

SLICE = 12


class Library:
    """A journal on disk, the queue path's rows of it, and rebuilds into the same database."""

    def __init__(self, hall: Scriptorium, journal: SqliteJournal, messages: list[Message]) -> None:
        self.hall = hall
        self.journal = journal
        self.messages = messages
        self.opened = 0
        self.closed = 0

    @property
    def segments(self) -> BlobSegments:
        return BlobSegments(self.journal, self.hall.blobs, self.hall.time, segment_bytes=4000)

    async def open(self) -> JournalReader:
        self.opened += 1

        async def close() -> None:
            self.closed += 1

        return JournalReader(self.journal, self.segments, close)

    def rebuild(self) -> JournalRebuild:
        return JournalRebuild(
            open_journal=self.open,
            database=self.hall.database,
            blobs=self.hall.blobs,
            clock=self.hall.time,
            slice_events=SLICE,
        )

    async def seal(self, part: float) -> int:
        head = await self.journal.head()
        await self.segments.seal(int(head * part))
        return len(await self.segments.sealed())


@pytest.fixture(scope="module")
def commits() -> list[Commit]:
    """What a platform's counterparty wrote."""

    async def main(time: VirtualTime) -> list[Commit]:
        disk = (await played(time)).journal_disk
        return [disk.commit(number) for number in range(len(disk.contents))]

    return run_virtual(3, main)


@pytest.fixture
async def place(commits: list[Commit], tmp_path: Path) -> AsyncGenerator[Library]:
    time = VirtualTime(1)
    hall = Scriptorium(time, tmp_path / "history.sqlite")
    journal = await SqliteJournal.open(tmp_path / "journal.sqlite", shard="main", clock=time, ids=time)
    fence = await journal.acquire("test")
    for commit in commits:
        fence = await journal.append(fence, commit)
    events = [EVENTS.decode(frame.data) for commit in commits for frame in commit]
    relay = Relay(
        journal=journal,
        queue=hall.queues.history,
        blobs=hall.blobs,
        sleeper=time,
        decode=EVENTS.decode,
        tenants=lambda: tenants_in(events),
    )
    await relay.publish()
    messages = [one.message for one in await hall.queues.history.peek(100_000)]
    await hall.drain.drain()
    yield Library(hall, journal, messages)
    await journal.close()
    hall.close()


async def run(
    rebuild: JournalRebuild, position: Any = None, slices: int = 10_000
) -> tuple[Any, Sequence[int]]:
    """Slice after slice; where it stands then, and what it said of its progress."""
    progress: list[int] = []
    for _ in range(slices):
        told = await rebuild.slice(position)
        progress.append(told.done)
        position = told.position
        if position is None:
            break
    return position, progress


def damage(hall: Scriptorium) -> None:
    """What a full rebuild is for."""
    with writing(hall.engine) as connection:
        connection.execute(delete(tables.trades))
        connection.execute(update(tables.orders).values(status="nonsense", status_sequence=10**9))
        connection.execute(update(tables.executions).values(tenant="somebody"))
        connection.execute(update(tables.events).values(payload={"lost": True}))
        connection.execute(delete(tables.decisions))
        connection.execute(update(tables.account_samples).values(balance=Decimal(1)))


@pytest.mark.parametrize("sealed", [0.0, 0.5, 1.0])
async def test_a_rebuild_gives_the_rows_that_the_queue_gave(place: Library, sealed: float) -> None:
    expected = place.hall.rows()
    assert len(expected["executions"]) >= 6
    segments = await place.seal(sealed) if sealed else 0
    assert (segments >= 2) is bool(sealed)
    damage(place.hall)
    assert place.hall.rows() != expected
    position, progress = await run(place.rebuild())
    assert position is None
    assert list(progress) == sorted(progress)
    assert len(progress) > 12
    for table, rows in place.hall.rows().items():
        assert rows == expected[table], table


async def test_a_rebuild_that_is_killed_anywhere_goes_on_from_its_last_position(place: Library) -> None:
    expected = place.hall.rows()
    await place.seal(0.6)
    damage(place.hall)
    position: Any = None
    for _ in range(200):
        before = position
        position, _ = await run(place.rebuild(), before, slices=2)
        if position is None:
            break
        # The second slice's position is lost with the process: it is done again.
        position, _ = await run(place.rebuild(), before, slices=1)
    assert place.hall.rows() == expected


async def test_what_comes_in_meanwhile_is_stored_as_well(place: Library) -> None:
    expected = place.hall.rows()
    rebuild, position, at = place.rebuild(), None, 0
    while True:
        position, _ = await run(rebuild, position, slices=1)
        if position is None:
            break
        await place.hall.queues.history.send(place.messages[at : at + 15][::-1])
        await place.hall.drain.drain()
        at += 15
    assert place.hall.rows() == expected


async def test_a_journal_that_no_queue_told_of_is_complete_afterwards(place: Library) -> None:
    """What a counterparty published before messages said what came before them."""

    expected = place.hall.rows()
    with writing(place.hall.engine) as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(delete(table))
    await run(place.rebuild())
    assert place.hall.rows() == expected
    rows = expected
    [checkpoint] = [row for row in rows["checkpoints"] if row["consumer"] == "history"]
    assert checkpoint["sequence"] == rows["events"][-1]["last_sequence"]


async def test_a_changed_segment_stops_it(place: Library) -> None:
    await place.seal(0.5)
    blobs = place.hall.blobs
    name = next(name for name in sorted(blobs.contents) if name.endswith(".segment"))
    blobs.contents[name] = blobs.contents[name][:-1] + b"x"
    with pytest.raises(SegmentDamaged):
        await run(place.rebuild())


async def test_samples_notifications_and_other_journals_survive(place: Library) -> None:
    with writing(place.hall.engine) as connection:
        sample = place.hall.rows()["account_samples"][0] | {
            "sampled_at": place.hall.time.now(),
            "journal_id": None,
            "shard": None,
            "sequence": None,
        }
        connection.execute(insert(tables.account_samples), [sample])
        opened = next(r for r in place.hall.rows()["events"] if r["message_type"] == "session.opened")
        earlier = opened | {"journal_id": "earlier", "payload": opened["payload"] | {"session": "gone"}}
        connection.execute(insert(tables.events), [earlier])
    await run(place.rebuild())
    rows = place.hall.rows()
    assert sample in rows["account_samples"]
    assert "gone" in {row["session_id"] for row in rows["sessions_log"]}
    assert place.opened == place.closed == 1

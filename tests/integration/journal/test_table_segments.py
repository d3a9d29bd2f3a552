"""How the table journal lays commits out: one transaction each, segments that follow each other, damage that shows."""

from collections.abc import AsyncIterator

import pytest

from kopitra.adapters.azure.journal_layout import FENCE_ROW, Segment, segment_entity, segment_of
from kopitra.adapters.azure.tables import Entity, Stored
from kopitra.application.ports.journal import Fence, FenceLost, Frame, Journal, JournalUnavailable
from tests.conformance.journal_stores import SHARD, JournalStore, limited_store
from tests.fixtures.limited_table import TableService


@pytest.fixture
async def store(service: TableService) -> AsyncIterator[JournalStore]:
    store = limited_store(service)
    yield store
    await store.close()


async def filled(journal: Journal, count: int) -> Fence:
    fence = await journal.acquire("writer")
    for sequence in range(1, count + 1):
        fence = await journal.append(fence, [Frame(sequence, sequence, b"event %d" % sequence)])
    return fence


async def sequences(journal: Journal, after: int = 0) -> list[int]:
    return [frame.sequence async for commit in journal.read(after) for frame in commit]


def fence_rows(service: TableService) -> list[Segment]:
    stored = [service.rows[key] for key in sorted(service.rows) if key[1] == FENCE_ROW]
    return [segment_of(number, one.entity, one.etag) for number, one in enumerate(stored, 1)]


def overwrite(service: TableService, entity: Entity) -> None:
    key = (str(entity["PartitionKey"]), str(entity["RowKey"]))
    service.rows[key] = Stored(entity, service.next_etag())


def commit_keys(service: TableService) -> list[tuple[str, str]]:
    return sorted(key for key in service.rows if key[1] != FENCE_ROW)


async def test_an_append_is_one_transaction_whatever_the_number_of_frames(
    service: TableService, store: JournalStore
):
    journal = await store.open()
    fence = await journal.acquire("writer")
    before = service.requests
    await journal.append(fence, [Frame(n, n, b"x" * 1_000) for n in range(1, 1_001)])
    assert (service.transactions, service.requests - before) == (1, 1)


async def test_verifying_a_healthy_lease_only_reads(service: TableService, store: JournalStore):
    journal = await store.open()
    fence = await journal.acquire("writer")
    etag = fence_rows(service)[0].etag
    before = service.requests
    await journal.verify(fence)
    assert service.requests - before == 1
    assert fence_rows(service)[0].etag == etag


async def test_a_full_segment_gives_way_to_the_next(service: TableService, store: JournalStore):
    journal = await store.open()
    await filled(journal, 10)
    assert [(row.rolled, row.entities, row.row.sequence) for row in fence_rows(service)] == [
        (True, 3, 3),
        (True, 3, 6),
        (True, 3, 9),
        (False, 1, 10),
    ]
    assert await sequences(journal) == list(range(1, 11))
    assert await sequences(await store.open(), after=6) == [7, 8, 9, 10]


async def test_a_crash_between_closing_a_segment_and_opening_the_next_heals(
    service: TableService, store: JournalStore
):
    journal, restarted = await store.open(), await store.open()
    fence = await filled(journal, 3)
    (full,) = fence_rows(service)
    overwrite(service, {**segment_entity(SHARD, full), "rolled": True})
    assert await restarted.head() == 3
    assert await sequences(restarted) == [1, 2, 3]
    fence = await journal.verify(fence)
    await journal.append(fence, [Frame(4, 4, b"event 4")])
    assert await sequences(restarted) == [1, 2, 3, 4]
    assert [row.row.epoch for row in fence_rows(service)] == [1, 1]


async def test_a_writer_that_slept_through_a_take_over_cannot_close_the_segment(
    service: TableService, store: JournalStore
):
    journal = await store.open()
    fence = await filled(journal, 3)
    (full,) = fence_rows(service)
    overwrite(service, {**segment_entity(SHARD, full), "epoch": 2, "owner": "other"})
    with pytest.raises(FenceLost):
        await journal.append(fence, [Frame(4, 4, b"event 4")])
    assert [row.rolled for row in fence_rows(service)] == [False]


async def test_an_acquisition_in_a_fresh_segment_finds_the_tail_in_the_one_before(
    service: TableService, store: JournalStore
):
    journal = await store.open()
    fence = await filled(journal, 3)
    overwrite(service, {**segment_entity(SHARD, fence_rows(service)[0]), "rolled": True})
    await journal.release(fence)
    fence = await journal.acquire("writer")
    assert (fence.epoch, fence.sequence) == (2, 3)


async def test_damaged_data_is_named_and_nothing_after_it_is_read(service: TableService, store: JournalStore):
    journal = await store.open()
    await filled(journal, 3)
    key = commit_keys(service)[1]
    overwrite(service, {**service.rows[key].entity, "d00": b"\x01\x00 something else entirely"})
    with pytest.raises(JournalUnavailable) as refusal:
        await sequences(journal)
    assert refusal.value.reason == "corrupt"


async def test_a_commit_with_a_missing_part_is_damage(service: TableService, store: JournalStore):
    journal = await store.open()
    fence = await journal.acquire("writer")
    incompressible = bytes(range(256)) * 4_000
    await journal.append(fence, [Frame(1, 1, _scrambled(incompressible))])
    keys = commit_keys(service)
    assert len(keys) == 2
    del service.rows[keys[1]]
    with pytest.raises(JournalUnavailable, match="not the last of its commit"):
        await sequences(journal)


async def test_a_rolled_segment_without_its_commits_is_damage(service: TableService, store: JournalStore):
    journal = await store.open()
    await filled(journal, 5)
    for key in commit_keys(service)[:3]:
        del service.rows[key]
    with pytest.raises(JournalUnavailable, match="lost its commits"):
        await sequences(await store.open(), after=0)


@pytest.mark.parametrize("lost", [0, -1])
async def test_a_fence_that_disagrees_with_the_rows_is_not_taken(
    service: TableService, store: JournalStore, lost: int
):
    journal = await store.open()
    fence = await filled(journal, 2)
    await journal.release(fence)
    if lost:
        del service.rows[commit_keys(service)[lost]]
    else:
        (row,) = fence_rows(service)
        overwrite(service, {**segment_entity(SHARD, row), "sequence": 1})
    with pytest.raises(JournalUnavailable) as refusal:
        await journal.acquire("writer")
    assert refusal.value.reason == "corrupt"


def _scrambled(content: bytes) -> bytes:
    """The same every time, and nothing that zlib could shorten."""
    state, scrambled = 1, bytearray()
    for byte in content:
        state = state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407 & (1 << 64) - 1
        scrambled.append(byte ^ (state >> 56))
    return bytes(scrambled)

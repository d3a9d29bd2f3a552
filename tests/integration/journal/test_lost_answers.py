"""An append whose answer is lost happened once or not at all, and the journal says which."""

import random

import pytest

from kopitra.application.ports.journal import (
    AppendUnclear,
    Fence,
    FenceLost,
    Frame,
    Journal,
    JournalUnavailable,
)
from tests.conformance.journal_stores import LEASE_OVER, limited_store
from tests.fixtures.limited_table import TableService
from tests.integration.journal.table_faults import FaultyStore


async def sequences(journal: Journal) -> list[int]:
    return [frame.sequence async for commit in journal.read() for frame in commit]


async def begun(journal: Journal) -> Fence:
    fence = await journal.acquire("writer")
    return await journal.append(fence, [Frame(1, 1, b"first")])


async def test_a_commit_whose_answer_was_lost_is_found_and_not_doubled(faulty: FaultyStore):
    journal = await faulty.store.open()
    fence = await begun(journal)
    faulty.faults().lose_answers = 1
    fence = await journal.append(fence, [Frame(2, 2, b"second"), Frame(3, 3, b"third")])
    assert fence.sequence == 3
    fence = await journal.append(fence, [Frame(4, 4, b"fourth")])
    assert await sequences(journal) == [1, 2, 3, 4]
    assert (await journal.verify(fence)).sequence == 4


async def test_a_commit_that_never_arrived_is_written_once_it_is_certain(faulty: FaultyStore):
    journal = await faulty.store.open()
    fence = await begun(journal)
    faulty.faults().lose_requests = 1
    fence = await journal.append(fence, [Frame(2, 2, b"second")])
    await journal.append(fence, [Frame(3, 3, b"third")])
    assert await sequences(journal) == [1, 2, 3]


async def test_a_renewal_whose_answer_was_lost_costs_nothing(faulty: FaultyStore):
    journal = await faulty.store.open()
    fence = await begun(journal)
    faulty.store.clock.advance(LEASE_OVER - 1)
    faulty.faults().lose_answers = 1
    with pytest.raises(JournalUnavailable):
        await journal.verify(fence)
    assert (await journal.verify(fence)).epoch == fence.epoch
    await journal.append(fence, [Frame(2, 2, b"second")])
    assert await sequences(journal) == [1, 2]


async def test_an_acquisition_whose_answer_was_lost_is_simply_repeated(faulty: FaultyStore):
    journal = await faulty.store.open()
    faulty.faults().lose_answers = 1
    with pytest.raises(JournalUnavailable):
        await journal.acquire("writer")
    fence = await journal.acquire("writer")
    await journal.append(fence, [Frame(1, 1, b"first")])
    assert await sequences(journal) == [1]


async def test_answers_lost_at_random_lose_and_double_nothing(faulty: FaultyStore):
    journal = await faulty.store.open()
    chance = random.Random(7)
    fence = await journal.acquire("writer")
    acknowledged: list[int] = []
    possible: set[int] = set()
    for _ in range(30):
        faulty.faults().lose_answers = chance.choice([0, 0, 1, 2])
        faulty.faults().lose_requests = chance.choice([0, 0, 0, 1, 2])
        following = [fence.sequence + n for n in range(1, chance.randint(2, 5))]
        try:
            fence = await journal.append(fence, [Frame(n, n, b"event") for n in following])
            acknowledged += following
        except (JournalUnavailable, AppendUnclear, FenceLost):
            faulty.faults().lose_answers = faulty.faults().lose_requests = 0
            possible.update(following)
            fence = await journal.acquire("writer")
            acknowledged += [n for n in following if n <= fence.sequence]
    assert await sequences(journal) == acknowledged == list(range(1, len(acknowledged) + 1))
    assert len(acknowledged) > 30


async def test_a_request_that_arrives_after_all_can_no_longer_happen(service: TableService):
    journal = await limited_store(service).open()
    fence = await begun(journal)
    service.hold_requests = 1
    fence = await journal.append(fence, [Frame(2, 2, b"second")])
    answers = service.deliver_held()
    assert [answer.split(":")[0] for answer in answers] == ["conflict"]
    await journal.append(fence, [Frame(3, 3, b"third")])
    assert await sequences(journal) == [1, 2, 3]
    await journal.close()


async def test_without_any_answer_the_append_is_unclear_until_the_next_acquisition(service: TableService):
    store = limited_store(service)
    journal = await store.open()
    fence = await begun(journal)
    service.unreachable = True
    with pytest.raises(AppendUnclear):
        await journal.append(fence, [Frame(2, 2, b"second")])
    service.unreachable = False
    with pytest.raises(FenceLost):
        await journal.append(fence, [Frame(2, 2, b"second")])
    with pytest.raises(FenceLost):
        await journal.verify(fence)
    fence = await journal.acquire("writer")
    assert fence.sequence == 1
    await journal.append(fence, [Frame(2, 2, b"second again")])
    assert await sequences(journal) == [1, 2]
    await store.close()


async def test_an_unclear_append_that_did_happen_shows_at_the_next_acquisition(service: TableService):
    store = limited_store(service)
    journal = await store.open()
    fence = await begun(journal)
    service.lose_answers = 1
    service.before_next_read = lambda: setattr(service, "unreachable", True)
    with pytest.raises(AppendUnclear):
        await journal.append(fence, [Frame(2, 2, b"second")])
    service.unreachable = False
    assert (await journal.acquire("writer")).sequence == 2
    assert await sequences(journal) == [1, 2]
    await store.close()


async def test_a_commit_that_happened_before_a_take_over_is_acknowledged(service: TableService):
    store = limited_store(service)
    journal, other = await store.open(), await store.open()
    fence = await begun(journal)
    service.lose_answers = 1
    service.before_next_read = lambda: take_over(service)
    assert (await journal.append(fence, [Frame(2, 2, b"second")])).sequence == 2
    with pytest.raises(FenceLost):
        await journal.append(fence, [Frame(3, 3, b"third")])
    assert await sequences(other) == [1, 2]
    await store.close()


async def test_a_commit_that_did_not_happen_before_a_take_over_is_lost_with_the_fence(service: TableService):
    store = limited_store(service)
    journal, other = await store.open(), await store.open()
    fence = await begun(journal)
    service.lose_requests = 1
    service.before_next_read = lambda: take_over(service)
    with pytest.raises(FenceLost):
        await journal.append(fence, [Frame(2, 2, b"second")])
    assert await sequences(other) == [1]
    await store.close()


async def test_a_refused_write_is_unavailable_and_changes_nothing(service: TableService):
    store = limited_store(service)
    journal = await store.open()
    fence = await begun(journal)
    service.refuse = "403: this identity may only read"
    with pytest.raises(JournalUnavailable, match="may only read"):
        await journal.append(fence, [Frame(2, 2, b"second")])
    service.refuse = None
    await journal.append(fence, [Frame(2, 2, b"second")])
    assert await sequences(journal) == [1, 2]
    await store.close()


def take_over(service: TableService) -> None:
    """What another instance's acquisition does to the newest fence row."""
    key = max(key for key in service.rows if key[1] == "fence")
    stored = service.rows[key]
    taken = {**stored.entity, "epoch": 99, "owner": "other", "holder": "other"}
    service.rows[key] = type(stored)(taken, service.next_etag())

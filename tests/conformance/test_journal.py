"""What every journal promises, whatever it is stored in."""

import asyncio
import os
from datetime import timedelta

import pytest

from kopitra.application.ports.journal import (
    COMMIT_BYTES,
    LEASE_SECONDS,
    RENEW_BELOW_SECONDS,
    Commit,
    Fence,
    FenceHeld,
    FenceLost,
    Frame,
    FrameRefused,
    FrameTooLarge,
    Journal,
    JournalUnavailable,
)
from tests.conformance.journal_stores import SHARD, JournalStore


def frame(sequence: int, data: bytes = b"event", *, last: int | None = None) -> Frame:
    return Frame(sequence, sequence if last is None else last, data)


async def commits(journal: Journal, after: int = 0) -> list[Commit]:
    return [commit async for commit in journal.read(after)]


async def sequences(journal: Journal, after: int = 0) -> list[int]:
    return [frame.sequence for commit in await commits(journal, after) for frame in commit]


async def filled(journal: Journal, *sizes: int) -> Fence:
    """Commits of so many frames each, from sequence 1 on."""
    fence = await journal.acquire("writer")
    for size in sizes:
        following = range(fence.sequence + 1, fence.sequence + size + 1)
        fence = await journal.append(fence, [frame(n, b"event %d" % n) for n in following])
    return fence


async def test_a_new_journal_is_empty_and_has_an_identity(journals: JournalStore):
    journal = await journals.open()
    assert await journal.head() == 0
    assert await commits(journal) == []
    assert journal.journal_id
    assert journal.shard == SHARD


async def test_the_journal_id_is_the_same_for_every_instance(journals: JournalStore):
    first, second = await asyncio.gather(journals.open(), journals.open())
    assert first.journal_id == second.journal_id
    await first.close()
    assert (await journals.open()).journal_id == second.journal_id


async def test_frames_come_back_in_order_and_by_commit(journals: JournalStore):
    journal = await journals.open()
    fence = await filled(journal, 2, 3, 1)
    read = await commits(journal)
    assert [[frame.sequence for frame in commit] for commit in read] == [[1, 2], [3, 4, 5], [6]]
    assert [frame.data for commit in read for frame in commit] == [b"event %d" % n for n in range(1, 7)]
    assert await journal.head() == fence.sequence == 6


async def test_a_restarted_instance_reads_what_was_written(journals: JournalStore):
    before = await journals.open()
    await filled(before, 2, 2)
    await before.close()
    after = await journals.open()
    assert await sequences(after) == [1, 2, 3, 4]
    assert await after.head() == 4


async def test_an_event_may_cover_several_sequences_and_leave_gaps(journals: JournalStore):
    journal = await journals.open()
    fence = await journal.acquire("writer")
    written = (frame(5, last=9), frame(12), frame(13, last=1_000_000_000_000))
    fence = await journal.append(fence, written)
    assert await commits(journal) == [written]
    assert await journal.head() == fence.sequence == 1_000_000_000_000


async def test_data_is_kept_to_the_byte(journals: JournalStore):
    journal = await journals.open()
    fence = await journal.acquire("writer")
    datas = [b"", b"\x00", "ключ 鍵 🔑".encode(), bytes(range(256)) * 9, os.urandom(70_000), b"a" * 200_000]
    written = tuple(frame(n, data) for n, data in enumerate(datas, 1))
    await journal.append(fence, written)
    assert await commits(journal) == [written]


async def test_reading_starts_after_a_sequence_even_within_a_commit(journals: JournalStore):
    journal = await journals.open()
    fence = await filled(journal, 2, 3, 2)
    await journal.append(fence, [frame(10, last=20)])
    assert await sequences(journal, after=0) == [1, 2, 3, 4, 5, 6, 7, 10]
    assert await sequences(journal, after=2) == [3, 4, 5, 6, 7, 10]
    assert await sequences(journal, after=4) == [5, 6, 7, 10]
    assert await sequences(journal, after=15) == [10]
    assert await sequences(journal, after=20) == []
    assert await sequences(journal, after=99) == []


async def test_frames_are_found_by_any_sequence_that_they_cover(journals: JournalStore):
    journal = await journals.open()
    fence = await filled(journal, 3, 3, 3, 3)
    await journal.append(fence, [frame(20, last=29), frame(30)])
    found = await journal.frames([25, 20, 2, 11, 15, 30, 31, 99, 2])
    assert [one.sequence for one in found] == [2, 11, 20, 30]
    assert found[0].data == b"event 2"
    assert await journal.frames([]) == []


async def test_ten_thousand_frames_are_read_whole_and_in_order(journals: JournalStore):
    journal = await journals.open()
    await filled(journal, *[1_000] * 10)
    assert await sequences(journal) == list(range(1, 10_001))


async def test_a_commit_that_lands_while_another_reads_is_seen_whole_or_not_at_all(journals: JournalStore):
    journal = await journals.open()
    fence = await filled(journal, *[5] * 10)

    async def write() -> None:
        nonlocal fence
        for _ in range(10):
            fence = await journal.append(fence, [frame(fence.sequence + n) for n in range(1, 6)])

    writing = asyncio.create_task(write())
    sizes: list[int] = []
    while not writing.done():
        read = await commits(journal)
        sizes.extend(len(commit) for commit in read)
        flat = [one.sequence for commit in read for one in commit]
        assert flat == list(range(1, len(flat) + 1))
    await writing
    assert set(sizes) == {5}
    assert await sequences(journal) == list(range(1, 101))


async def test_an_empty_or_disordered_commit_is_refused_and_writes_nothing(journals: JournalStore):
    journal = await journals.open()
    fence = await filled(journal, 3)
    for wrong in (
        [],
        [frame(3)],
        [frame(2)],
        [frame(4), frame(4)],
        [frame(5), frame(4)],
        [frame(4, last=6), frame(6)],
        [frame(7, last=6)],
    ):
        with pytest.raises(FrameRefused):
            await journal.append(fence, wrong)
    assert await sequences(journal) == [1, 2, 3]
    assert (await journal.append(fence, [frame(4)])).sequence == 4


async def test_while_one_holds_the_fence_another_waits(journals: JournalStore):
    holder, other = await journals.open(), await journals.open()
    fence = await holder.acquire("holder")
    with pytest.raises(FenceHeld) as refusal:
        await other.acquire("other")
    assert refusal.value.owner == "holder"
    assert refusal.value.lease_until == fence.lease_until
    assert fence.lease_until == journals.clock.now() + timedelta(seconds=LEASE_SECONDS)


async def test_a_released_fence_is_free_at_once_in_a_new_epoch(journals: JournalStore):
    holder, other = await journals.open(), await journals.open()
    first = await filled(holder, 2)
    await holder.release(first)
    with pytest.raises(FenceLost):
        await holder.verify(first)
    with pytest.raises(FenceLost):
        await holder.append(first, [frame(3)])
    second = await other.acquire("other")
    assert second.epoch == first.epoch + 1
    assert second.sequence == 2
    await other.append(second, [frame(3)])
    with pytest.raises(FenceLost):
        await holder.append(first, [frame(3)])
    assert await sequences(holder) == [1, 2, 3]


async def test_a_lease_that_ran_out_is_taken_over_and_the_loser_cannot_write(journals: JournalStore):
    holder, other = await journals.open(), await journals.open()
    lost = await filled(holder, 2)
    journals.clock.advance(LEASE_SECONDS)
    fence = await other.acquire("other")
    with pytest.raises(FenceLost):
        await holder.append(lost, [frame(3), frame(4)])
    with pytest.raises(FenceLost):
        await holder.verify(lost)
    fence = await other.append(fence, [frame(3, b"the winner's")])
    with pytest.raises(FenceLost):
        await holder.append(lost, [frame(4)])
    await holder.release(lost)
    read = [one for commit in await commits(other) for one in commit]
    assert [one.sequence for one in read] == [1, 2, 3]
    assert read[-1].data == b"the winner's"
    assert (await other.verify(fence)).epoch == fence.epoch


async def test_the_loser_takes_the_fence_again_once_the_winner_released_it(journals: JournalStore):
    holder, other = await journals.open(), await journals.open()
    first = await filled(holder, 1)
    journals.clock.advance(LEASE_SECONDS)
    second = await other.acquire("other")
    await other.append(second, [frame(2)])
    await other.release(second)
    third = await holder.acquire("holder")
    assert (third.epoch, third.sequence) == (first.epoch + 2, 2)
    await holder.append(third, [frame(3)])
    assert await sequences(other) == [1, 2, 3]


async def test_of_two_that_ask_at_once_one_becomes_the_writer(journals: JournalStore):
    instances = [await journals.open() for _ in range(4)]
    outcomes = await asyncio.gather(
        *(journal.acquire(f"owner-{n}") for n, journal in enumerate(instances)), return_exceptions=True
    )
    fences = [outcome for outcome in outcomes if isinstance(outcome, Fence)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, FenceHeld | JournalUnavailable)]
    assert (len(fences), len(refused)) == (1, 3)
    assert fences[0].epoch == 1


async def test_another_run_of_the_same_owner_counts_as_another(journals: JournalStore):
    earlier, later = await journals.open(), await journals.open()
    await earlier.acquire("counterparty")
    with pytest.raises(FenceHeld):
        await later.acquire("counterparty")


async def test_the_holder_may_acquire_again_which_ends_its_own_earlier_epoch(journals: JournalStore):
    journal = await journals.open()
    first = await filled(journal, 1)
    second = await journal.acquire("writer")
    assert second.epoch == first.epoch + 1
    with pytest.raises(FenceLost):
        await journal.append(first, [frame(2)])
    await journal.append(second, [frame(2)])


async def test_verifying_renews_a_lease_that_runs_low(journals: JournalStore):
    journal, other = await journals.open(), await journals.open()
    fence = await journal.acquire("writer")
    for _ in range(30):
        journals.clock.advance(1)
        fence = await journal.verify(fence)
        assert fence.lease_until - journals.clock.now() >= timedelta(seconds=RENEW_BELOW_SECONDS)
    with pytest.raises(FenceHeld):
        await other.acquire("other")


async def test_a_clock_set_back_keeps_a_standby_waiting_no_longer_than_a_lease(journals: JournalStore):
    holder, standby = await journals.open(), await journals.open()
    lost = await filled(holder, 2)
    journals.clock.set_back(600)
    with pytest.raises(FenceHeld):
        await standby.acquire("standby")
    journals.clock.advance(LEASE_SECONDS - 1)
    with pytest.raises(FenceHeld):
        await standby.acquire("standby")
    journals.clock.advance(1)
    fence = await standby.acquire("standby")
    with pytest.raises(FenceLost):
        await holder.append(lost, [frame(3)])
    await standby.append(fence, [frame(3)])
    assert await sequences(standby) == [1, 2, 3]


async def test_a_holder_that_lives_keeps_its_fence_though_the_clock_was_set_back(journals: JournalStore):
    holder, standby = await journals.open(), await journals.open()
    fence = await holder.acquire("writer")
    journals.clock.set_back(600)
    for _ in range(30):
        journals.clock.advance(1)
        fence = await holder.verify(fence)
        with pytest.raises(FenceHeld):
            await standby.acquire("standby")
    assert fence.lease_until - journals.clock.now() <= timedelta(seconds=LEASE_SECONDS)


async def test_a_commit_renews_the_lease(journals: JournalStore):
    journal = await journals.open()
    fence = await journal.acquire("writer")
    journals.clock.advance(LEASE_SECONDS - 1)
    fence = await journal.append(fence, [frame(1)])
    assert fence.lease_until == journals.clock.now() + timedelta(seconds=LEASE_SECONDS)


async def test_verifying_and_appending_do_not_disturb_each_other(journals: JournalStore):
    journal = await journals.open()
    first = fence = await journal.acquire("writer")
    for n in range(1, 8):
        journals.clock.advance(LEASE_SECONDS - 1)
        verified, fence = await asyncio.gather(journal.verify(first), journal.append(fence, [frame(n)]))
        assert verified.epoch == fence.epoch == 1
    assert await sequences(journal) == [1, 2, 3, 4, 5, 6, 7]


async def test_a_stale_fence_cannot_write_what_another_commit_overtook(journals: JournalStore):
    journal = await journals.open()
    stale = await filled(journal, 1)
    fence = await journal.append(stale, [frame(2)])
    with pytest.raises(FenceLost):
        await journal.append(stale, [frame(3)])
    await journal.append(fence, [frame(3)])
    assert await sequences(journal) == [1, 2, 3]


async def test_a_fence_nobody_gave_is_worth_nothing(journals: JournalStore):
    journal = await journals.open()
    fence = await filled(journal, 1)
    for forged in (
        Fence(epoch=fence.epoch + 1, owner="writer", lease_until=fence.lease_until, sequence=1),
        Fence(epoch=fence.epoch, owner="other", lease_until=fence.lease_until, sequence=1),
    ):
        with pytest.raises(FenceLost):
            await journal.append(forged, [frame(2)])
        with pytest.raises(FenceLost):
            await journal.verify(forged)
        await journal.release(forged)
    assert (await journal.verify(fence)).sequence == 1


@pytest.mark.parametrize("followers", [1_000, 5_000])
async def test_one_event_for_thousands_of_followers_fits_though_nothing_in_it_compresses(
    journals: JournalStore, followers: int
):
    journal = await journals.open()
    fence = await filled(journal, 1)
    copied = frame(2, os.urandom(400 * followers), last=followers + 1)
    journal.admit([copied])
    assert journal.cost(copied) <= journal.room
    fence = await journal.append(fence, [copied])
    assert await journal.frames([followers]) == [copied]
    assert await journal.head() == fence.sequence == followers + 1


async def test_frames_are_refused_by_name_when_they_cannot_fit_one_commit(journals: JournalStore):
    journal = await journals.open()
    fence = await filled(journal, 1)
    too_large = frame(2, os.urandom(COMMIT_BYTES + 1))
    with pytest.raises(FrameTooLarge):
        journal.admit([too_large])
    with pytest.raises(FrameTooLarge) as refusal:
        await journal.append(fence, [too_large])
    assert (refusal.value.sequence, refusal.value.limit) == (2, journal.room)
    assert await sequences(journal) == [1]
    await journal.append(fence, [frame(2)])


async def test_a_commit_filled_to_its_room_is_kept(journals: JournalStore):
    journal = await journals.open()
    fence = await journal.acquire("writer")
    overhead = journal.cost(frame(1, b""))
    halves = [frame(n, os.urandom(journal.room // 2 - overhead)) for n in (1, 2)]
    assert sum(map(journal.cost, halves)) <= journal.room
    await journal.append(fence, halves)
    assert await commits(journal) == [tuple(halves)]


async def test_a_large_event_that_compresses_is_one_commit(journals: JournalStore):
    journal = await journals.open()
    fence = await journal.acquire("writer")
    repetitive = frame(1, b"the same decision for another follower; " * 200_000)
    assert journal.cost(repetitive) > journal.room
    journal.admit([repetitive])
    await journal.append(fence, [repetitive])
    assert await commits(journal) == [(repetitive,)]


async def test_a_commit_of_three_hundred_small_events_is_one_commit(journals: JournalStore):
    journal = await journals.open()
    await filled(journal, 300)
    assert [len(commit) for commit in await commits(journal)] == [300]


async def test_the_journal_tells_how_much_it_holds(journals: JournalStore):
    journal = await journals.open()
    fence = await filled(journal, 1)
    before = await journal.bytes_used()
    await journal.append(fence, [frame(2, os.urandom(100_000))])
    assert 90_000 <= await journal.bytes_used() - before < 200_000


async def test_a_closed_journal_says_so(journals: JournalStore):
    journal = await journals.open()
    fence = await filled(journal, 1)
    await journal.close()
    await journal.close()
    with pytest.raises(JournalUnavailable) as refusal:
        await journal.append(fence, [frame(2)])
    assert refusal.value.reason == "closed"

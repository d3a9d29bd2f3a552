"""Sealed segments on every blob store: the journal's ranges, chained, checked, never changed."""

import pytest

from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.timing import SystemSleeper
from kopitra.adapters.segments import BlobSegments
from kopitra.application.ports.blobs import BlobImmutable, Blobs
from kopitra.application.ports.journal import Commit, Frame
from kopitra.application.ports.segments import Segment, SegmentDamaged
from kopitra.simulation.journal import JournalDisk, SimulatedJournal
from tests.fixtures.clocks import ManualClock
from tests.fixtures.forgetful_blobs import ForgetfulBlobs


async def journal_of(commits: int) -> SimulatedJournal:
    """Commits of two frames each: 1 and 2, 3 and 4, …"""
    clock, ids = ManualClock(), SystemIds()
    journal = SimulatedJournal(JournalDisk(clock, ids), clock=clock, sleeper=SystemSleeper(), ids=ids)
    await extend(journal, commits)
    return journal


async def extend(journal: SimulatedJournal, commits: int) -> None:
    fence = await journal.acquire("writer")
    for _ in range(commits):
        following = (fence.sequence + 1, fence.sequence + 2)
        fence = await journal.append(fence, [Frame(n, n, b"event %d" % n) for n in following])


def segments_on(journal: SimulatedJournal, blobs: Blobs, segment_bytes: int = 1 << 20) -> BlobSegments:
    return BlobSegments(journal, blobs, ManualClock(), segment_bytes=segment_bytes)


async def contents(segments: BlobSegments, sealed: Segment) -> list[Commit]:
    return [commit async for commit in segments.read(sealed)]


async def test_a_sealed_range_holds_whole_commits_and_reads_back_as_the_journal(blobs: Blobs):
    journal = await journal_of(10)
    segments = segments_on(journal, blobs)
    (segment,) = await segments.seal(through=9)
    assert (segment.first, segment.last, segment.commits, segment.frames) == (1, 8, 4, 8)
    assert (segment.journal_id, segment.shard, segment.previous) == (journal.journal_id, "main", "")
    expected = [commit async for commit in journal.read()][:4]
    assert await contents(segments, segment) == expected


async def test_sealing_goes_on_where_it_ended(blobs: Blobs):
    journal = await journal_of(5)
    segments = segments_on(journal, blobs)
    await segments.seal(through=6)
    assert await segments.seal(through=6) == []
    await extend(journal, 5)
    restarted = segments_on(journal, blobs)
    await restarted.seal(through=20)
    sealed = await restarted.sealed()
    assert [(one.first, one.last) for one in sealed] == [(1, 6), (7, 20)]
    assert sealed[1].previous
    read = [commit for one in sealed for commit in await contents(restarted, one)]
    assert read == [commit async for commit in journal.read()]


async def test_a_long_range_becomes_several_segments(blobs: Blobs):
    journal = await journal_of(20)
    segments = segments_on(journal, blobs, segment_bytes=300)
    assert len(await segments.seal(through=40)) > 2
    sealed = await segments.sealed()
    assert [one.first for one in sealed[1:]] == [one.last + 1 for one in sealed[:-1]]
    assert sealed[-1].last == 40


async def test_a_crash_before_the_manifest_leaves_nothing_that_counts(blobs: Blobs):
    journal = await journal_of(5)
    await ForgetfulBlobs.run(blobs, lambda failing: segments_on(journal, failing).seal(through=6), puts=1)
    segments = segments_on(journal, blobs)
    assert await segments.sealed() == []
    (segment,) = await segments.seal(through=6)
    assert (segment.first, segment.last) == (1, 6)


async def test_a_sealed_segment_cannot_be_replaced(blobs: Blobs):
    segments = segments_on(await journal_of(5), blobs)
    await segments.seal(through=6)
    names = [info.name async for info in blobs.under("journals/")]
    assert len(names) == 2
    for name in names:
        with pytest.raises(BlobImmutable):
            await blobs.put(name, b"forged")


async def test_of_two_that_seal_at_once_the_slower_is_refused_and_the_chain_stays_whole(blobs: Blobs):
    journal = await journal_of(5)
    faster = segments_on(journal, blobs)
    await faster.seal(through=2)

    class Slow(ForgetfulBlobs):
        """Another one seals more after its content was put, and before its manifest."""

        async def put(
            self, name: str, content: bytes, *, content_type: str = "", immutable: bool = False
        ) -> None:
            await blobs.put(name, content, content_type=content_type, immutable=immutable)
            if name.endswith(".segment"):
                await faster.seal(through=10)

    slow = await Slow.copy(blobs, leaving_out=[])
    with pytest.raises(BlobImmutable):
        await segments_on(journal, slow).seal(through=6)

    assert [(one.first, one.last) for one in await faster.sealed()] == [(1, 2), (3, 10)]


async def test_changed_content_and_a_broken_chain_are_noticed(blobs: Blobs):
    journal = await journal_of(9)
    segments = segments_on(journal, blobs)
    for through in (6, 12, 18):
        await segments.seal(through=through)
    names = [info.name async for info in blobs.under("journals/")]
    manifests = [name for name in names if name.endswith(".json")]
    second = [name for name in names if "-" in name][1]
    without_second = await ForgetfulBlobs.copy(blobs, leaving_out=[manifests[1], second])
    with pytest.raises(SegmentDamaged, match="does not follow"):
        await segments_on(journal, without_second).sealed()
    forged = await ForgetfulBlobs.copy(blobs, leaving_out=[])
    await forged.put(next(name for name in names if name not in manifests), b"forged")
    (first, *_) = await segments_on(journal, forged).sealed()
    with pytest.raises(SegmentDamaged, match="was changed"):
        await contents(segments_on(journal, forged), first)
    await forged.put(manifests[0], b"{}")
    with pytest.raises(SegmentDamaged, match="no manifest"):
        await segments_on(journal, forged).sealed()

"""What snapshots promise on every blob store: whole or not at all, newest first, damage skipped."""

import os

import pytest
from structlog.testing import capture_logs

from kopitra.adapters.snapshots import BlobSnapshots
from kopitra.application.ports.blobs import Blobs
from kopitra.domain.identifiers import JournalId

HASH = "0a1b2c"


@pytest.fixture
def snapshots(blobs: Blobs) -> BlobSnapshots:
    return BlobSnapshots(blobs, JournalId("journal"), "main")


async def stored_names(blobs: Blobs) -> list[str]:
    return [info.name async for info in blobs.under("")]


async def test_the_newest_snapshot_comes_back_whole(snapshots: BlobSnapshots):
    assert await snapshots.latest() is None
    await snapshots.put(10_000, HASH, b"older state")
    state = os.urandom(100_000) + b"repeated " * 50_000
    info = await snapshots.put(20_000, "ff00", state)
    latest = await snapshots.latest()
    assert latest is not None
    assert (latest.sequence, latest.state_hash, latest.content) == (20_000, "ff00", state)
    assert info.size < len(state)


async def test_newest_means_the_highest_sequence_not_the_last_written(snapshots: BlobSnapshots):
    for sequence in (9, 100, 20):
        await snapshots.put(sequence, HASH, b"%d" % sequence)
    latest = await snapshots.latest()
    assert latest is not None
    assert latest.content == b"100"
    assert [info.sequence for info in await snapshots.listed()] == [9, 20, 100]


async def test_a_snapshot_of_at_most_a_sequence_is_found(snapshots: BlobSnapshots):
    for sequence in (10, 20, 30):
        await snapshots.put(sequence, HASH, b"%d" % sequence)
    found = await snapshots.latest(at_most=29)
    assert found is not None
    assert found.sequence == 20
    assert await snapshots.latest(at_most=9) is None


@pytest.mark.parametrize("damage", ["torn", "empty", "flipped", "foreign", "renamed"])
async def test_a_damaged_snapshot_is_skipped_with_a_warning(
    snapshots: BlobSnapshots, blobs: Blobs, damage: str
):
    await snapshots.put(10, HASH, b"good state " * 100)
    await snapshots.put(20, HASH, b"later state " * 100)
    name = (await stored_names(blobs))[-1]
    content = bytearray(await blobs.get(name))
    match damage:
        case "torn":
            content = content[:-7]
        case "empty":
            content = bytearray()
        case "flipped":
            content[-3] ^= 1
        case "foreign":
            content = bytearray(b"something else entirely, and long enough for a header of ours")
        case _:
            content = bytearray(await blobs.get((await stored_names(blobs))[0]))
    await blobs.put(name, bytes(content))
    with capture_logs() as logged:
        latest = await snapshots.latest()
    assert latest is not None
    assert latest.sequence == 10
    assert [(line["log_level"], line["snapshot"]) for line in logged] == [("warning", name)]


async def test_with_only_damaged_snapshots_there_is_none(snapshots: BlobSnapshots, blobs: Blobs):
    await snapshots.put(10, HASH, b"state")
    await blobs.put((await stored_names(blobs))[0], b"torn")
    assert await snapshots.latest() is None


async def test_pruning_keeps_the_newest(snapshots: BlobSnapshots):
    for sequence in (10, 20, 30, 40):
        await snapshots.put(sequence, HASH, b"state")
    assert await snapshots.prune(keep=2) == 2
    assert [info.sequence for info in await snapshots.listed()] == [30, 40]
    assert await snapshots.prune(keep=2) == 0
    with pytest.raises(ValueError, match="at least one"):
        await snapshots.prune(keep=0)


async def test_another_journals_snapshots_are_not_ours(snapshots: BlobSnapshots, blobs: Blobs):
    await snapshots.put(10, HASH, b"state")
    for journal, shard in (("other", "main"), ("journal", "second")):
        assert await BlobSnapshots(blobs, JournalId(journal), shard).latest() is None

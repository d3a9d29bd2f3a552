"""What every blob store promises."""

import asyncio
import os

import pytest

from kopitra.application.ports.blobs import (
    BLOB_NAME_LENGTH,
    BlobImmutable,
    BlobInfo,
    BlobNameInvalid,
    BlobNotFound,
    Blobs,
)


async def under(blobs: Blobs, prefix: str = "") -> list[BlobInfo]:
    return [info async for info in blobs.under(prefix)]


async def test_what_was_put_is_got_to_the_byte(blobs: Blobs):
    for name, content in {"empty": b"", "a/b/c.bin": os.urandom(300_000), "text": "ключ 鍵".encode()}.items():
        await blobs.put(name, content)
        assert await blobs.get(name) == content


async def test_a_later_put_replaces_content_and_type(blobs: Blobs):
    await blobs.put("report", b"first")
    await blobs.put("report", b"the second", content_type="text/html; charset=utf-8")
    assert await blobs.get("report") == b"the second"
    info = await blobs.find("report")
    assert info is not None
    assert (info.name, info.size, info.content_type) == ("report", 10, "text/html; charset=utf-8")
    assert not info.immutable
    assert info.modified_at.utcoffset() is not None


async def test_what_is_not_there_is_not_found(blobs: Blobs):
    await blobs.put("folder/blob", b"content")
    for absent in ("nothing", "folder", "folder/blob/deeper"):
        with pytest.raises(BlobNotFound):
            await blobs.get(absent)
        assert await blobs.find(absent) is None
        assert not await blobs.delete(absent)


async def test_a_deleted_blob_is_gone(blobs: Blobs):
    await blobs.put("a", b"content")
    assert await blobs.delete("a")
    assert await blobs.find("a") is None
    assert await under(blobs) == []
    await blobs.put("a", b"again")
    assert await blobs.get("a") == b"again"


async def test_blobs_are_listed_by_name_under_a_prefix(blobs: Blobs):
    for name in ("b/2", "b/10", "a", "b-side", "b/1", "c/d/e"):
        await blobs.put(name, b"12345", content_type="text/plain")
    assert [info.name for info in await under(blobs)] == ["a", "b-side", "b/1", "b/10", "b/2", "c/d/e"]
    assert [info.name for info in await under(blobs, "b/")] == ["b/1", "b/10", "b/2"]
    assert [info.name for info in await under(blobs, "b/1")] == ["b/1", "b/10"]
    assert [info.name for info in await under(blobs, "c")] == ["c/d/e"]
    assert await under(blobs, "nowhere/") == []
    (info,) = await under(blobs, "a")
    assert (info.size, info.content_type) == (5, "text/plain")


async def test_an_immutable_blob_is_written_once(blobs: Blobs):
    await blobs.put("audit/1", b"sealed", content_type="application/json", immutable=True)
    await blobs.put("audit/1", b"sealed", immutable=True)
    for attempt in (
        blobs.put("audit/1", b"forged", immutable=True),
        blobs.put("audit/1", b"forged"),
        blobs.delete("audit/1"),
    ):
        with pytest.raises(BlobImmutable):
            await attempt
    assert await blobs.get("audit/1") == b"sealed"
    (info,) = await under(blobs, "audit/")
    assert info.immutable
    assert info.content_type == "application/json"


async def test_a_blob_may_become_immutable(blobs: Blobs):
    await blobs.put("audit/2", b"draft")
    await blobs.put("audit/2", b"sealed", immutable=True)
    with pytest.raises(BlobImmutable):
        await blobs.put("audit/2", b"forged")


@pytest.mark.parametrize(
    "name",
    ["", "/", "a/", "/a", "a//b", "..", "a/../b", ".hidden", "a/.kopitra", "a\\b", "a b", "ключ", "a\0"],
)
async def test_a_name_that_some_storage_would_take_differently_is_refused(blobs: Blobs, name: str):
    with pytest.raises(BlobNameInvalid):
        await blobs.put(name, b"")
    with pytest.raises(BlobNameInvalid):
        await blobs.get(name)


async def test_a_long_name_is_fine_up_to_the_limit(blobs: Blobs):
    longest = "/".join(["x" * 127] * 4)[:BLOB_NAME_LENGTH]
    await blobs.put(longest, b"content")
    assert await blobs.get(longest) == b"content"
    with pytest.raises(BlobNameInvalid):
        await blobs.put(longest + "xx", b"content")


async def test_readers_see_the_old_or_the_new_content_whole(blobs: Blobs):
    versions = [bytes([n]) * 50_000 for n in range(10)]
    await blobs.put("state", versions[0])

    async def write() -> None:
        for version in versions:
            await blobs.put("state", version)

    writing = asyncio.create_task(write())
    while not writing.done():
        assert await blobs.get("state") in versions
    await writing
    assert await blobs.get("state") == versions[-1]

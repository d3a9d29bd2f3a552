"""Blobs in a folder: files that a person can read, and nothing half-written, also after a crash."""

import os
from pathlib import Path

import pytest

from kopitra.adapters.embedded import atomic_file
from kopitra.adapters.embedded.blobs import UNFINISHED_SECONDS, FolderBlobs
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.application.ports.blobs import BlobsUnavailable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def blobs(folder: Path) -> FolderBlobs:
    return FolderBlobs(folder, SystemIds())


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


async def test_a_blob_is_a_file_of_its_own_name(blobs: FolderBlobs, folder: Path):
    await blobs.put("reports/2026/january.csv", b"a;b\n", content_type="text/csv")
    assert content_of(folder / "reports" / "2026" / "january.csv") == b"a;b\n"


async def test_a_file_that_someone_laid_there_is_a_blob(blobs: FolderBlobs, folder: Path):
    os.makedirs(folder / "imported")
    lay(folder / "imported" / "statement.htm", b"<html>")
    assert await blobs.get("imported/statement.htm") == b"<html>"
    (info,) = [info async for info in blobs.under("imported/")]
    assert (info.content_type, info.immutable) == ("application/octet-stream", False)


async def test_a_put_that_fails_halfway_leaves_the_old_content_and_no_litter(
    blobs: FolderBlobs, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    await blobs.put("state", b"old")
    before = files_in(folder)

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(atomic_file.os, "fsync", no_space)
        with pytest.raises(BlobsUnavailable, match="No space"):
            await blobs.put("state", b"new")
    assert await blobs.get("state") == b"old"
    assert files_in(folder) == before


async def test_content_reaches_the_disk_before_its_name_does(
    blobs: FolderBlobs, monkeypatch: pytest.MonkeyPatch
):
    steps: list[str] = []
    flush, rename = os.fsync, os.replace

    def flushed(descriptor: int) -> None:
        steps.append("flush")
        flush(descriptor)

    def renamed(source: Path, target: Path) -> None:
        steps.append(f"rename {target.name}")
        rename(source, target)

    monkeypatch.setattr(atomic_file.os, "fsync", flushed)
    monkeypatch.setattr(atomic_file.os, "replace", renamed)
    await blobs.put("state", b"content")
    assert steps == ["flush", "rename state.json", "flush", "flush", "rename state", "flush"]


async def test_what_a_crash_left_half_written_is_swept_away_once_it_is_old(folder: Path):
    unfinished = folder / ".kopitra" / "unfinished"
    os.makedirs(unfinished)
    lay(unfinished / "of-a-dead-process", b"half")
    os.utime(unfinished / "of-a-dead-process", (0, 0))
    lay(unfinished / "of-a-living-one", b"half")
    await FolderBlobs(folder, SystemIds()).put("state", b"content")
    assert [name for name in files_in(folder) if "unfinished" in name] == [
        ".kopitra/unfinished/of-a-living-one"
    ]
    assert UNFINISHED_SECONDS >= 60


def lay(path: Path, content: bytes) -> None:
    path.write_bytes(content)

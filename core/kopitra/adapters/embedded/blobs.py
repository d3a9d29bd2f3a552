"""Blobs as files in a folder, under their own names, so that a person can read them.

What a file cannot say of itself (content type, immutable) is in `.kopitra/about/NAME.json`, written before the content:
after a crash in between, at worst the old content has the new type.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from kopitra.adapters.embedded.atomic_file import write_atomically
from kopitra.application.blob_names import check_blob_name
from kopitra.application.ports.blobs import BlobImmutable, BlobInfo, BlobNotFound, BlobsUnavailable
from kopitra.application.ports.identity import IdSource

T = TypeVar("T")
OWN_FOLDER = ".kopitra"
"""No blob's name starts with a dot."""
DEFAULT_TYPE = "application/octet-stream"
UNFINISHED_SECONDS = 3600
"""A half-written file this old belongs to a process that died; no write takes a minute."""


class _About(msgspec.Struct, frozen=True, rename="camel"):
    content_type: str = DEFAULT_TYPE
    immutable: bool = False


class FolderBlobs:
    """`kopitra.application.ports.blobs.Blobs` over a folder."""

    def __init__(self, folder: Path, ids: IdSource) -> None:
        self._folder = folder
        self._unfinished = folder / OWN_FOLDER / "unfinished"
        self._ids = ids
        self._swept = False

    async def put(
        self, name: str, content: bytes, *, content_type: str = DEFAULT_TYPE, immutable: bool = False
    ) -> None:
        check_blob_name(name)
        await _run(self._put, name, content, _About(content_type, immutable))

    async def get(self, name: str) -> bytes:
        check_blob_name(name)
        return await _run(self._get, name)

    async def find(self, name: str) -> BlobInfo | None:
        check_blob_name(name)
        return await _run(self._find, name)

    async def under(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        for name in await _run(self._names, prefix):
            if info := await _run(self._find, name):
                yield info

    async def delete(self, name: str) -> bool:
        check_blob_name(name)
        return await _run(self._delete, name)

    async def close(self) -> None:
        """Nothing is held open."""

    def _put(self, name: str, content: bytes, about: _About) -> None:
        if self._about(name).immutable and self._path(name).exists():
            if self._get(name) != content:
                raise BlobImmutable(f"{name} is immutable")
            return
        self._sweep()
        write_atomically(self._about_path(name), msgspec.json.encode(about), self._temporary())
        write_atomically(self._path(name), content, self._temporary())

    def _get(self, name: str) -> bytes:
        try:
            return self._path(name).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise BlobNotFound(name) from error

    def _find(self, name: str) -> BlobInfo | None:
        path, about = self._path(name), self._about(name)
        if not path.is_file():
            return None
        status = path.stat()
        return BlobInfo(
            name=name,
            size=status.st_size,
            content_type=about.content_type,
            modified_at=datetime.fromtimestamp(status.st_mtime, UTC),
            immutable=about.immutable,
        )

    def _names(self, prefix: str) -> list[str]:
        """Looks only into the folder that the prefix names, and below."""
        start = self._folder / prefix.rpartition("/")[0]
        found: list[str] = []
        for folder, subfolders, files in os.walk(start):
            if OWN_FOLDER in subfolders:
                subfolders.remove(OWN_FOLDER)
            found += [(Path(folder) / file).relative_to(self._folder).as_posix() for file in files]
        return sorted(name for name in found if name.startswith(prefix))

    def _delete(self, name: str) -> bool:
        if not self._path(name).is_file():
            return False
        if self._about(name).immutable:
            raise BlobImmutable(f"{name} is immutable")
        self._path(name).unlink()
        self._about_path(name).unlink(missing_ok=True)
        return True

    def _about(self, name: str) -> _About:
        with suppress(FileNotFoundError, NotADirectoryError):
            return msgspec.json.decode(self._about_path(name).read_bytes(), type=_About)
        return _About()

    def _path(self, name: str) -> Path:
        return self._folder / name

    def _about_path(self, name: str) -> Path:
        return self._folder / OWN_FOLDER / "about" / f"{name}.json"

    def _temporary(self) -> Path:
        return self._unfinished / self._ids.new()

    def _sweep(self) -> None:
        """Once, before the first write: remove what crashes left half-written."""
        if self._swept:
            return
        self._swept = True
        for file in self._unfinished.glob("*"):
            with suppress(FileNotFoundError):
                if time.time() - file.stat().st_mtime > UNFINISHED_SECONDS:
                    file.unlink()


async def _run(call: Callable[..., T], *arguments: object) -> T:
    try:
        return await asyncio.to_thread(call, *arguments)
    except OSError as error:
        raise BlobsUnavailable(str(error)) from error

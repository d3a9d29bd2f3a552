"""One folder of small files and append-only logs, used by one agent at a time.

A log line is a CRC-32 in eight hexadecimal digits, a space, the record and a newline: people can read it, and a line
torn by a crash is told from a whole one. Only their owner can read the files: one of them holds the device's secret.
"""

import os
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from kopitra_agent.ports.storage import StorageCorrupt, StorageFailed

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK_FILE = "lock"
OWNER_ONLY = 0o600
CHECKSUM_DIGITS = 8


class FolderInUse(StorageFailed):
    """Another agent works in this state folder; two would send every order twice."""


class FileStorage:
    """Raises FolderInUse. The lock goes with the process, however that ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _locked(folder / LOCK_FILE)
        self._logs: dict[str, int] = {}

    def read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        temporary = self._folder / f"{name}.new"
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _BINARY, OWNER_ONLY)
            try:
                _write_all(descriptor, content)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, self._folder / name)
            self._flush_folder()
        except OSError as error:
            raise StorageFailed(f"{name}: {error}") from error

    def append(self, log: str, record: bytes, *, flush: bool = True) -> None:
        try:
            descriptor = self._open_log(log)
            before = os.lseek(descriptor, 0, os.SEEK_END)
            try:
                _write_all(descriptor, _line(record))
                if flush:
                    _flush_data(descriptor)
            except OSError:
                os.ftruncate(descriptor, before)
                raise
        except OSError as error:
            raise StorageFailed(f"{log}: {error}") from error

    def records(self, log: str) -> Sequence[bytes]:
        lines = (self.read(log) or b"").split(b"\n")
        torn = lines.pop()  # after the last newline: empty, or what a crash left
        records: list[bytes] = []
        for number, line in enumerate(lines, 1):
            record = _record(line)
            if record is None:
                raise StorageCorrupt(f"{self._folder / log}, line {number}")
            records.append(record)
        if torn:
            self.rewrite(log, records)
        return records

    def rewrite(self, log: str, records: Sequence[bytes]) -> None:
        descriptor = self._logs.pop(log, None)
        if descriptor is not None:
            os.close(descriptor)
        self.write(log, b"".join(_line(record) for record in records))

    def close(self) -> None:
        for descriptor in self._logs.values():
            os.close(descriptor)
        self._logs.clear()
        self._lock.close()

    def _open_log(self, log: str) -> int:
        descriptor = self._logs.get(log)
        if descriptor is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | _BINARY
            descriptor = self._logs[log] = os.open(self._folder / log, flags, OWNER_ONLY)
            self._flush_folder()
        return descriptor

    def _flush_folder(self) -> None:
        """A renamed or new file is found again after a loss of power only once its folder is on disk."""
        if sys.platform == "win32":
            return  # folders cannot be opened there; NTFS journals the rename
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


_BINARY = getattr(os, "O_BINARY", 0)


def _line(record: bytes) -> bytes:
    assert b"\n" not in record, "a record is one line"
    return b"%08x %s\n" % (zlib.crc32(record), record)


def _record(line: bytes) -> bytes | None:
    checksum, record = line[:CHECKSUM_DIGITS], line[CHECKSUM_DIGITS + 1 :]
    return record if checksum == b"%08x" % zlib.crc32(record) else None


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _flush_data(descriptor: int) -> None:
    if sys.platform == "win32":
        os.fsync(descriptor)
    else:
        os.fdatasync(descriptor)


def _locked(path: Path) -> BinaryIO:
    file = path.open("ab")
    try:
        if sys.platform == "win32":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise FolderInUse(str(path.parent)) from error
    return file

"""An append-only file of operations that survives kill -9 at any byte.

A record is its length and its CRC-32, four bytes each, and then the operation. Only the last record may be incomplete
or damaged (a torn write); it was never answered and is cut off. Damage before the end is refused: what follows would
be executed on a state that never was.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

HEADER = struct.Struct(">II")


class LogDamaged(Exception):
    """A record that is not the last does not match its checksum; the message names file and byte."""


def record_of(payload: bytes) -> bytes:
    return HEADER.pack(len(payload), zlib.crc32(payload)) + payload


def records_in(data: bytes, name: str) -> Iterator[tuple[int, bytes]]:
    """Whole records with the byte after each. Stops before a torn last one; raises LogDamaged at any other."""
    start = 0
    while start + HEADER.size <= len(data):
        length, checksum = HEADER.unpack_from(data, start)
        end = start + HEADER.size + length
        if end > len(data):
            return
        payload = data[start + HEADER.size : end]
        if zlib.crc32(payload) != checksum:
            if end == len(data):
                return
            raise LogDamaged(f"{name}: the record at byte {start} does not match its checksum")
        yield end, payload
        start = end


class OperationLog:
    """One log file, open for appending. Every write is one system call, complete when it returns."""

    def __init__(self, path: Path, *, fsync: bool) -> None:
        self._path = path
        self._fsync = fsync
        self.size = 0
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)

    def read(self) -> list[bytes]:
        """All whole records; a torn tail is cut off the file."""
        data = self._path.read_bytes()
        payloads: list[bytes] = []
        for end, payload in records_in(data, str(self._path)):
            payloads.append(payload)
            self.size = end
        if self.size != len(data):
            os.ftruncate(self._descriptor, self.size)
        return payloads

    def append(self, payload: bytes) -> None:
        """Hand a record to the operating system; on the disk too, where fsync was asked for."""
        record = record_of(payload)
        written = os.write(self._descriptor, record)
        if written != len(record):
            os.ftruncate(self._descriptor, self.size)
            raise OSError(f"{self._path}: only {written} of {len(record)} bytes were written")
        if self._fsync:
            os.fsync(self._descriptor)
        self.size += written

    def close(self) -> None:
        os.close(self._descriptor)

"""The operation log: whole records only, a torn tail forgotten, damage elsewhere refused."""

from pathlib import Path

import pytest

from kopitra_terminal.oplog import HEADER, LogDamaged, OperationLog

PAYLOADS = [b"first", b"", b"x" * 300, b"last"]


def written(folder: Path) -> Path:
    path = folder / "log"
    log = OperationLog(path, fsync=True)
    for payload in PAYLOADS:
        log.append(payload)
    log.close()
    return path


def reopened(path: Path) -> list[bytes]:
    log = OperationLog(path, fsync=False)
    try:
        return log.read()
    finally:
        log.close()


def test_what_was_appended_is_read_again(tmp_path: Path) -> None:
    assert reopened(written(tmp_path)) == PAYLOADS


def test_cut_at_every_byte_of_the_last_records_the_whole_ones_before_the_cut_remain(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = path.read_bytes()
    ends: list[int] = []
    for payload in PAYLOADS:
        ends.append((ends[-1] if ends else 0) + HEADER.size + len(payload))
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        whole = sum(end <= cut for end in ends)
        assert reopened(path) == PAYLOADS[:whole]
        assert path.stat().st_size == (ends[whole - 1] if whole else 0)


def test_after_a_torn_tail_new_records_follow_the_last_whole_one(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    log = OperationLog(path, fsync=False)
    log.read()
    log.append(b"after the crash")
    log.close()
    assert reopened(path) == [*PAYLOADS[:-1], b"after the crash"]


def test_a_damaged_last_record_is_a_torn_tail(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert reopened(path) == PAYLOADS[:-1]


def test_a_damaged_record_before_the_last_is_refused_by_file_and_byte(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = bytearray(path.read_bytes())
    data[HEADER.size] ^= 1
    path.write_bytes(data)
    with pytest.raises(LogDamaged, match=r"log: the record at byte 0"):
        reopened(path)

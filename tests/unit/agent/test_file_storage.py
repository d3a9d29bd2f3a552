"""What a state folder promises."""

import os
import stat
from pathlib import Path

import pytest

from kopitra_agent.adapters.files import FileStorage, FolderInUse
from kopitra_agent.ports.storage import StorageCorrupt, StorageFailed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_files_and_logs_are_there_after_a_restart(folder: Path):
    storage = FileStorage(folder)
    storage.write("secret.json", b"{}")
    storage.append("hand.log", b'{"a":1}')
    storage.append("hand.log", b'{"b":2}', flush=False)
    storage.close()
    storage = FileStorage(folder)
    assert storage.read("secret.json") == b"{}"
    assert storage.records("hand.log") == [b'{"a":1}', b'{"b":2}']
    assert storage.read("nothing") is None
    assert storage.records("nothing") == []
    storage.close()


@pytest.mark.parametrize("torn", range(1, 18))
def test_a_record_torn_by_a_crash_is_dropped_whole_and_the_log_goes_on(folder: Path, torn: int):
    storage = FileStorage(folder)
    storage.append("hand.log", b"first")
    storage.append("hand.log", b"second22")
    storage.close()
    path = folder / "hand.log"
    path.write_bytes(path.read_bytes()[:-torn])
    storage = FileStorage(folder)
    assert storage.records("hand.log") == [b"first"]
    storage.append("hand.log", b"third")
    assert storage.records("hand.log") == [b"first", b"third"]
    storage.close()


def test_damage_before_the_end_stops_the_start_and_names_the_line(folder: Path):
    storage = FileStorage(folder)
    for record in (b"first", b"second"):
        storage.append("hand.log", record)
    path = folder / "hand.log"
    path.write_bytes(path.read_bytes().replace(b"first", b"farst"))
    with pytest.raises(StorageCorrupt, match=r"hand\.log, line 1"):
        storage.records("hand.log")
    storage.close()


def test_a_rewritten_log_is_replaced_at_once_and_appended_to(folder: Path):
    storage = FileStorage(folder)
    for number in range(5):
        storage.append("hand.log", b"%d" % number)
    storage.rewrite("hand.log", [b"sum"])
    storage.append("hand.log", b"next")
    assert storage.records("hand.log") == [b"sum", b"next"]
    assert not list(folder.glob("*.new"))
    storage.close()


def test_a_second_agent_cannot_work_in_the_same_folder(folder: Path):
    storage = FileStorage(folder)
    with pytest.raises(FolderInUse):
        FileStorage(folder)
    storage.close()
    FileStorage(folder).close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has access lists in place of modes")
def test_only_the_owner_can_read_what_is_kept(folder: Path):
    storage = FileStorage(folder)
    storage.write("secret.json", b"{}")
    storage.append("hand.log", b"x")
    for name in ("secret.json", "hand.log"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    storage.close()


def test_a_write_that_fails_says_so_and_leaves_the_log_whole(folder: Path, monkeypatch: pytest.MonkeyPatch):
    storage = FileStorage(folder)
    storage.append("hand.log", b"first")

    def full(descriptor: int, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(StorageFailed, match="No space left"):
            storage.append("hand.log", b"second")
        with pytest.raises(StorageFailed):
            storage.write("secret.json", b"{}")
    storage.append("hand.log", b"third")
    assert storage.records("hand.log") == [b"first", b"third"]
    storage.close()

"""A power cut leaves any prefix of what was written: recovery ends on a whole commit and misses no answered one."""

import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from kopitra.adapters.embedded.holder_lock import HolderLock
from kopitra.adapters.embedded.journal_file import JournalFile
from kopitra.adapters.embedded.journal_reader import JournalReader
from kopitra.adapters.embedded.journal_writer import JournalWriter
from kopitra.application.ports.journal import Commit, Frame, JournalUnavailable
from kopitra.domain.identifiers import JournalId
from tests.fixtures.clocks import ManualClock

SHARD = "main"
WAL_HEADER = 32
FRAME_HEADER = 24
PAGE = 4096
COMMITS = 70
CUTS = 1_000


@dataclass(frozen=True)
class Written:
    """A journal's files while its writer is alive, and how long the log was when each commit was answered."""

    database: bytes
    wal: bytes
    commits: Sequence[Commit]
    answered_at: Sequence[int]

    def answered_within(self, wal_bytes: int) -> int:
        return sum(length <= wal_bytes for length in self.answered_at)


def writer_on(file: JournalFile) -> JournalWriter:
    lock = HolderLock(file.path.with_suffix(".holder"))
    return JournalWriter(file, holder="holder", holder_lock=lock, clock=ManualClock())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    path = tmp_path_factory.mktemp("written") / "journal.db"
    wal = path.with_name("journal.db-wal")
    chance = random.Random(11)
    file = JournalFile(path, SHARD)
    file.create_fence(JournalId("journal"), ManualClock().now())
    file.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.connection.execute("PRAGMA wal_autocheckpoint=0")
    writer = writer_on(file)
    fence = writer.acquire("writer")
    commits: list[Commit] = []
    answered_at: list[int] = []
    for _ in range(COMMITS):
        commit = tuple(
            Frame(n, n, chance.randbytes(chance.choice([10, 100, 1_500])))
            for n in range(fence.sequence + 1, fence.sequence + chance.randint(2, 8))
        )
        fence = writer.append(fence, commit)
        commits.append(commit)
        answered_at.append(wal.stat().st_size)
    written = Written(path.read_bytes(), wal.read_bytes(), commits, answered_at)
    writer.close()
    return written


def recovered(folder: Path, database: bytes, wal: bytes) -> list[Commit]:
    """What a restart reads and takes over from these files."""
    path = folder / "journal.db"
    path.with_name("journal.db-shm").unlink(missing_ok=True)
    path.write_bytes(database)
    path.with_name("journal.db-wal").write_bytes(wal)
    file = JournalFile(path, SHARD)
    try:
        reader = JournalReader(file)
        commits: list[Commit] = []
        while more := reader.commits_after(commits[-1][-1].last if commits else 0):
            commits.extend(more)
        last = commits[-1][-1].last if commits else 0
        assert reader.head() == last
        assert writer_on(file).acquire("restarted").sequence == last
        return commits
    finally:
        file.close()


def frame_boundaries(wal: bytes) -> list[int]:
    return list(range(WAL_HEADER, len(wal) + 1, FRAME_HEADER + PAGE))


def test_a_log_cut_anywhere_recovers_exactly_the_answered_commits(written: Written, tmp_path: Path):
    boundaries = frame_boundaries(written.wal)
    assert boundaries[-1] == len(written.wal)
    chance = random.Random(12)
    cuts = {0, *boundaries, *(b - 1 for b in boundaries), *(min(b + 1, len(written.wal)) for b in boundaries)}
    while len(cuts) < CUTS:
        cuts.add(chance.randrange(len(written.wal)))
    for cut in sorted(cuts):
        answered = written.answered_within(cut)
        assert recovered(tmp_path, written.database, written.wal[:cut]) == list(written.commits[:answered]), (
            cut
        )
    assert len(cuts) >= CUTS
    assert set(boundaries) <= cuts


def test_a_damaged_byte_in_the_log_ends_recovery_before_it(written: Written, tmp_path: Path):
    chance = random.Random(13)
    for _ in range(100):
        at = chance.randrange(WAL_HEADER, len(written.wal))
        damaged = bytearray(written.wal)
        damaged[at] ^= 1 + chance.randrange(255)
        read = recovered(tmp_path, written.database, bytes(damaged))
        assert read == list(written.commits[: len(read)])
        assert len(read) == written.answered_within(at), at


def test_a_crash_while_the_log_is_copied_into_the_database_loses_nothing(written: Written, tmp_path: Path):
    after = _checkpointed(written, tmp_path / "checkpointed")
    chance = random.Random(14)
    for _ in range(100):
        torn = bytearray(written.database.ljust(chance.randrange(len(after) + 1), b"\0"))
        for at in range(0, len(torn), PAGE):
            if chance.random() < 0.5:
                torn[at : at + PAGE] = after[at : at + PAGE][: len(torn) - at]
        assert recovered(tmp_path, bytes(torn), written.wal) == list(written.commits)


def test_a_database_cut_short_after_its_log_is_gone_is_refused_or_whole(written: Written, tmp_path: Path):
    after = _checkpointed(written, tmp_path / "checkpointed")
    chance = random.Random(15)
    for cut in [*range(PAGE, len(after), PAGE * 7), *(chance.randrange(1, len(after)) for _ in range(50))]:
        read = _recovered_or_refused(tmp_path, after[:cut])
        assert read in ("corrupt", list(written.commits)), cut


def _recovered_or_refused(folder: Path, database: bytes) -> list[Commit] | str:
    try:
        return recovered(folder, database, b"")
    except JournalUnavailable as refusal:
        return refusal.reason


def _checkpointed(written: Written, folder: Path) -> bytes:
    """The database once the whole log is copied into it."""
    folder.mkdir()
    recovered(folder, written.database, written.wal)
    (folder / "journal.db").write_bytes(written.database)
    (folder / "journal.db-wal").write_bytes(written.wal)
    file = JournalFile(folder / "journal.db", SHARD)
    file.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.close()
    content = (folder / "journal.db").read_bytes()
    shutil.rmtree(folder)
    assert len(content) > len(written.database)
    assert not os.path.exists(folder)
    return content

"""One account's state on disk: a snapshot and the log of what happened since.

`state` holds generation g; `log.g` the operations after it. Compacting writes generation g + 1 to a temporary file,
renames it over `state` and starts an empty `log.(g+1)`: at every moment between, the folder says one thing only.
"""

import fcntl
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.broker.operations import Operation, decode_operation, encode_operation
from kopitra.simulation.broker.state import BrokerState, decode_state, encode_state
from kopitra_terminal.oplog import OperationLog, records_in

COMPACT_BYTES = 8 * 1024 * 1024
"""A log of this size replays in about a second."""
COMPACT_FACTOR = 4
"""… or four times the snapshot, whichever is more: so that writing snapshots stays a small share of all writing."""
STATE = "state"
LOCK = "lock"
FORMAT = 1


class FolderInUse(Exception):
    """Another process has this account open."""


class StateDamaged(Exception):
    """The snapshot does not match its checksum or its format is another version's."""


class _Snapshot(msgspec.Struct, frozen=True, array_like=True):
    format: int
    generation: int
    checksum: int
    state: bytes


class AccountFolder:
    """Opens (or begins) an account; `broker` then records every operation before anyone is told of it."""

    def __init__(
        self,
        folder: Path,
        begin: Callable[[], BrokerState],
        *,
        fsync: bool = False,
        compact_bytes: int = COMPACT_BYTES,
        keep_operations: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._fsync = fsync
        self._compact_bytes = compact_bytes
        self._keep_operations = keep_operations
        self._lock = _locked(folder / LOCK)
        try:
            self._open(begin)
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self, begin: Callable[[], BrokerState]) -> None:
        snapshot = self._read_snapshot()
        if snapshot is None:
            snapshot = self._write_snapshot(0, encode_state(begin()))
        self._generation, self._snapshot_bytes = snapshot.generation, len(snapshot.state)
        self._log = OperationLog(self._log_path(), fsync=self._fsync)
        self.broker = SimulatedBroker.restore(snapshot.state)
        self.replayed = self._replay()
        self.broker.record_with(self._record)
        self._forget_old_logs()

    def compact(self) -> None:
        """Make the present state the snapshot and begin an empty log; nothing where every operation is to be kept."""
        if self._keep_operations:
            return
        snapshot = self._write_snapshot(self._generation + 1, self.broker.snapshot())
        self._log.close()
        self._generation, self._snapshot_bytes = snapshot.generation, len(snapshot.state)
        self._log = OperationLog(self._log_path(), fsync=self._fsync)
        self._forget_old_logs()

    def close(self) -> None:
        self._log.close()
        os.close(self._lock)

    def _record(self, operation: Operation) -> None:
        self._log.append(encode_operation(operation))
        if self._log.size > max(self._compact_bytes, COMPACT_FACTOR * self._snapshot_bytes):
            self.compact()

    def _replay(self) -> int:
        payloads = self._log.read()
        for payload in payloads:
            self.broker.apply(decode_operation(payload))
        return len(payloads)

    def _read_snapshot(self) -> _Snapshot | None:
        path = self._folder / STATE
        return _decoded(path) if path.exists() else None

    def _write_snapshot(self, generation: int, state: bytes) -> _Snapshot:
        snapshot = _Snapshot(FORMAT, generation, zlib.crc32(state), state)
        temporary = self._folder / f"{STATE}.tmp"
        with temporary.open("wb") as file:
            file.write(msgspec.msgpack.encode(snapshot))
            if self._fsync:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(self._folder / STATE)
        if self._fsync:
            _sync_folder(self._folder)
        return snapshot

    def _log_path(self) -> Path:
        return self._folder / f"log.{self._generation}"

    def _forget_old_logs(self) -> None:
        for path in self._folder.glob("log.*"):
            if path != self._log_path():
                path.unlink()


def read_account(folder: Path) -> tuple[BrokerState, list[Operation]]:
    """The snapshot and every operation since, also while a process works in the folder: for whoever wants to know how
    the account came to be what it is. Raises StateDamaged, LogDamaged, FileNotFoundError."""
    snapshot = _decoded(folder / STATE)
    log = folder / f"log.{snapshot.generation}"
    payloads = [payload for _, payload in records_in(log.read_bytes(), str(log))]
    return decode_state(snapshot.state), [decode_operation(payload) for payload in payloads]


def _decoded(path: Path) -> _Snapshot:
    try:
        snapshot = msgspec.msgpack.decode(path.read_bytes(), type=_Snapshot)
    except msgspec.MsgspecError as error:
        raise StateDamaged(f"{path}: {error}") from error
    if snapshot.format != FORMAT or zlib.crc32(snapshot.state) != snapshot.checksum:
        raise StateDamaged(f"{path}: wrong checksum or format")
    return snapshot


def _locked(path: Path) -> int:
    """Hold the lock file until the process ends, however it ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as busy:
        os.close(descriptor)
        raise FolderInUse(f"{path.parent} is open in another process") from busy
    return descriptor


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

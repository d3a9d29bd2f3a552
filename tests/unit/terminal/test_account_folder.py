"""An account on disk: begun once, replayed exactly, compacted without a moment of doubt, open in one place only."""

from pathlib import Path

import pytest

from kopitra.domain.orders import Side
from kopitra.simulation.broker.operations import Balance
from kopitra.simulation.broker.records import DealKind
from kopitra.simulation.broker.state import BrokerState
from kopitra_terminal.account_folder import AccountFolder, FolderInUse, StateDamaged, read_account
from tests.unit.broker.house import D, House, quoted_house, request

AT = House().at


def begin() -> BrokerState:
    return quoted_house(deposit="1000000").broker.state


def never() -> BrokerState:
    raise AssertionError("an account that is on disk does not begin again")


def trade(folder: AccountFolder, count: int) -> None:
    for _ in range(count):
        assert folder.broker.send(request("deal", side=Side.BUY, volume="0.1"), AT).done


def test_an_account_begins_once_and_then_its_folder_counts(tmp_path: Path) -> None:
    first = AccountFolder(tmp_path / "7", begin)
    trade(first, 3)
    first.close()
    again = AccountFolder(tmp_path / "7", never)
    assert again.replayed == 3
    assert len(again.broker.state.positions) == 3


def test_the_state_after_replay_equals_the_state_before_byte_for_byte(tmp_path: Path) -> None:
    first = AccountFolder(tmp_path, begin)
    trade(first, 20)
    before = first.broker.snapshot()
    first.close()
    again = AccountFolder(tmp_path, never)
    assert again.broker.snapshot() == before
    again.compact()
    again.close()
    third = AccountFolder(tmp_path, never)
    assert third.replayed == 0
    assert third.broker.snapshot() == before


def test_a_log_that_grew_is_compacted_and_old_logs_go(tmp_path: Path) -> None:
    folder = AccountFolder(tmp_path, begin, compact_bytes=2000)
    trade(folder, 200)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len([name for name in names if name.startswith("log.")]) == 1
    assert "log.0" not in names
    before = folder.broker.snapshot()
    folder.close()
    again = AccountFolder(tmp_path, never, compact_bytes=2000)
    assert again.broker.snapshot() == before


def test_cut_at_every_byte_of_the_last_two_records_only_unanswered_trades_are_gone(tmp_path: Path) -> None:
    folder = AccountFolder(tmp_path, begin)
    trade(folder, 3)
    folder.close()
    log = tmp_path / "log.0"
    data = log.read_bytes()
    record = len(data) // 3
    for cut in range(record, len(data) + 1):
        log.write_bytes(data[:cut])
        again = AccountFolder(tmp_path, never)
        assert len(again.broker.state.positions) == cut // record
        trade(again, 1)
        again.close()
        last = AccountFolder(tmp_path, never)
        assert len(last.broker.state.positions) == cut // record + 1
        last.close()


@pytest.mark.parametrize("leave", ["temporary snapshot", "old log", "no new log"])
def test_a_crash_anywhere_in_compacting_loses_nothing(tmp_path: Path, leave: str) -> None:
    folder = AccountFolder(tmp_path, begin)
    trade(folder, 2)
    old_log = (tmp_path / "log.0").read_bytes()
    before = folder.broker.snapshot()
    if leave == "temporary snapshot":
        (tmp_path / "state.tmp").write_bytes(b"half a snap")
    else:
        folder.compact()
    folder.close()
    if leave == "old log":
        (tmp_path / "log.0").write_bytes(old_log)
    if leave == "no new log":
        (tmp_path / "log.1").unlink()
    again = AccountFolder(tmp_path, never)
    assert again.broker.snapshot() == before


def test_two_processes_cannot_open_one_account(tmp_path: Path) -> None:
    AccountFolder(tmp_path, begin)
    with pytest.raises(FolderInUse):
        AccountFolder(tmp_path, begin)


def test_a_damaged_snapshot_is_refused(tmp_path: Path) -> None:
    AccountFolder(tmp_path, begin).close()
    state = tmp_path / "state"
    data = bytearray(state.read_bytes())
    data[-1] ^= 1
    state.write_bytes(data)
    with pytest.raises(StateDamaged, match="checksum"):
        AccountFolder(tmp_path, never)
    state.write_bytes(b"\x00")
    with pytest.raises(StateDamaged):
        AccountFolder(tmp_path, never)


def test_with_fsync_the_account_works_the_same(tmp_path: Path) -> None:
    folder = AccountFolder(tmp_path, begin, fsync=True)
    folder.broker.apply(Balance(at=AT, kind=DealKind.DEPOSIT, amount=D(5)))
    folder.compact()
    folder.close()
    assert AccountFolder(tmp_path, never).broker.state.balance == D("1000005.00")


def test_a_full_disk_stops_the_account_before_anyone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = AccountFolder(tmp_path, begin)
    trade(folder, 1)

    def half(descriptor: int, data: bytes) -> int:
        with (tmp_path / "log.0").open("ab") as file:
            return file.write(data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr("os.write", half)
        with pytest.raises(OSError, match="bytes were written"):
            trade(folder, 1)
    folder.close()
    assert len(AccountFolder(tmp_path, never).broker.state.positions) == 1


def test_the_whole_story_can_be_kept_and_read_while_the_account_is_in_use(tmp_path: Path) -> None:
    folder = AccountFolder(tmp_path, begin, compact_bytes=100, keep_operations=True)
    trade(folder, 30)
    folder.compact()
    beginning, operations = read_account(tmp_path)
    assert (len(beginning.positions), len(operations)) == (0, 30)
    folder.close()

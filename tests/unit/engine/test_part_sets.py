"""Sets of parts: whole or not at all, and once however often the network brings them."""

from kopitra.application.part_sets import SnapshotSets
from kopitra.domain.identifiers import AccountId
from kopitra.domain.telemetry import PositionSnapshot

ACCOUNT, OTHER = AccountId("a"), AccountId("b")


def snapshot(name: str, part: int = 1, parts: int = 1) -> PositionSnapshot:
    return PositionSnapshot(
        login=1,
        server="s",
        connected=True,
        synchronised=True,
        snapshot_id=name,
        positions=[],
        part=part,
        parts=parts,
    )


def test_a_snapshot_that_the_network_doubles_is_one_look_at_the_book() -> None:
    sets = SnapshotSets()
    assert sets.add(ACCOUNT, snapshot("x")) is not None
    assert sets.add(ACCOUNT, snapshot("y")) is not None
    assert sets.add(ACCOUNT, snapshot("x")) is None


def test_the_parts_of_a_doubled_snapshot_begin_no_new_set() -> None:
    sets = SnapshotSets()
    assert sets.add(ACCOUNT, snapshot("x", 1, 2)) is None
    assert sets.add(ACCOUNT, snapshot("x", 2, 2)) is not None
    assert sets.add(ACCOUNT, snapshot("x", 1, 2)) is None
    assert sets.add(ACCOUNT, snapshot("x", 2, 2)) is None


def test_another_account_may_use_the_same_name() -> None:
    sets = SnapshotSets()
    assert sets.add(ACCOUNT, snapshot("x")) is not None
    assert sets.add(OTHER, snapshot("x")) is not None

"""docs/runbooks/storage-restoration.md: what can be had back, and what is refused rather than served."""

import re
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fixtures.wire import Line
from tests.integration.counterparty.server import Ea, Server, seed

pytestmark = pytest.mark.timeout(120)


async def traded(folder: Path) -> tuple[Ea, Ea, int]:
    """A leader and a follower with one open that nobody has fetched; the counterparty has ended in good order."""
    await seed(folder)
    server = await Server(folder).serving()
    leader, follower = await server.ea("leader"), await server.ea("follower-0")
    answer = await leader.signal("p1", 1, key="signal")
    assert answer.status == 202
    assert await server.end() == 0
    return leader, follower, answer.json["sequence"]


def snapshots_of(folder: Path) -> list[Path]:
    found = sorted(folder.rglob("*.snapshot"))
    assert found
    return found


async def still_known(server: Server, leader: Ea, follower: Ea, sequence: int) -> None:
    leader.line, follower.line = Line(server.port), Line(server.port)
    again = await leader.signal("p1", 1, key="signal")
    assert (again.status, again.json["sequence"]) == (202, sequence)
    assert again.headers["idempotent-replayed"] == "true"
    [event] = (await follower.poll(0)).json["events"]
    assert event["sequence"] == sequence


async def test_without_any_snapshot_the_journal_gives_the_same_state(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    leader, follower, sequence = await traded(folder)
    for path in snapshots_of(folder):
        path.unlink()

    server = await Server(folder).serving()
    try:
        assert (await server.said("recovered"))["snapshot"] == 0
        await still_known(server, leader, follower, sequence)
    finally:
        await server.end()


async def test_a_damaged_snapshot_is_passed_over_for_the_journal(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    leader, follower, sequence = await traded(folder)
    for path in snapshots_of(folder):
        path.write_bytes(b"\xff" + path.read_bytes()[1:])

    server = await Server(folder).serving()
    try:
        await still_known(server, leader, follower, sequence)
    finally:
        await server.end()


async def test_a_copy_of_a_stopped_counterparty_serves_elsewhere(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    leader, follower, sequence = await traded(folder)
    shutil.copytree(folder, elsewhere)

    server = await Server(elsewhere).serving()
    try:
        await still_known(server, leader, follower, sequence)
    finally:
        await server.end()


async def test_an_older_journal_beside_newer_snapshots_is_refused_with_a_reason(tmp_path: Path) -> None:
    folder, older = tmp_path / "data", tmp_path / "older"
    await seed(folder)
    shutil.copytree(folder, older)
    server = await Server(folder).serving()
    await (await server.ea("leader")).signal("p1", 1)
    assert await server.end() == 0
    for path in folder.glob("main.journal*"):
        path.unlink()
    for path in older.glob("main.journal*"):
        shutil.copy(path, folder / path.name)

    behind = Server(folder)
    refused = await behind.said("start_refused")

    assert re.fullmatch(
        r"the journal ends at sequence \d+, but a snapshot knows sequence \d+", refused["error"]
    )
    with suppress(AssertionError):
        await behind.said("nothing more: it ends by itself")
    assert await behind.end() == 3

"""`kopitra apply` sends a whole file or nothing."""

import asyncio
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.queue import SqliteQueue
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.protocol.operations import parse_operation
from kopitra_cli.adapters.commands_queue import COMMANDS_QUEUE
from kopitra_cli.commands import app

GOOD = "tenant: acme\naccounts:\n  leader: {}\n  follower: {}\ngroups:\n  g: {leaders: [leader]}\n"


def apply(folder: Path, text: str, *options: str) -> Any:
    file = folder / "desk.yaml"
    file.write_text(text)
    arguments = ["apply", str(file), "--queue", str(folder / "queues.sqlite"), "--as", "anna", *options]
    return CliRunner().invoke(app, arguments)


def waiting(folder: Path) -> list[Any]:
    async def peek() -> list[Any]:
        path = folder / "queues.sqlite"
        queue = await SqliteQueue.open(path, COMMANDS_QUEUE, clock=SystemClock(), ids=SystemIds())
        try:
            return [parse_operation(each.message.body) for each in await queue.peek(100)]
        finally:
            await queue.close()

    return asyncio.run(peek())


def test_operations_wait_in_the_queue_in_the_files_order(tmp_path: Path) -> None:
    result = apply(tmp_path, GOOD, "--revision", "4")
    assert result.exit_code == 0, result.output
    assert [operation.account for operation in waiting(tmp_path)] == ["leader", "follower", None]
    assert {(operation.revision, operation.issued_by) for operation in waiting(tmp_path)} == {(4, "anna")}


def test_without_a_revision_a_later_file_has_a_higher_one(tmp_path: Path) -> None:
    assert apply(tmp_path, GOOD).exit_code == 0
    assert apply(tmp_path, GOOD).exit_code == 0
    revisions = [operation.revision for operation in waiting(tmp_path)]
    assert revisions == sorted(revisions)
    assert revisions[0] > 1_700_000_000_000


def test_a_file_with_one_mistake_sends_nothing(tmp_path: Path) -> None:
    result = apply(tmp_path, GOOD + "halt: [{scope: moon}]\n")
    assert result.exit_code == 1
    assert "desk.yaml:7: halt[0].scope" in result.output
    assert waiting(tmp_path) == []


def test_a_dry_run_sends_nothing(tmp_path: Path) -> None:
    result = apply(tmp_path, GOOD, "--dry-run")
    assert result.exit_code == 0
    assert "3 operations checked" in result.output
    assert waiting(tmp_path) == []


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    missing = CliRunner().invoke(app, ["apply", str(tmp_path / "none.yaml")])
    assert (missing.exit_code, "none.yaml: No such file" in missing.output) == (1, True)
    (tmp_path / "desk.yaml").write_bytes(b"tenant: \xff")
    binary = CliRunner().invoke(app, ["apply", str(tmp_path / "desk.yaml")])
    assert (binary.exit_code, "not UTF-8" in binary.output) == (1, True)

"""From the history queue into SQL: everything once, whatever dies, and poison set aside where it can be replayed."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kopitra.application.ports.queue import Message
from kopitra.protocol.operations import CheckpointParameters, parse_operation
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_functions.history import drain as draining
from kopitra_functions.history.dead_letters import replay_dead_letters
from kopitra_functions.sql.errors import DatabaseResuming
from tests.management.history.scriptorium import Rows, Scriptorium
from tests.management.history.streams import PLACE, golden, published

MESSAGES = 150
HOUR = 3600.0


class Killed(BaseException):
    """kill -9: nobody handles it, nothing is tidied up."""


async def filled(hall: Scriptorium, number: int = MESSAGES) -> list[Message]:
    messages = (await published(golden(), hall.blobs))[:number]
    await hall.queues.history.send(messages)
    return messages


def through(
    test: Callable[[VirtualTime, Path], Awaitable[Any]], tmp_path: Path, name: str = "history"
) -> Any:
    return run_virtual(1, lambda time: test(time, tmp_path / f"{name}.sqlite"))


async def undisturbed(time: VirtualTime, file: Path) -> Rows:
    hall = Scriptorium(time, file)
    await filled(hall)
    drained = await hall.drain.drain()
    assert (drained.messages, drained.dead_lettered, drained.stopped) == (MESSAGES, 0, None)
    assert not hall.queues.history.waiting  # type: ignore[attr-defined]
    rows = hall.rows()
    hall.close()
    return rows


def test_everything_is_stored_completed_and_told_to_the_counterparty(tmp_path: Path) -> None:
    async def main(time: VirtualTime, file: Path) -> None:
        hall = Scriptorium(time, file)
        messages = await filled(hall)
        await hall.drain.drain()
        last = msgspec.json.decode(messages[-1].body)["lastSequence"]
        assert (await hall.queues.history.counts()).active == 0
        assert len(hall.rows()["events"]) == MESSAGES
        [told] = await hall.told()
        operation = parse_operation(told.body)
        parameters = msgspec.json.decode(operation.parameters, type=CheckpointParameters)
        assert parameters == CheckpointParameters(
            consumer="history", sequence=last, journal_id=PLACE.journal_id
        )
        hall.close()

    through(main, tmp_path)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    return through(undisturbed, tmp_path_factory.mktemp("history"))


KILLABLE = ("receive", "complete", "send", "write")


@pytest.mark.parametrize("where", KILLABLE)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_call_it_neither_loses_nor_doubles(
    where: str, moment: str, expected: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each call of one kind in turn: before it has had its effect, or when it has."""
    monkeypatch.setattr(draining, "BATCH", 40)

    async def main(time: VirtualTime, file: Path) -> int:
        deaths = 0
        hall = Scriptorium(time, file)
        messages = await filled(hall)
        for number in range(8):
            calls = 0
            owner: Any = {"write": hall.database, "send": hall.queues.commands}.get(
                where, hall.queues.history
            )
            real = getattr(owner, where)

            async def dying(*given: Any, calls_until: int = number, real: Any = real, **named: Any) -> Any:
                nonlocal calls
                calls += 1
                if calls > calls_until and moment == "before":
                    raise Killed
                result = await real(*given, **named)
                if calls > calls_until:
                    raise Killed
                return result

            setattr(owner, where, dying)
            try:
                await hall.new_drain().drain()
            except Killed:
                deaths += 1
            delattr(owner, where)
            _never_ahead(hall, messages)
            await time.sleep(70)  # until its locks have run out
        hall.drain = hall.new_drain()
        await hall.drain.drain()
        assert hall.rows() == expected
        hall.close()
        return deaths

    assert through(main, tmp_path, f"{where}-{moment}") >= 1


def _never_ahead(hall: Scriptorium, messages: list[Message]) -> None:
    rows = hall.rows()
    stored = {row["sequence"] for row in rows["events"]}
    [checkpoint] = [row for row in rows["checkpoints"] if row["consumer"] == "history"] or [{"sequence": 0}]
    wanted = {message["sequence"] for message in (msgspec.json.decode(m.body) for m in messages)}
    assert {sequence for sequence in wanted if sequence <= checkpoint["sequence"]} <= stored


def test_a_database_that_resumes_is_waited_for_before_anything_is_locked(tmp_path: Path) -> None:
    async def main(time: VirtualTime, file: Path) -> None:
        hall = Scriptorium(time, file)
        await filled(hall)
        asleep = True
        real = hall.database.read

        async def paused(work: Any) -> Any:
            if asleep:
                cause = "Database 'kopitra' on server is not currently available (40613)"
                raise DatabaseResuming(cause, retry_after_seconds=15)
            return await real(work)

        hall.database.read = paused  # type: ignore[method-assign]
        drained = await hall.drain.drain()
        assert (drained.messages, drained.stopped is not None) == (0, True)
        received = await hall.queues.history.peek(1)
        assert received[0].delivery_count == 0
        asleep = False
        assert (await hall.drain.drain()).messages == MESSAGES
        hall.close()

    through(main, tmp_path)


def test_poison_is_set_aside_with_a_reason_and_its_neighbours_are_stored(tmp_path: Path) -> None:
    async def main(time: VirtualTime, file: Path) -> None:
        hall = Scriptorium(time, file)
        messages = await published(golden(), hall.blobs)
        broken = msgspec.structs.replace(messages[3], body=b"\xff not json")
        lost = msgspec.json.decode(messages[5].body) | {"payload": {"blob": "nowhere/at-all.json"}}
        missing = msgspec.structs.replace(messages[5], body=msgspec.json.encode(lost))
        foreign = msgspec.structs.replace(messages[7], message_id="somebody-elses")
        await hall.queues.history.send([*messages[:3], broken, messages[4], missing, messages[6], foreign])
        drained = await hall.drain.drain()
        assert (drained.messages, drained.dead_lettered) == (8, 3)
        letters = await hall.queues.history.peek(10, dead_letter=True)
        assert [(one.message.message_id, one.dead_letter_reason) for one in letters] == [
            (broken.message_id, "malformed"),
            (missing.message_id, "payload_missing"),
            ("somebody-elses", "malformed"),
        ]
        assert "nowhere/at-all.json" in (letters[1].dead_letter_error_description or "")
        assert len(hall.rows()["events"]) == 5
        hall.close()

    through(main, tmp_path)


def test_what_the_database_refuses_is_found_and_the_rest_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = draining.write_batch

    async def main(time: VirtualTime, file: Path) -> None:
        hall = Scriptorium(time, file)
        messages = await filled(hall, 30)
        hated = messages[17].message_id

        def picky(connection: Any, batch: Any, now: Any) -> Any:
            if any(one.told.message_id == hated for one in batch):
                raise ValueError("it does not fit")
            return real(connection, batch, now)

        monkeypatch.setattr(draining, "write_batch", picky)
        drained = await hall.drain.drain()
        assert drained.dead_lettered == 1
        [letter] = await hall.queues.history.peek(10, dead_letter=True)
        assert (letter.message.message_id, letter.dead_letter_reason) == (hated, "not_storable")
        behind = [row["sequence"] for row in hall.rows()["checkpoints"] if row["consumer"] == "history"]
        assert behind == [msgspec.json.decode(messages[16].body)["lastSequence"]]
        monkeypatch.setattr(draining, "write_batch", real)
        assert await replay_dead_letters(hall.queues.history, message_ids=frozenset({hated})) == 1
        assert (await hall.drain.drain()).messages == 1
        assert len(hall.rows()["events"]) == 30
        [*_, told] = await hall.told()
        assert (
            msgspec.json.decode(told.body)["parameters"]["sequence"]
            == (msgspec.json.decode(messages[-1].body)["lastSequence"])
        )
        hall.close()

    through(main, tmp_path)


def test_only_the_dead_letters_that_are_asked_for_are_replayed(tmp_path: Path) -> None:
    async def main(time: VirtualTime, file: Path) -> None:
        hall = Scriptorium(time, file)
        queue = hall.queues.history
        await filled(hall, 3)
        for one, reason in zip(await queue.receive(3), ("a", "b", "a"), strict=True):
            await queue.dead_letter(one, reason=reason)
        assert await replay_dead_letters(queue, reason="a") == 2
        counts = await queue.counts()
        assert (counts.active, counts.dead_letter) == (2, 1)
        assert await replay_dead_letters(queue) == 1
        hall.close()

    through(main, tmp_path)


def test_what_only_died_too_often_comes_back_by_itself(tmp_path: Path) -> None:
    async def main(time: VirtualTime, file: Path) -> None:
        hall = Scriptorium(time, file)
        await filled(hall, 5)
        for _ in range(3):
            await hall.queues.history.receive(5)
            await time.sleep(70)
        await hall.queues.history.receive(5)
        assert (await hall.queues.history.counts()).dead_letter == 5
        assert await hall.drain.tick() is None
        await time.sleep(6 * HOUR)
        drained = await hall.drain.tick()
        assert drained is not None
        assert (drained.replayed, drained.messages) == (5, 5)
        assert len(hall.rows()["events"]) == 5
        hall.close()

    through(main, tmp_path)


def test_the_timer_drains_when_many_wait_or_one_waits_for_long(tmp_path: Path) -> None:
    async def main(time: VirtualTime, file: Path) -> None:
        hall = Scriptorium(time, file)
        messages = await published(golden(), hall.blobs)
        await hall.queues.history.send(messages[:99])
        assert await hall.drain.tick() is None
        await hall.queues.history.send(messages[99:100])
        drained = await hall.drain.tick()
        assert drained is not None
        assert (drained.why, drained.messages) == ("many", 100)
        await hall.queues.history.send(messages[100:101])
        await time.sleep(6 * HOUR - 1)
        assert await hall.drain.tick() is None
        await time.sleep(1)
        drained = await hall.drain.tick()
        assert drained is not None
        assert (drained.why, drained.messages) == ("old", 1)
        hall.close()

    through(main, tmp_path)


def test_a_chore_that_fails_undoes_nothing_and_stops_no_other(tmp_path: Path) -> None:
    async def main(time: VirtualTime, file: Path) -> None:
        hall = Scriptorium(time, file)
        ran: list[str] = []

        async def failing() -> None:
            raise RuntimeError("no")

        async def chore() -> None:
            ran.append("chore")

        await filled(hall, 5)
        assert (await hall.new_drain(failing, chore).drain()).messages == 5
        assert ran == ["chore"]
        hall.close()

    through(main, tmp_path)


def test_chores_run_after_a_drain_and_not_when_there_is_none(tmp_path: Path) -> None:
    async def main(time: VirtualTime, file: Path) -> None:
        hall = Scriptorium(time, file)
        ran: list[str] = []

        async def chore() -> None:
            ran.append("chore")

        drain = hall.new_drain(chore)
        assert await drain.tick() is None
        await filled(hall, 5)
        assert await drain.tick() is None
        assert ran == []
        await hall.use.mark()
        drained = await drain.tick()
        assert drained is not None
        assert (drained.why, drained.messages, ran) == ("sql_in_use", 5, ["chore"])
        hall.close()

    through(main, tmp_path)


def test_a_type_of_a_later_release_is_kept_and_means_nothing_yet(tmp_path: Path) -> None:
    async def main(time: VirtualTime, file: Path) -> None:
        hall = Scriptorium(time, file)
        [first, *_] = await published(golden(), hall.blobs)
        told = msgspec.json.decode(first.body) | {"messageType": "moon.landed", "payload": {"where": "sea"}}
        await hall.queues.history.send([msgspec.structs.replace(first, body=msgspec.json.encode(told))])
        assert (await hall.drain.drain()).dead_lettered == 0
        [row] = hall.rows()["events"]
        assert (row["message_type"], row["payload"]) == ("moon.landed", {"where": "sea"})
        hall.close()

    through(main, tmp_path)

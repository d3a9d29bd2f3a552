"""A checkpoint is never ahead of the data, whatever is late, repeated or missing."""

from collections.abc import Sequence
from itertools import repeat
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from kopitra.simulation.blobs import MemoryBlobs
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_functions.history import checkpoints
from kopitra_functions.history.checkpoints import Shard
from kopitra_functions.history.writing import Prepared, write_batch
from tests.management.history.scriptorium import NOW, database_in, prepared, writing, written
from tests.management.history.streams import PLACE, golden, published

SHARD = Shard(PLACE.journal_id, PLACE.shard)
MESSAGES = 150


@pytest.fixture(scope="module")
def stream() -> list[Prepared]:
    """With gaps where private events lie, and events that cover several sequences."""

    async def main(time: VirtualTime) -> list[Prepared]:
        blobs = MemoryBlobs(time)
        return (await prepared(await published(golden(), blobs), blobs))[:MESSAGES]

    found = run_virtual(1, main)
    places = [one.told.place for one in found if one.told.place is not None]
    assert any(place.last > place.sequence for place in places)
    assert any(place.previous is not None and place.sequence - place.previous > 1 for place in places)
    return found


def sequences(messages: Sequence[Prepared]) -> list[tuple[int, int]]:
    """First and last sequence of each."""
    return [(m.told.place.sequence, m.told.place.last) for m in messages if m.told.place is not None]


def complete_through(stream: list[Prepared], stored: set[int]) -> int:
    """The end of the last message before the first that is missing."""
    end = 0
    for first, last in sequences(stream):
        if first not in stored:
            break
        end = last
    return end


def test_it_is_the_end_of_what_is_there_without_a_gap(
    stream: list[Prepared], tmp_path: Path, seed: int
) -> None:
    chance = Random(seed)
    mixed = stream + chance.choices(stream, k=20)
    chance.shuffle(mixed)
    _, reached = written(tmp_path, "mixed", mixed, repeat(10))
    stored: set[int] = set()
    for number, found in enumerate(reached):
        stored |= {first for first, _ in sequences(mixed[number * 10 : number * 10 + 10])}
        assert found[SHARD] == complete_through(stream, stored)
    assert reached[-1][SHARD] == sequences(stream)[-1][1]


def test_it_waits_for_a_message_among_the_dead_letters_and_then_jumps(
    stream: list[Prepared], tmp_path: Path
) -> None:
    missing = stream[40]
    rest = [one for one in stream if one is not missing]
    _, reached = written(tmp_path, "late", [*rest, missing], repeat(MESSAGES - 1))
    assert [found[SHARD] for found in reached] == [sequences(stream)[39][1], sequences(stream)[-1][1]]


def test_what_does_not_say_what_came_before_it_moves_nothing(stream: list[Prepared], tmp_path: Path) -> None:
    """Of a counterparty from before: a rebuild says how far the journal is stored."""
    engine = database_in(tmp_path / "old.sqlite")
    first, second = stream[0], stream[1]
    place = first.told.place
    assert place is not None
    mute = Prepared(replace(first.told, place=replace(place, previous=None)), first.body)
    with writing(engine) as connection:
        assert write_batch(connection, [mute, second], NOW) == {SHARD: 0}
        assert checkpoints.completed(connection, SHARD, place.last, NOW) == sequences(stream)[1][1]
        assert checkpoints.completed(connection, SHARD, 0, NOW) == sequences(stream)[1][1]
    engine.dispose()


def test_a_transaction_that_fails_takes_the_checkpoint_back_with_the_rows(
    stream: list[Prepared], tmp_path: Path
) -> None:
    engine = database_in(tmp_path / "failing.sqlite")

    def dying() -> None:
        with writing(engine) as connection:
            write_batch(connection, stream[:20], NOW)
            raise RuntimeError("the process dies")

    with pytest.raises(RuntimeError):
        dying()
    with writing(engine) as connection:
        assert checkpoints.current(connection, SHARD) == 0
        assert write_batch(connection, stream[:10], NOW)[SHARD] == sequences(stream)[9][1]
    engine.dispose()

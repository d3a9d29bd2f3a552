"""Virtual time: it jumps, it is deterministic, and the real world stays out."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from kopitra.simulation.draws import SeededDraws, drawn
from kopitra.simulation.virtual_time import (
    START,
    RealWorldRefused,
    VirtualTime,
    VirtualTimeStuck,
    run_virtual,
)


def test_a_week_of_sleep_takes_no_time_and_the_clock_shows_a_week() -> None:
    async def main(world: VirtualTime) -> tuple[datetime, datetime, float]:
        before = world.now()
        await world.sleep(7 * 86_400)
        return before, world.now(), world.monotonic()

    before, after, seconds = run_virtual(1, main)
    assert after - before == timedelta(days=7)
    assert seconds == pytest.approx(7 * 86_400)


def test_now_is_aware_utc_in_whole_milliseconds() -> None:
    async def main(world: VirtualTime) -> datetime:
        await world.sleep(0.0016789)
        return world.now()

    now = run_virtual(1, main)
    assert now.tzinfo is UTC
    assert now.microsecond == 1000


def test_a_naive_start_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        VirtualTime(1, START.replace(tzinfo=None))


async def _race(world: VirtualTime) -> list[str]:
    """Many tasks that end together: the order of what asyncio.wait returns is where plain asyncio differs."""
    trace: list[str] = []

    async def runner(name: str) -> str:
        for _ in range(3):
            await world.sleep(world.draws.below(4) / 10)
            trace.append(f"{world.monotonic():.3f} {name}")
        return name

    tasks = {asyncio.create_task(runner(f"r{number}")) for number in range(20)}
    while tasks:
        done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        trace.extend(f"done {task.result()}" for task in done)
    trace.append(world.new())
    return trace


def test_the_same_seed_gives_the_same_trace_and_another_seed_another() -> None:
    assert run_virtual(7, _race) == run_virtual(7, _race)
    assert run_virtual(7, _race) != run_virtual(8, _race)


def test_timeouts_events_and_cancellation_work_under_virtual_time() -> None:
    async def main(world: VirtualTime) -> list[str]:
        seen: list[str] = []
        event = asyncio.Event()

        async def setter() -> None:
            await world.sleep(5)
            event.set()

        task = asyncio.create_task(setter())
        try:
            async with asyncio.timeout(2):
                await event.wait()
        except TimeoutError:
            seen.append(f"timed out at {world.monotonic()}")
        await event.wait()
        seen.append(f"set at {world.monotonic()}")
        await task
        forever = asyncio.create_task(world.sleep(1e6))
        await world.sleep(0)
        forever.cancel()
        with pytest.raises(asyncio.CancelledError):
            await forever
        return seen

    assert run_virtual(1, main) == ["timed out at 2.0", "set at 5.0"]


@pytest.mark.parametrize("start", [0.0, 1.0, 1e6, 3e7])
def test_a_timer_never_fires_early_however_close_another_one_is(start: float) -> None:
    async def main(world: VirtualTime) -> None:
        await world.sleep(start)
        ends = [world.monotonic() + 1 + offset for offset in (0.0, 1e-7, 3e-9, 7e-7)]

        async def wait_until(end: float) -> None:
            while (left := end - world.monotonic()) > 0:
                await world.sleep(left)

        await asyncio.gather(*(wait_until(end) for end in ends))
        assert world.monotonic() == max(ends)

    run_virtual(1, main)


def test_a_deadlock_is_an_error_not_a_hang() -> None:
    async def main(world: VirtualTime) -> None:
        await asyncio.Event().wait()

    with pytest.raises(VirtualTimeStuck):
        run_virtual(1, main)


def test_a_program_that_never_ends_ends_with_an_error() -> None:
    async def main(world: VirtualTime) -> None:
        while True:
            await world.sleep(86_400)

    with pytest.raises(VirtualTimeStuck, match="still running"):
        run_virtual(1, main)


def test_threads_and_sockets_are_refused() -> None:
    async def threads(world: VirtualTime) -> None:
        await asyncio.to_thread(print)

    async def sockets(world: VirtualTime) -> None:
        await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)

    with pytest.raises(RealWorldRefused):
        run_virtual(1, threads)
    with pytest.raises(RealWorldRefused):
        run_virtual(1, sockets)


def test_tasks_left_over_are_cancelled_at_the_end() -> None:
    ended: list[str] = []

    async def main(world: VirtualTime) -> None:
        async def background() -> None:
            try:
                await world.sleep(1e6)
            finally:
                ended.append("cancelled")

        world_task = asyncio.create_task(background())
        await world.sleep(1)
        assert not world_task.done()

    run_virtual(1, main)
    assert ended == ["cancelled"]


def test_an_error_in_the_program_reaches_the_caller() -> None:
    async def main(world: VirtualTime) -> None:
        await world.sleep(1)
        raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        run_virtual(1, main)


def test_ids_are_new_each_time_and_token_bytes_have_the_asked_length() -> None:
    world = VirtualTime(3)
    ids = [world.new() for _ in range(100)]
    assert len(set(ids)) == 100
    assert all(len(one) == 32 for one in ids)
    assert len(world.token_bytes(200)) == 200
    assert VirtualTime(3).new() == ids[0]


def test_named_draws_do_not_disturb_one_another() -> None:
    root = SeededDraws(5)
    alone = [root.named("broker").below(1000) for _ in range(1)]
    root.named("network").below(1000)
    assert [root.named("broker").below(1000) for _ in range(1)] == alone
    assert drawn(5, "/broker", 1) != drawn(5, "/network", 1)


def test_draws_stay_in_their_bounds_and_reach_both_ends() -> None:
    draws = SeededDraws(11)
    seen = {draws.between(2, 4) for _ in range(200)}
    assert seen == {2, 3, 4}
    assert not any(SeededDraws(1, str(n)).chance(0) for n in range(50))
    assert all(SeededDraws(1, str(n)).chance(1000) for n in range(50))

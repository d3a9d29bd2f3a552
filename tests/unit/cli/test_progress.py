"""Who waits for the journal goes on when it has grown, and ends when told to."""

import asyncio

import pytest

from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_cli.demo.platform_record import PlatformRecord
from kopitra_cli.demo.progress import Progress

LONG = 3600.0


@pytest.mark.parametrize("turns", range(6))
def test_who_is_told_to_end_while_the_journal_grows_ends(turns: int):
    """However many turns of the loop lie between the two."""

    async def story(world: VirtualTime) -> None:
        progress = Progress(PlatformRecord(), world)
        waiting = asyncio.ensure_future(progress.until(lambda: False, LONG))
        await asyncio.sleep(0)
        progress.look_again()
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        await world.sleep(1)
        assert waiting.cancelled()

    run_virtual(1, story)


def test_the_answer_is_given_as_soon_as_it_is_there_and_refused_when_the_time_is_up():
    async def story(world: VirtualTime) -> None:
        progress = Progress(PlatformRecord(), world)
        answers = [False, True]
        waiting = asyncio.ensure_future(progress.until(lambda: answers.pop(0), LONG))
        await world.sleep(1)
        progress.look_again()
        assert (await waiting, world.monotonic()) == (True, 1)
        assert not await progress.until(lambda: False, 5)
        assert world.monotonic() == 6

    run_virtual(1, story)

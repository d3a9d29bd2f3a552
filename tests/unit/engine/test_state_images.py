"""An image shows the state of the moment it was asked for, however it is encoded."""

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from kopitra.adapters.embedded.state_images import ForkedImages, InlineImages
from kopitra.application.ports.state_images import ImageFailed, StateImages

forks = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs fork")


@pytest.fixture(params=["inline", pytest.param("forked", marks=forks)])
def images(request: pytest.FixtureRequest) -> StateImages:
    return InlineImages() if request.param == "inline" else ForkedImages(ThreadPoolExecutor(1))


async def test_an_image_is_of_the_moment_of_the_call(images: StateImages) -> None:
    state = bytearray(b"before" * 100_000)
    image = images.take(lambda: bytes(state))
    state[:] = b"after"
    assert await image == b"before" * 100_000


@forks
async def test_the_event_loop_goes_on_while_a_child_encodes() -> None:
    images = ForkedImages(ThreadPoolExecutor(1))

    async def collected() -> bytes:
        return await images.take(lambda: bytes(sum(range(3_000_000)) % 7 for _ in range(10)))

    async with asyncio.TaskGroup() as tasks:
        image = tasks.create_task(collected())
        turns = 0
        while not image.done():
            turns += 1
            await asyncio.sleep(0)
    assert len(image.result()) == 10
    assert turns > 10


@forks
@pytest.mark.parametrize("die", [lambda: os._exit(9), lambda: b"" + bytes(1 // 0)])
async def test_a_child_that_dies_is_a_failed_image(die: Callable[[], bytes]) -> None:
    with pytest.raises(ImageFailed):
        await ForkedImages(ThreadPoolExecutor(1)).take(die)

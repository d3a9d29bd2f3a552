"""A new version takes over while EAs wait: nobody is served by a writer that is no longer one, nothing is lost, and the
gap is short. Two processes, and a front end that sends requests to one of them, as App Service's does."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from tests.fixtures.wire import Answer, Dropped, Line, request_bytes
from tests.integration.faults import configuration
from tests.integration.faults.audit import audit
from tests.integration.faults.lives import Life
from tests.integration.faults.pairs import Pair, may_have_served
from tests.integration.faults.recorded import Record
from tests.integration.faults.roles import for_ever, leader
from tests.integration.faults.traffic import Terminal, Traffic

MOST_SECONDS = 10.0
"""Between two answers, for an EA that asks all the time."""
EAS = 20
BEFORE_AND_AFTER_SECONDS = 1.5
ORDERLY = 0

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Heard:
    """One answer to an EA, and which process gave it. `at`: by the tests' clock; `server_time`: by the answer."""

    at: float
    name: str
    status: int
    server_time: datetime | None


@dataclass
class Stage:
    """`front`: where requests go. Old and new version are the same code here: what matters is who may write."""

    folder: Path
    old: Life
    new: Life
    front: Life
    heard: list[Heard] = field(default_factory=list[Heard])
    parked: list[int] = field(default_factory=list[int])
    """Statuses of answers to polls that wait."""

    async def ask_all_the_time(self, terminal: Terminal) -> None:
        headers = {"X-TradeAgent-Account": terminal.account, "Authorization": f"Bearer {terminal.token}"}
        raw = request_bytes("GET", "/sessions/current/outbox?wait=0&limit=1", headers)
        while True:
            life = self.front
            answer = await self._asked(life, raw)
            if answer is not None:
                told = answer.json.get("serverTime") if answer.status == 200 else None
                at = datetime.fromisoformat(told) if told else None
                self.heard.append(Heard(time.monotonic(), life.name, answer.status, at))
            await asyncio.sleep(0.05)

    async def wait_all_the_time(self, terminal: Terminal) -> None:
        """A poll that is parked; a new one as soon as it is answered, as an EA does."""
        headers = {"X-TradeAgent-Account": terminal.account, "Authorization": f"Bearer {terminal.token}"}
        raw = request_bytes("GET", "/sessions/current/outbox?wait=25", headers)
        while True:
            answer = await self._asked(self.front, raw)
            if answer is not None:
                self.parked.append(answer.status)
            await asyncio.sleep(0.1)

    async def _asked(self, life: Life, raw: bytes) -> Answer | None:
        """None: no answer, or no process."""
        line = Line(life.port, patience=60.0)
        try:
            return await line.ask(raw)
        except Dropped:
            return None
        finally:
            line.hang_up()

    def gap(self) -> float:
        """The longest time between two answers that were of use."""
        served = [each.at for each in self.heard if each.status == 200]
        return max(later - earlier for earlier, later in pairwise(served))


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    old, new = Life("old", tmp_path), Life("new", tmp_path)
    old.start()
    await old.serving()
    yield Stage(tmp_path, old, new, front=old)
    old.close()
    new.close()


async def without_slots_side_by_side(stage: Stage) -> None:
    """App Service's usual restart: the new container answers before the old one is stopped."""
    stage.new.start()
    await stage.new.listening()
    stage.front = stage.new
    stage.old.signal(signal.SIGTERM)
    assert await stage.old.ended() == ORDERLY
    await stage.new.serving()


async def without_slots_one_after_the_other(stage: Stage) -> None:
    """The worker has no room for both, or is replaced."""
    stage.old.signal(signal.SIGTERM)
    assert await stage.old.ended() == ORDERLY
    stage.new.start()
    await stage.new.listening()
    stage.front = stage.new
    await stage.new.serving()


async def with_slots(stage: Stage) -> None:
    """Alive in the staging slot, restarted there with production's settings, swapped in; the old version is restarted
    as the staging slot's."""
    stage.new.environment["KOPITRA_SLOT"] = "staging"
    stage.new.start()
    await stage.new.listening()
    await asyncio.sleep(BEFORE_AND_AFTER_SECONDS)
    assert not [line for line in stage.new.lines() if line.get("event") == "serving"]

    stage.new.environment["KOPITRA_SLOT"] = "production"
    stage.new.signal(signal.SIGTERM)
    assert await stage.new.ended() == ORDERLY
    stage.new.start()
    await stage.new.listening()
    stage.front = stage.new
    stage.old.signal(signal.SIGTERM)
    assert await stage.old.ended() == ORDERLY
    stage.old.environment["KOPITRA_SLOT"] = "staging"
    stage.old.start()
    await stage.old.listening()
    await stage.new.serving()


REDEPLOYS: tuple[Callable[[Stage], Awaitable[None]], ...] = (
    without_slots_side_by_side,
    without_slots_one_after_the_other,
    with_slots,
)


@pytest.mark.parametrize("redeploy", REDEPLOYS, ids=lambda each: each.__name__)
async def test_eas_that_wait_are_taken_over_within_ten_seconds_and_by_the_writer_only(
    redeploy: Callable[[Stage], Awaitable[None]], stage: Stage
) -> None:
    traffic = Traffic(lambda: (stage.front.port,), Random(1))
    names = ["leader", *(f"ea-{number}" for number in range(EAS))]
    await configuration.publish(stage.folder, configuration.accounts(names))
    terminals = [Terminal(traffic, name) for name in names]
    for terminal in terminals:
        await terminal.enrol_once_published()
        await terminal.open()
    trading, asking, *waiting = terminals
    tasks = [asyncio.ensure_future(stage.wait_all_the_time(each)) for each in waiting]
    tasks.append(asyncio.ensure_future(stage.ask_all_the_time(asking)))
    tasks.append(asyncio.ensure_future(for_ever(trading, leader("stream"))))
    try:
        await asyncio.sleep(BEFORE_AND_AFTER_SECONDS)
        assert stage.parked == []
        await redeploy(stage)
        await asyncio.sleep(BEFORE_AND_AFTER_SECONDS)
        for ended in [task for task in tasks if task.done()]:
            ended.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    gap, terms = stage.gap(), Pair([stage.old, stage.new], Random(1)).terms()
    print(
        f"{redeploy.__name__}: gap {gap:.2f} s, {len(stage.heard)} answers, {len(stage.parked)} parked polls ended"
    )
    assert gap <= MOST_SECONDS
    assert [term.name for term in terms] == ["old", "new"]
    assert {each.status for each in stage.heard} <= {200, 503}
    assert set(stage.parked) <= {200, 503}
    for each in stage.heard:
        assert each.server_time is None or may_have_served(each.name, each.server_time, terms), each
    assert any(each.name == "new" and each.status == 200 for each in stage.heard)
    stage.new.signal(signal.SIGTERM)
    assert await stage.new.ended() == ORDERLY
    audit(await Record.in_folder(stage.folder), traffic.asked)

"""The fence keeper: who may answer when, over failures, take-overs and stops, under virtual time."""

from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from kopitra.application.fence_keeper import UNVERIFIED_SECONDS, FenceKeeper, Standing
from kopitra.application.ports.journal import LEASE_SECONDS, FenceHeld, FenceLost
from kopitra.simulation.journal import JournalDisk, SimulatedJournal
from kopitra.simulation.virtual_time import VirtualTime
from tests.unit.storage.commits import Tasks, frames, journal_on


class Instance:
    """A keeper over its own view of the disk, with a diary: (virtual seconds, standing, epoch)."""

    def __init__(self, world: VirtualTime, disk: JournalDisk, owner: str) -> None:
        self.world = world
        self.journal: SimulatedJournal = journal_on(disk, world)
        self.tasks = Tasks()
        self.diary: list[tuple[float, Standing, int | None]] = []
        self.keeper = FenceKeeper(
            self.journal,
            owner=owner,
            clock=world,
            sleeper=world,
            spawn=self.tasks.spawn,
            on_change=lambda standing, fence: self.diary.append(
                (round(world.monotonic(), 1), standing, fence.epoch if fence else None)
            ),
        )

    def start(self) -> None:
        self.tasks.spawn(self.keeper.run())

    def kill(self) -> None:
        for task in list(self.tasks.running):
            task.cancel()

    def standings(self) -> list[Standing]:
        return [standing for _, standing, _ in self.diary]


class Scene:
    def __init__(self, world: VirtualTime) -> None:
        self.world = world
        self.disk = JournalDisk(world, world)

    def instance(self, owner: str) -> Instance:
        instance = Instance(self.world, self.disk, owner)
        instance.start()
        return instance


def play(story: Callable[[Scene], Awaitable[None]]) -> None:
    world = VirtualTime(1)

    async def main() -> None:
        await story(Scene(world))

    world.run(main)


def test_the_first_instance_holds_and_goes_on_holding():
    async def story(scene: Scene) -> None:
        one = scene.instance("one")
        assert not one.keeper.may_answer
        await scene.world.sleep(1)
        for _ in range(600):
            assert one.keeper.may_answer
            await scene.world.sleep(0.5)
        assert one.standings() == [Standing.HOLDING]
        assert scene.disk.fence.lease_until > scene.world.now()

    play(story)


def test_of_two_instances_one_stands_by_until_the_other_stops():
    async def story(scene: Scene) -> None:
        one = scene.instance("one")
        await scene.world.sleep(0.1)
        two = scene.instance("two")
        await scene.world.sleep(30)
        assert one.keeper.may_answer
        assert not two.keeper.may_answer
        assert isinstance(two.keeper.last_error, FenceHeld)
        await one.keeper.stop()
        assert not one.keeper.may_answer
        await scene.world.sleep(1)
        assert two.keeper.may_answer
        await scene.world.sleep(30)
        assert not one.tasks.running
        assert one.standings() == [Standing.HOLDING, Standing.STANDBY]

    play(story)


def test_who_waits_says_once_what_for():
    async def story(scene: Scene) -> None:
        scene.instance("one")
        await scene.world.sleep(0.1)
        with capture_logs() as logged:
            scene.instance("two")
            await scene.world.sleep(30)
        [line] = [line for line in logged if line["event"] == "waiting"]
        assert line["code"] == "fence_held"
        assert "held by one until" in line["error"]

    play(story)


def test_a_killed_holder_is_replaced_when_its_lease_ends():
    async def story(scene: Scene) -> None:
        one = scene.instance("one")
        await scene.world.sleep(0.1)
        two = scene.instance("two")
        await scene.world.sleep(5)
        one.kill()
        killed_at = scene.world.monotonic()
        while not two.keeper.may_answer:
            await scene.world.sleep(0.1)
        assert scene.world.monotonic() - killed_at <= LEASE_SECONDS + 1
        assert two.diary[-1][2] == 2

    play(story)


def test_a_holder_cut_off_from_its_storage_falls_silent_before_another_may_begin():
    async def story(scene: Scene) -> None:
        one, two = scene.instance("one"), Instance(scene.world, scene.disk, "two")
        await scene.world.sleep(5.5)
        one.journal = _cut_off(one)
        cut_at = scene.world.monotonic()
        two.start()
        silent_at = began_at = 0.0
        while not began_at:
            await scene.world.sleep(0.05)
            assert not (one.keeper.may_answer and two.keeper.may_answer)
            if not silent_at and not one.keeper.may_answer:
                silent_at = scene.world.monotonic()
            if two.keeper.may_answer:
                began_at = scene.world.monotonic()
        assert silent_at - cut_at <= UNVERIFIED_SECONDS + 0.1
        assert began_at - silent_at >= 2.0
        assert one.keeper.standing is Standing.UNVERIFIED

    play(story)


def _cut_off(instance: Instance) -> SimulatedJournal:
    """From now on every call of this instance's keeper hangs, as a dead network does."""

    async def hang(_: object) -> object:
        await instance.world.sleep(10_000)
        raise AssertionError

    journal = instance.journal
    for call in ("verify", "acquire", "append"):
        setattr(journal, call, hang)
    return journal


def test_a_short_outage_is_survived_in_the_same_epoch():
    async def story(scene: Scene) -> None:
        one = scene.instance("one")
        await scene.world.sleep(5)
        scene.disk.reachable = False
        await scene.world.sleep(2)
        assert one.keeper.may_answer
        await scene.world.sleep(3)
        assert not one.keeper.may_answer
        scene.disk.reachable = True
        await scene.world.sleep(2)
        assert one.keeper.may_answer
        assert [(standing, epoch) for _, standing, epoch in one.diary] == [
            (Standing.HOLDING, 1),
            (Standing.UNVERIFIED, 1),
            (Standing.HOLDING, 1),
        ]

    play(story)


def test_silence_begins_exactly_three_seconds_after_the_last_proof_was_asked_for():
    async def story(scene: Scene) -> None:
        one = scene.instance("one")
        await scene.world.sleep(2.5)
        _cut_off(one)
        while one.keeper.standing is Standing.HOLDING:
            assert one.keeper.may_answer
            await scene.world.sleep(0.01)
        last_beat = 2.0
        assert scene.world.monotonic() == pytest.approx(last_beat + UNVERIFIED_SECONDS, abs=0.05)

    play(story)


def test_a_loser_returns_to_standby_and_takes_over_again_later():
    async def story(scene: Scene) -> None:
        one = scene.instance("one")
        await scene.world.sleep(5)
        scene.disk.reachable = False
        await scene.world.sleep(2 * LEASE_SECONDS)
        scene.disk.reachable = True
        two = journal_on(scene.disk, scene.world)
        fence = await two.acquire("two")
        await two.append(fence, frames(1))
        await scene.world.sleep(2)
        assert one.keeper.standing is Standing.STANDBY
        await two.release(fence)
        await scene.world.sleep(2)
        assert one.diary[-1][1:] == (Standing.HOLDING, 3)
        assert Standing.STANDBY in one.standings()

    play(story)


def test_giving_up_leads_to_a_new_epoch_at_once():
    async def story(scene: Scene) -> None:
        one = scene.instance("one")
        await scene.world.sleep(5.2)
        one.keeper.give_up(FenceLost("an append stayed unclear"))
        assert not one.keeper.may_answer
        await scene.world.sleep(2)
        assert [(standing, epoch) for _, standing, epoch in one.diary] == [
            (Standing.HOLDING, 1),
            (Standing.STANDBY, None),
            (Standing.HOLDING, 2),
        ]

    play(story)


def test_an_instance_starts_in_standby_while_its_storage_is_away():
    async def story(scene: Scene) -> None:
        scene.disk.reachable = False
        one = scene.instance("one")
        await scene.world.sleep(20)
        assert one.keeper.standing is Standing.STANDBY
        assert getattr(one.keeper.last_error, "reason", "") == "unreachable"
        scene.disk.reachable = True
        await scene.world.sleep(1)
        assert one.keeper.may_answer
        assert one.keeper.last_error is None

    play(story)


def test_stopping_a_standby_takes_and_releases_nothing():
    async def story(scene: Scene) -> None:
        one = scene.instance("one")
        await scene.world.sleep(1)
        two = scene.instance("two")
        await scene.world.sleep(1)
        await two.keeper.stop()
        await scene.world.sleep(2)
        assert not two.tasks.running
        assert one.keeper.may_answer
        assert scene.disk.fence.epoch == 1

    play(story)

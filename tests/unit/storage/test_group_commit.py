"""Group commit: who shares a commit, in what order, and who fails with whom."""

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest

from kopitra.application import group_commit
from kopitra.application.group_commit import CommitQueueFull, GroupCommitter
from kopitra.application.ports.journal import (
    AppendUnclear,
    Frame,
    FrameRefused,
    FrameTooLarge,
    JournalError,
    JournalUnavailable,
)
from kopitra.simulation.journal import AppendFault, JournalDisk, SimulatedJournal
from kopitra.simulation.virtual_time import VirtualTime
from tests.unit.storage.commits import COMMIT_SECONDS, Tasks, commits, frames, journal_on


class Scene:
    """A committer over a simulated journal, with a diary of what happened when."""

    def __init__(self, world: VirtualTime) -> None:
        self.world = world
        self.disk = JournalDisk(world, world)
        self.journal: SimulatedJournal = journal_on(self.disk, world)
        self.tasks = Tasks()
        self.failures: list[JournalError] = []

    async def begin(self) -> GroupCommitter:
        fence = await self.journal.acquire("writer")
        return GroupCommitter(self.journal, fence, spawn=self.tasks.spawn, on_failure=self.failures.append)


def play(story: Callable[[Scene], Awaitable[None]]) -> Scene:
    world = VirtualTime(1)
    scene = Scene(world)

    async def main() -> None:
        await story(scene)

    world.run(main)
    assert not scene.tasks.failed
    return scene


def test_one_member_is_committed_at_once_and_answered_after_it_is_durable():
    async def story(scene: Scene) -> None:
        committer = await scene.begin()
        started = scene.world.monotonic()
        done = committer.submit(frames(1, 2))
        assert committer.committed == 0
        fence = await done
        assert scene.world.monotonic() - started == pytest.approx(COMMIT_SECONDS)
        assert scene.disk.lasts == [2]
        assert fence.sequence == committer.committed == 2

    play(story)


def test_what_arrives_during_a_commit_shares_the_next_in_order_of_arrival():
    async def story(scene: Scene) -> None:
        committer = await scene.begin()
        answered: list[int] = []

        async def request(sequence: int) -> None:
            await committer.submit(frames(sequence))
            answered.append(sequence)

        first = asyncio.ensure_future(request(1))
        await scene.world.sleep(COMMIT_SECONDS / 4)
        rest = [asyncio.ensure_future(request(sequence)) for sequence in range(2, 12)]
        await asyncio.gather(first, *rest)
        assert await commits(scene.journal) == [[1], list(range(2, 12))]
        assert answered == list(range(1, 12))
        assert (committer.counts.commits, committer.counts.frames) == (2, 11)

    play(story)


def test_members_of_the_same_instant_share_the_first_commit():
    async def story(scene: Scene) -> None:
        committer = await scene.begin()
        await asyncio.gather(*(committer.submit(frames(sequence)) for sequence in range(1, 6)))
        assert await commits(scene.journal) == [[1, 2, 3, 4, 5]]

    play(story)


def test_a_commit_closes_before_it_overflows_and_no_member_is_split():
    async def story(scene: Scene) -> None:
        committer = await scene.begin()
        third = scene.journal.room // 3 - 100
        members = [
            [Frame(n, n, os.urandom(third // 2)), Frame(n + 1, n + 1, os.urandom(third // 2))]
            for n in range(1, 15, 2)
        ]
        await asyncio.gather(*map(committer.submit, members))
        assert await commits(scene.journal) == [[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12], [13, 14]]

    play(story)


def test_a_member_larger_than_the_room_travels_alone_when_it_compresses():
    async def story(scene: Scene) -> None:
        committer = await scene.begin()
        large = [Frame(2, 5_001, b"a decision much like the one before; " * 200_000)]
        assert scene.journal.cost(large[0]) > scene.journal.room
        members = [frames(1), large, frames(5_002)]
        await asyncio.gather(*map(committer.submit, members))
        assert await commits(scene.journal) == [[1], [2], [5_002]]

    play(story)


def test_a_member_that_can_never_fit_is_refused_alone():
    async def story(scene: Scene) -> None:
        committer = await scene.begin()
        before = committer.submit(frames(1))
        with pytest.raises(FrameTooLarge):
            committer.submit([Frame(2, 2, os.urandom(scene.journal.room + 1))])
        await asyncio.gather(before, committer.submit(frames(2)))
        assert await commits(scene.journal) == [[1, 2]]
        assert not scene.failures

    play(story)


def test_a_member_out_of_order_is_refused_alone():
    async def story(scene: Scene) -> None:
        committer = await scene.begin()
        before = committer.submit(frames(1, 2))
        for wrong in (frames(2), frames(), frames(4, 3)):
            with pytest.raises(FrameRefused):
                committer.submit(wrong)
        await asyncio.gather(before, committer.submit(frames(3)))
        assert await commits(scene.journal) == [[1, 2, 3]]

    play(story)


def test_a_failed_commit_fails_everything_decided_on_top_of_it():
    async def story(scene: Scene) -> None:
        committer = await scene.begin()
        await committer.submit(frames(1))
        scene.disk.faults.append(AppendFault.UNAVAILABLE)
        failing = committer.submit(frames(2))
        await scene.world.sleep(COMMIT_SECONDS / 4)
        behind = [committer.submit(frames(sequence)) for sequence in (3, 4)]
        outcomes = await asyncio.gather(failing, *behind, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [JournalUnavailable] * 3
        assert len(scene.failures) == committer.counts.failures == 1
        assert committer.committed == 1
        await committer.submit(frames(2))
        assert await commits(scene.journal) == [[1], [2]]

    play(story)


def test_speculative_state_is_discarded_before_anyone_hears_of_the_failure():
    async def story(scene: Scene) -> None:
        diary: list[str] = []
        fence = await scene.journal.acquire("writer")
        committer = GroupCommitter(
            scene.journal,
            fence,
            spawn=scene.tasks.spawn,
            on_failure=lambda error: diary.append("state discarded"),
        )
        scene.disk.faults.append(AppendFault.UNAVAILABLE)

        async def request() -> None:
            try:
                await committer.submit(frames(1))
            except JournalUnavailable:
                diary.append("client told")

        await request()
        assert diary == ["state discarded", "client told"]

    play(story)


@pytest.mark.parametrize("fault", [AppendFault.UNCLEAR_LOST, AppendFault.UNCLEAR_WRITTEN])
def test_after_an_unclear_commit_nothing_more_is_taken(fault: AppendFault):
    async def story(scene: Scene) -> None:
        committer = await scene.begin()
        scene.disk.faults.append(fault)
        with pytest.raises(AppendUnclear):
            await committer.submit(frames(1))
        with pytest.raises(AppendUnclear):
            committer.submit(frames(1))
        fence = await scene.journal.acquire("writer")
        assert fence.sequence == (1 if fault is AppendFault.UNCLEAR_WRITTEN else 0)

    play(story)


def test_after_the_fence_is_lost_nothing_more_is_taken():
    async def story(scene: Scene) -> None:
        committer = await scene.begin()
        await scene.world.sleep(60)
        fence = await journal_on(scene.disk, scene.world).acquire("other")
        outcomes = await asyncio.gather(committer.submit(frames(1)), return_exceptions=True)
        assert [getattr(outcome, "code", "") for outcome in outcomes] == ["fence_lost"]
        with pytest.raises(JournalError, match=fence.owner):
            committer.submit(frames(1))
        assert scene.disk.lasts == []

    play(story)


def test_a_client_that_went_away_changes_nothing_for_the_others():
    async def story(scene: Scene) -> None:
        committer = await scene.begin()
        gone, stays = committer.submit(frames(1)), committer.submit(frames(2))
        gone.cancel()
        await stays
        assert await commits(scene.journal) == [[1, 2]]

    play(story)


def test_settling_waits_for_everything_that_was_submitted():
    async def story(scene: Scene) -> None:
        committer = await scene.begin()
        await committer.settle()
        futures = [committer.submit(frames(1))]
        await scene.world.sleep(COMMIT_SECONDS / 4)
        futures.append(committer.submit(frames(2)))
        await committer.settle()
        assert all(future.done() for future in futures)

    play(story)


def test_the_queue_behind_a_storage_that_stands_still_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(group_commit, "WAITING_MEMBERS", 3)

    async def story(scene: Scene) -> None:
        committer = await scene.begin()
        futures = [committer.submit(frames(sequence)) for sequence in (1, 2, 3)]
        with pytest.raises(CommitQueueFull):
            committer.submit(frames(4))
        await asyncio.gather(*futures)
        await committer.submit(frames(4))

    play(story)


def test_a_cancelled_commit_leaves_nobody_waiting():
    async def story(scene: Scene) -> None:
        committer = await scene.begin()
        futures = [committer.submit(frames(1)), committer.submit(frames(2))]
        await scene.world.sleep(COMMIT_SECONDS / 4)
        for task in list(scene.tasks.running):
            task.cancel()
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [AppendUnclear] * 2

    play(story)

"""Start-up rebuilds the state from snapshot and journal, and refuses a journal that is behind what others know."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest

from kopitra.application.machine import Machine
from kopitra.application.recovery import Claim, JournalBehind, Recovery
from kopitra.application.run_index import RunIndex
from kopitra.application.steady_clock import SteadyClock
from kopitra.application.submission import Phase
from kopitra.domain.identifiers import RunId
from kopitra.domain.trading import SignalAction
from kopitra.machine import commands
from kopitra.machine.state_codec import state_hash
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from tests.unit.engine.shard import Instance, Shard, run_named


async def refused(instance: Instance) -> BaseException:
    instance.start()
    await instance.until(instance.tenure.fatal.done)
    assert instance.engine.phase is not Phase.SERVING
    return instance.tenure.fatal.result()


def test_a_restart_gives_the_same_state_with_and_without_a_snapshot() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        first = await shard.instance("a").configured(3)
        await first.send(ref="p1")
        assert await first.snapshotting.take() == first.engine.committed
        await first.send(ref="p2")
        known = state_hash(first.engine.state)
        first.crash()
        with_snapshot = await shard.instance("b").serving()
        assert state_hash(with_snapshot.engine.state) == known
        with_snapshot.crash()
        shard.snapshots.kept.clear()
        without = await shard.instance("c").serving()
        assert state_hash(without.engine.state) == known

    run_virtual(1, main)


def test_a_run_is_found_after_a_restart_from_a_snapshot() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        first = await shard.instance("a").configured()
        answer = await first.send()
        await first.ack(answer.first)
        assert first.runs.sequences(run_named(answer)) == [answer.first, answer.first + 1]
        await first.snapshotting.take()
        first.crash()
        second = await shard.instance("b").serving()
        assert second.runs.sequences(run_named(answer)) == [answer.first, answer.first + 1]
        assert second.runs.sequences(RunId("unknown")) == []

    run_virtual(1, main)


def test_a_snapshot_that_knows_more_than_the_journal_forbids_the_start() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        first = await shard.instance("a").configured()
        await first.send()
        await first.snapshotting.take()
        first.crash()
        shard.disk.contents.pop()
        shard.disk.lasts.pop()
        shard.disk.fence = msgspec.structs.replace(shard.disk.fence, sequence=shard.disk.lasts[-1])
        error = await refused(shard.instance("b"))
        assert isinstance(error, JournalBehind)
        assert str(error) == "the journal ends at sequence 6, but a snapshot knows sequence 7"

    run_virtual(1, main)


def test_a_checkpoint_or_a_consumer_that_knows_more_than_the_journal_forbids_the_start() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        first = await shard.instance("a").configured()
        known = first.engine.committed
        first.crash()

        async def relay() -> Sequence[Claim]:
            return [Claim("the relay's checkpoint", known + 1)]

        error = await refused(shard.instance("b", claims=(relay,)))
        assert str(error) == (
            f"the journal ends at sequence {known}, but the relay's checkpoint knows sequence {known + 1}"
        )

    run_virtual(1, main)


def test_an_unreadable_snapshot_is_passed_over_for_the_one_before() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        first = await shard.instance("a").configured()
        await first.snapshotting.take()
        await first.send()
        newest = await first.snapshotting.take()
        assert newest is not None
        known = state_hash(first.engine.state)
        first.crash()
        await shard.snapshots.put(newest, "another hash", shard.snapshots.kept[newest].content)
        second = await shard.instance("b").serving()
        assert state_hash(second.engine.state) == known

    run_virtual(1, main)


def test_snapshots_are_due_by_time_and_hold_only_what_is_durable() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        instance = await shard.instance().configured()
        await time.sleep(290)
        assert not shard.snapshots.kept
        await time.sleep(20)
        assert max(shard.snapshots.kept) == instance.engine.committed
        await time.sleep(600)
        assert len(shard.snapshots.kept) == 1, "nothing new, no snapshot"

    run_virtual(1, main)


def test_every_lease_gets_a_full_term_after_a_restart() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        first = await shard.instance("a").configured()
        first.crash()
        second = await shard.instance("b").serving()
        assert second.engine.readings.recovered_through == second.engine.committed

    run_virtual(1, main)


def test_an_empty_tick_leaves_no_trace() -> None:
    async def main(time: VirtualTime) -> None:
        instance = await Shard(time).instance().configured()
        before = instance.engine.committed
        await instance.do(commands.Tick())
        assert instance.engine.committed == before
        assert (await instance.send(SignalAction.CLOSE, ref="unknown")).answer["status"] == "deferred"

    run_virtual(1, main)


@pytest.mark.parametrize("everything_in_a_snapshot", [False, True])
def test_no_process_tells_an_earlier_time_than_the_one_before_it(everything_in_a_snapshot: bool) -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        first = await shard.instance("a").configured()
        await first.send()
        last = time.now()
        if everything_in_a_snapshot:
            await first.snapshotting.take()
        clock = SteadyClock(
            wall=lambda: time.now() - timedelta(seconds=20), elapsed=time.monotonic, monotonic=time.monotonic
        )
        recovery = Recovery(
            journal=first.journal,
            snapshots=shard.snapshots,
            machine=Machine(),
            clock=clock,
            sleeper=time,
            projections={"runs": RunIndex()},
        )
        state = await recovery.run()
        assert state.sequence == first.engine.committed
        assert clock.now() >= last - timedelta(milliseconds=5)

    run_virtual(1, main)

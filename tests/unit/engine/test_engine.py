"""The engine answers after the commit, forgets what was not committed, and rebuilds itself after trouble."""

import asyncio
from typing import Any

import msgspec
import pytest

from kopitra.application.machine import Machine
from kopitra.application.submission import Phase, Taken, Unavailable
from kopitra.domain.identifiers import AccountId
from kopitra.domain.trading import SignalAction
from kopitra.machine import commands
from kopitra.machine.events import Recorded, SignalDeferred
from kopitra.machine.outcome import Refusal
from kopitra.machine.state import State
from kopitra.machine.state_codec import state_hash
from kopitra.simulation.journal import AppendFault
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from tests.unit.copying.world import LEADER
from tests.unit.engine.shard import FOLLOWER, Instance, Shard, taken


def test_an_answer_comes_after_its_commit_and_a_poll_sees_nothing_before() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        instance = await shard.instance().configured()
        before = instance.engine.committed
        sending = asyncio.create_task(instance.send())
        await time.sleep(0)
        await time.sleep(0)
        assert instance.engine.state.sequence > before, "the live state runs ahead"
        assert instance.page(before).events == []
        assert not sending.done()
        answer = await sending
        assert instance.engine.committed >= answer.last
        assert [item.sequence for item in instance.page(before).events] == [answer.first]

    run_virtual(1, main)


@pytest.mark.parametrize("followers", [1, 50])
def test_a_signal_is_one_durable_write_whatever_the_number_of_followers(followers: int) -> None:
    async def main(time: VirtualTime) -> int:
        shard = Shard(time)
        instance = await shard.instance().configured(followers)
        before = shard.disk.appends
        answer = await instance.send()
        assert answer.answer["planned"] == followers
        return shard.disk.appends - before

    assert run_virtual(1, main) == 1


def test_an_idle_instance_writes_nothing() -> None:
    async def main(time: VirtualTime) -> int:
        shard = Shard(time)
        instance = await shard.instance().configured()
        before = shard.disk.appends
        polls = [asyncio.create_task(instance.poll(instance.engine.committed)) for _ in range(3)]
        await asyncio.gather(*polls)
        await time.sleep(50)
        return shard.disk.appends - before

    assert run_virtual(1, main) == 0


def test_the_commands_of_one_request_share_one_commit_with_the_answer_that_is_remembered() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        instance = await shard.instance().configured()
        before = shard.disk.appends
        signals = [instance.take(ref=f"p{number}") for number in range(5)]
        remembered: list[int] = []

        def remember(outcomes: Any) -> commands.RememberAnswer:
            remembered.extend(taken(outcome).first for outcome in outcomes)
            return commands.RememberAnswer(
                account=LEADER, scope="POST /signals", key="k", digest=b"d", status=202, body=b"{}"
            )

        outcomes = await instance.engine.submit(signals, remember=remember)
        assert shard.disk.appends - before == 1
        assert remembered == [taken(outcome).first for outcome in outcomes]
        assert instance.engine.state.accounts[LEADER].keys

    run_virtual(1, main)


def test_nothing_is_remembered_for_a_request_that_changed_nothing() -> None:
    async def main(time: VirtualTime) -> None:
        instance = await Shard(time).instance().configured()

        def never(outcomes: Any) -> None:
            raise AssertionError("nothing changed")

        await instance.engine.submit((commands.Tick(),), remember=never)

    run_virtual(1, main)


def test_requests_that_arrive_during_a_commit_share_the_next_one() -> None:
    async def main(time: VirtualTime) -> int:
        shard = Shard(time)
        instance = await shard.instance().configured()
        before = shard.disk.appends
        await asyncio.gather(*(instance.send(ref=f"p{number}") for number in range(40)))
        return shard.disk.appends - before

    assert run_virtual(1, main) <= 2


def test_a_failed_commit_fails_all_that_waits_and_the_state_is_what_the_journal_says() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        instance = await shard.instance().configured()
        known = state_hash(instance.engine.state)
        shard.disk.faults.append(AppendFault.UNAVAILABLE)
        failed = await asyncio.gather(
            *(instance.send(ref=f"p{number}") for number in range(3)), return_exceptions=True
        )
        assert [type(error) for error in failed] == [Unavailable] * 3
        assert instance.engine.phase is Phase.RECOVERING
        await instance.until(lambda: instance.engine.phase is Phase.SERVING)
        assert state_hash(instance.engine.state) == known
        answer = await instance.send(ref="p0")
        assert [item.sequence for item in instance.page(0).events] == [answer.first]

    run_virtual(1, main)


@pytest.mark.parametrize("fault", [AppendFault.UNCLEAR_WRITTEN, AppendFault.UNCLEAR_LOST])
def test_after_an_unclear_append_the_fence_is_taken_anew_and_the_journal_decides(fault: AppendFault) -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        instance = await shard.instance().configured()
        intent = instance.take()
        shard.disk.faults.append(fault)
        with pytest.raises(Unavailable):
            await instance.do(intent)
        await instance.until(lambda: instance.engine.phase is Phase.SERVING)
        again = taken(await instance.do(intent))
        expected = "duplicate" if fault is AppendFault.UNCLEAR_WRITTEN else "accepted"
        assert again.answer["status"] == expected
        assert len(instance.page(0).events) == 1, "never lost, never doubled"

    run_virtual(1, main)


def test_volatile_readings_survive_a_rebuild() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        instance = await shard.instance().configured()
        await instance.send()
        order = instance.page(0).events[0].order
        assert order is not None
        shard.disk.faults.append(AppendFault.UNAVAILABLE)
        with pytest.raises(Unavailable):
            await instance.send(ref="p2")
        await instance.until(lambda: instance.engine.phase is Phase.SERVING)
        assert order.command_id in instance.engine.readings.delivered[FOLLOWER]

    run_virtual(1, main)


def defective(event_type: type) -> Machine:
    """A machine that cannot apply one type of event."""
    sound = Machine()

    def evolve(state: State, recorded: Recorded) -> None:
        if isinstance(recorded.event, event_type):
            state.accounts.clear()
            raise ZeroDivisionError
        sound.evolve(state, recorded)

    return msgspec.structs.replace(sound, evolve=evolve)


def test_an_event_that_cannot_be_applied_is_refused_alone_and_the_state_is_rebuilt() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        instance = await shard.instance(machine=defective(SignalDeferred)).configured()
        good = asyncio.create_task(instance.send(ref="p1"))
        await time.sleep(0)
        with pytest.raises(Unavailable):
            await instance.send(SignalAction.CLOSE, ref="nobody knows it")
        assert taken(await good).answer["planned"] == 1, "what was decided before is committed"
        await instance.until(lambda: instance.engine.phase is Phase.SERVING)
        assert len(instance.page(0).events) == 1
        assert taken(await instance.send(ref="p2")).answer["planned"] == 1

    run_virtual(1, main)


def test_a_defect_while_deciding_changes_nothing_and_stops_nobody_else() -> None:
    async def main(time: VirtualTime) -> None:
        instance = await Shard(time).instance().configured()
        known = state_hash(instance.engine.state)
        (outcome,) = await instance.engine.submit(
            (commands.TakeSignal(account=AccountId("nobody"), signal=instance.shard.signal()),)
        )
        assert isinstance(outcome, Refusal)
        assert outcome.status >= 400
        assert state_hash(instance.engine.state) == known
        assert instance.engine.phase is Phase.SERVING

    run_virtual(1, main)


def test_a_request_too_large_for_one_commit_takes_several_and_a_plan_too_large_is_refused() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        instance = await shard.instance().configured()
        instance.journal.room = 2_000
        before = shard.disk.appends
        outcomes = await instance.engine.submit([instance.take(ref=f"p{n}") for n in range(8)])
        assert all(isinstance(outcome, Taken) for outcome in outcomes)
        assert shard.disk.appends - before > 1

    run_virtual(1, main)


def test_standing_by_answers_nothing() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        first = await shard.instance("a").configured()
        second = shard.instance("b")
        second.start()
        await time.sleep(30)
        assert second.engine.phase is Phase.STANDBY
        with pytest.raises(Unavailable) as refused:
            await second.send()
        assert refused.value.code == "standby"
        await first.tenure.stop()
        await second.until(lambda: second.engine.phase is Phase.SERVING, 2.0)
        assert second.engine.state.sequence == first.engine.committed

    run_virtual(1, main)


def test_without_proof_of_the_fence_nothing_is_answered_until_it_is_proven_again() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        instance = await shard.instance().configured()
        parked = asyncio.create_task(instance.poll(instance.engine.committed))
        shard.disk.reachable = False
        await time.sleep(4)
        with pytest.raises(Unavailable) as refused:
            await parked
        assert refused.value.code == "unverified"
        shard.disk.reachable = True
        await time.sleep(2)
        assert taken(await instance.send()).answer["planned"] == 1

    run_virtual(1, main)


def test_stopping_answers_what_is_in_flight_releases_parked_polls_and_hands_over_at_once() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        instance: Instance = await shard.instance().configured()
        parked = asyncio.create_task(instance.poll(instance.engine.committed))
        await time.sleep(0.1)
        sending = asyncio.create_task(instance.send())
        await time.sleep(0)
        await instance.tenure.stop()
        assert not (await parked).has_news
        assert (await sending).changed
        assert max(shard.snapshots.kept) == instance.engine.committed
        with pytest.raises(Unavailable):
            await instance.send(ref="p2")
        successor = await shard.instance("b").serving()
        assert len(successor.page(0).events) == 1

    run_virtual(1, main)


def test_a_commit_that_fails_while_stopping_leaves_no_snapshot_of_what_was_never_written() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        instance = await shard.instance().configured()
        await time.sleep(0.1)
        known = instance.engine.committed
        shard.disk.faults.append(AppendFault.UNAVAILABLE)
        sending = asyncio.create_task(instance.send())
        await time.sleep(0)
        await instance.tenure.stop()
        with pytest.raises(Unavailable):
            await sending
        assert max(shard.snapshots.kept, default=0) <= known
        successor = await shard.instance("b").serving()
        assert successor.engine.state.sequence == known

    run_virtual(1, main)

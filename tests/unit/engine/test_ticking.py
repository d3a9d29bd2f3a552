"""Ticks are submitted when something may be due, soon after it is, and not while nothing is."""

from datetime import timedelta

from kopitra.application.ticking import LOOK_AGAIN, Ticking, earliest
from kopitra.domain.trading import AckStatus, SignalAction
from kopitra.machine import commands
from kopitra.machine.leases import renew
from kopitra.machine.state import Session
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from tests.unit.copying.world import World
from tests.unit.engine.shard import FOLLOWER, Shard


def test_an_idle_world_is_looked_at_again_after_a_while() -> None:
    world = World()
    world.follower()
    ticking = Ticking()
    assert earliest(world.state, world.readings, world.now) == world.now + LOOK_AGAIN
    assert not ticking.due(world.state, world.readings, world.now)
    world.later(LOOK_AGAIN.total_seconds())
    assert ticking.due(world.state, world.readings, world.now)
    assert not ticking.due(world.state, world.readings, world.now)


def test_a_clock_set_back_stops_no_ticks() -> None:
    world = World()
    world.follower()
    ticking = Ticking()
    assert not ticking.due(world.state, world.readings, world.now)
    world.later(-600)
    assert ticking.due(world.state, world.readings, world.now)


def test_an_unfetched_open_a_refused_close_and_a_lease_are_due_in_their_time() -> None:
    world = World()
    follower = world.follower()
    world.later(100)
    world.send(SignalAction.OPEN)
    assert earliest(world.state, world.readings, world.now + timedelta(seconds=58)) == world.now + timedelta(
        seconds=60
    )
    (order,) = world.fetch(follower)
    late = world.now + timedelta(seconds=58)
    assert earliest(world.state, world.readings, late) == late + LOOK_AGAIN
    world.fill(follower, order)
    world.ack(follower, order)
    world.send(SignalAction.CLOSE)
    (close,) = world.fetch(follower)
    world.ack(follower, close, AckStatus.REJECTED)
    assert earliest(world.state, world.readings, world.now) == world.now + timedelta(seconds=1)


def test_a_lease_is_due_when_it_ends() -> None:
    world = World()
    account = world.state.accounts[world.follower()]
    account.session = Session(
        session="s",  # type: ignore[arg-type]
        device="d",  # type: ignore[arg-type]
        nonce="n",
        token_hash="h",
        key_id="k",
        approved=True,
        lease_seconds=3,
        opened_at=world.now,
    )
    renew(account.account, account.session, world.readings, world.now)
    assert earliest(world.state, world.readings, world.now) == world.now + timedelta(seconds=3)


def test_stale_opens_expire_by_themselves_within_a_second() -> None:
    async def main(time: VirtualTime) -> None:
        instance = await Shard(time).instance().configured()
        await time.sleep(200)
        await instance.send()
        await time.sleep(59)
        assert instance.engine.state.accounts[FOLLOWER].outbox
        await time.sleep(2)
        assert not instance.engine.state.accounts[FOLLOWER].outbox

    run_virtual(1, main)


def test_no_tick_is_decided_while_nothing_is_due() -> None:
    async def main(time: VirtualTime) -> int:
        instance = await Shard(time).instance().configured()
        ticks = 0
        submit = instance.engine.submit

        async def counting(wanted: object, **options: object) -> object:
            nonlocal ticks
            ticks += isinstance(next(iter(wanted)), commands.Tick)  # type: ignore[call-overload]
            return await submit(wanted, **options)  # type: ignore[arg-type]

        instance.engine.submit = counting  # type: ignore[method-assign]
        await time.sleep(100)
        return ticks

    assert run_virtual(1, main) <= 21

"""Chaos is drawn from a seed, strikes everything, and holds the leader back while a part is down."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kopitra.domain.identifiers import AccountId
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_cli.demo.chaos import MOST_KILLS, SERVICES, Chaos, Gate, Kill, PartKind, kill_plan
from kopitra_cli.demo.platform_record import PlatformRecord
from kopitra_cli.demo.progress import Progress

T = TypeVar("T")
ACCOUNTS = [AccountId(name) for name in ("leader", "one", "two")]


def play(main: Callable[[VirtualTime], Awaitable[T]]) -> T:
    return run_virtual(1, main)


def test_one_seed_gives_one_plan_and_another_seed_another() -> None:
    assert kill_plan(7, 1900, ACCOUNTS) == kill_plan(7, 1900, ACCOUNTS)
    assert kill_plan(7, 1900, ACCOUNTS) != kill_plan(8, 1900, ACCOUNTS)


def test_every_kind_of_part_is_killed_equally_often_and_in_order() -> None:
    plan = kill_plan(7, 1900, ACCOUNTS)
    counted = Counter(kill.kind for kill in plan)
    assert set(counted) == set(PartKind)
    assert max(counted.values()) - min(counted.values()) <= 1
    assert [kill.at_event for kill in plan] == sorted(kill.at_event for kill in plan)
    assert {kill.account for kill in plan if kill.kind in SERVICES} == {None}
    assert {kill.account for kill in plan if kill.kind not in SERVICES} <= set(ACCOUNTS)


def test_a_short_history_gets_each_kind_once_and_a_long_one_no_more_than_it_can_bear() -> None:
    assert len(kill_plan(1, 40, ACCOUNTS)) == len(PartKind)
    assert all(kill.at_event < 40 for kill in kill_plan(1, 40, ACCOUNTS))
    assert len(kill_plan(1, 100_000, ACCOUNTS)) == MOST_KILLS


def test_a_gate_opens_when_the_last_who_holds_it_lets_go() -> None:
    async def main(world: VirtualTime) -> None:
        gate = Gate()
        await gate.passed()
        gate.hold()
        gate.hold()
        passing = asyncio.ensure_future(gate.passed())
        gate.let_go()
        await world.sleep(1)
        assert not passing.done()
        gate.let_go()
        await passing

    play(main)


def test_the_leader_is_held_back_from_the_blow_until_the_part_is_back() -> None:
    async def main(world: VirtualTime) -> None:
        gate, progress = Gate(), Progress(PlatformRecord(), world)
        held: list[bool] = []
        played = 0

        async def strike(kill: Kill) -> None:
            held.append(not gate.is_open)
            await world.sleep(2)

        kill = Kill(kind=PartKind.COUNTERPARTY, account=None, at_event=5, after_ms=30, down_ms=0)
        chaos = Chaos([kill], progress, lambda: played, gate, strike, world)
        raging = asyncio.ensure_future(chaos.rage())
        await world.sleep(1)
        assert chaos.kills == []
        played = 5
        progress.look_again()
        await raging
        assert held == [True]
        assert gate.is_open
        assert chaos.kills == [kill]

    play(main)


def test_what_is_killed_at_the_end_is_back_before_it_is_over_and_nothing_is_killed_after() -> None:
    async def main(world: VirtualTime) -> None:
        back: list[float] = []

        async def strike(kill: Kill) -> None:
            await world.sleep(5)
            back.append(world.monotonic())

        kills = [
            Kill(kind=PartKind.FUNCTIONS, account=None, at_event=0, after_ms=after, down_ms=0)
            for after in (10, 10)
        ]
        chaos = Chaos(kills, Progress(PlatformRecord(), world), lambda: 1, None, strike, world)
        raging = asyncio.ensure_future(chaos.rage())
        await world.sleep(1)
        await chaos.end()
        assert len(back) == 1
        await raging
        assert chaos.kills == kills[:1]

    play(main)

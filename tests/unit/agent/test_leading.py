"""How a leader's trades become signals: in order, once, with their age, whatever breaks meanwhile."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from kopitra.domain.orders import DealReason
from kopitra.domain.telemetry import PositionSnapshot
from kopitra.domain.trading import Signal, SignalAction
from kopitra.protocol import headers
from kopitra.protocol.events import InboxType
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.settings import Role
from tests.unit.agent.broker import limit_order
from tests.unit.agent.mortality import Mortality
from tests.unit.agent.scene import Scene, magic_of, order, play

A = SignalAction


def leading(world: VirtualTime, **settings: Any) -> Scene:
    return Scene(world, Role.LEADER, **settings)


async def watching(scene: Scene) -> None:
    """Wait until the agent has taken the book over."""
    await scene.until(lambda: scene.server.said(InboxType.POSITION_SNAPSHOT))


def signals(scene: Scene) -> list[Signal]:
    return list(scene.server.signals.values())


def test_a_trade_is_signalled_with_its_place_in_the_stream_and_the_accounts_figures():
    async def main(world: VirtualTime) -> None:
        scene = leading(world)
        async with scene.running():
            await watching(scene)
            position = scene.broker.open(volume="0.70", magic=12)
            scene.broker.close(position.ticket)
            await scene.until(lambda: len(signals(scene)) == 2)
        opened, closed = signals(scene)
        assert (opened.action, closed.action) == (A.OPEN, A.CLOSE)
        assert opened.position_ref == closed.position_ref == f"Demo-1:7:{position.position_id}"
        assert (opened.ordinal, closed.ordinal) == (1, 2)
        assert opened.stream_id == closed.stream_id
        assert (opened.account.balance, opened.account.currency) == (Decimal(10_001), "USD")
        assert (opened.volume_before, opened.volume_after, opened.magic) == (0, Decimal("0.70"), 12)
        assert closed.reason is DealReason.CLIENT

    play(main)


def test_what_was_there_before_is_told_by_the_snapshot_and_not_signalled():
    async def main(world: VirtualTime) -> None:
        scene = leading(world)
        scene.broker.open()
        async with scene.running():
            await watching(scene)
            await world.sleep(20)
        assert signals(scene) == []
        first: PositionSnapshot = scene.server.said(InboxType.POSITION_SNAPSHOT)[0]
        assert len(first.positions) == 1
        assert first.stream_id
        assert first.taken_at_ordinal == 0

    play(main)


def test_a_filled_pending_order_names_the_order_and_the_position():
    async def main(world: VirtualTime) -> None:
        scene = leading(world)
        async with scene.running():
            await watching(scene)
            order = limit_order(scene.broker)
            scene.broker.place(order)
            await scene.until(lambda: len(signals(scene)) == 1)
            position = scene.broker.fill(order.ticket)
            await scene.until(lambda: len(signals(scene)) == 2)
        placed, filled = signals(scene)
        assert placed.position_ref == placed.order_ref == f"Demo-1:7:o{order.ticket}"
        assert filled.order_ref == placed.position_ref
        assert filled.position_ref == f"Demo-1:7:{position.position_id}"

    play(main)


def test_trades_while_the_line_is_down_are_kept_in_order_and_tell_their_age():
    async def main(world: VirtualTime) -> None:
        scene = leading(world)
        async with scene.running():
            await watching(scene)
            scene.server.down = True
            tickets = [scene.broker.open().ticket for _ in range(3)]
            await world.sleep(30)
            scene.broker.close(tickets[0])
            await world.sleep(30)
            scene.server.down = False
            await scene.until(lambda: len(signals(scene)) == 4)
        assert [s.ordinal for s in signals(scene)] == [1, 2, 3, 4]
        ages = [s.age_ms for s in signals(scene)]
        assert all(59_000 < age < 70_000 for age in ages[:3])
        assert 29_000 < ages[3] < 40_000

    play(main)


def test_a_trade_made_while_the_agent_was_away_is_as_old_as_the_broker_says():
    async def main(world: VirtualTime) -> None:
        scene = leading(world)
        async with scene.running():
            await watching(scene)
        scene.broker.open()
        await world.sleep(600)
        scene.broker.open()
        async with scene.running():
            await scene.until(lambda: len(signals(scene)) == 2)
        old, fresh = signals(scene)
        assert 599_000 < old.age_ms < 605_000
        assert fresh.age_ms < 5_000

    play(main)


@pytest.mark.parametrize("seen_before", [False, True])
def test_a_clock_set_back_while_the_agent_was_away_makes_no_old_trade_fresh(seen_before: bool):
    async def main(world: VirtualTime) -> None:
        scene = leading(world)
        async with scene.running():
            await watching(scene)
            scene.server.down = True
            if seen_before:
                scene.broker.open()
                await world.sleep(10)
        if not seen_before:
            scene.broker.open()
        await world.sleep(600)
        scene.ahead = timedelta(seconds=-590)
        for symbol, quote in scene.broker.quotes.items():
            scene.broker.quotes[symbol] = msgspec.structs.replace(quote, at=world.now())
        scene.server.down = False
        async with scene.running():
            await scene.until(lambda: signals(scene))
        [signal] = signals(scene)
        assert 599_000 < signal.age_ms < 640_000

    play(main)


def test_a_brokers_wrong_clock_makes_no_fresh_trade_old():
    async def main(world: VirtualTime) -> None:
        scene = leading(world)
        async with scene.running():
            await watching(scene)
            scene.broker.open()
            late = scene.broker.deals[-1]
            scene.broker.deals[-1] = msgspec.structs.replace(
                late, executed_at=world.now() - timedelta(hours=2)
            )
            await scene.until(lambda: signals(scene))
        [signal] = signals(scene)
        assert signal.age_ms < 6_000

    play(main)


def test_a_body_that_may_have_arrived_is_repeated_under_its_key_for_a_while_and_then_said_anew_with_its_age():
    async def main(world: VirtualTime) -> None:
        scene = leading(world)
        async with scene.running():
            await watching(scene)
            scene.server.fail("/signals", "lost_request", times=8)
            scene.broker.open()
            await scene.until(lambda: signals(scene))
        posts = scene.server.posts("/signals")
        bodies: dict[str, set[bytes]] = {}
        for post in posts:
            bodies.setdefault(post.headers[headers.IDEMPOTENCY_KEY], set()).add(post.body or b"")
        assert all(len(same) == 1 for same in bodies.values())
        assert 1 < len(bodies) < len(posts)
        [signal] = signals(scene)
        assert signal.age_ms > 5_000

    play(main)


def test_a_signal_whose_answer_was_lost_is_not_signalled_twice():
    async def main(world: VirtualTime) -> None:
        scene = leading(world)
        async with scene.running():
            await watching(scene)
            scene.server.fail("/signals", "lost_answer", times=2)
            scene.broker.open()
            await scene.until(lambda: len(scene.server.posts("/signals")) == 3)
            await world.sleep(5)
        assert len(scene.server.signal_bodies) == 1  # the replays came from the key

    play(main)


def test_a_burst_goes_in_batches_of_a_hundred():
    async def main(world: VirtualTime) -> None:
        scene = leading(world)
        async with scene.running():
            await watching(scene)
            for _ in range(250):
                scene.broker.open()
            await scene.until(lambda: len(signals(scene)) == 250)
        assert [len(b) for b in scene.server.signal_bodies] == [100, 100, 50]

    play(main)


def test_a_full_buffer_gives_up_opens_before_closes_and_says_so():
    async def main(world: VirtualTime) -> None:
        scene = leading(world, signal_buffer_limit=5)
        held = [scene.broker.open().ticket for _ in range(4)]
        async with scene.running():
            await watching(scene)
            scene.server.down = True
            for ticket in held:
                scene.broker.open()
                scene.broker.close(ticket)
            await world.sleep(10)
            scene.server.down = False
            await scene.until(lambda: scene.server.said(InboxType.ERROR))
            await scene.until(lambda: len(signals(scene)) == 5)
            await scene.until(
                lambda: scene.server.said(InboxType.POSITION_SNAPSHOT)[-1].taken_at_ordinal == 8
            )
        assert [s.action for s in signals(scene)] == [A.CLOSE, A.CLOSE, A.CLOSE, A.OPEN, A.CLOSE]
        assert [s.ordinal for s in signals(scene)] == [2, 4, 6, 7, 8]  # order kept, gaps to be seen
        assert {e.code for e in scene.server.said(InboxType.ERROR)} == {"signals_dropped"}

    play(main)


def test_one_refused_signal_goes_to_the_dead_letters_and_the_others_through():
    async def main(world: VirtualTime) -> None:
        scene = leading(world)
        scene.server.refuses = lambda kind, payload: kind == "signal" and payload.ordinal == 3
        async with scene.running():
            await watching(scene)
            for _ in range(5):
                scene.broker.open()
            await scene.until(lambda: len(signals(scene)) == 4)
            await world.sleep(5)
        assert [s.ordinal for s in signals(scene)] == [1, 2, 4, 5]
        [letter] = scene.disk.logs["dead-letters.log"]
        assert b'"ordinal":3' in letter

    play(main)


def test_a_signal_that_its_batch_was_taken_without_goes_to_the_dead_letters_and_is_not_sent_again():
    async def main(world: VirtualTime) -> None:
        scene = leading(world)
        scene.server.refuses_alone = lambda signal: signal.ordinal == 3
        async with scene.running():
            await watching(scene)
            for _ in range(5):
                scene.broker.open()
            await scene.until(lambda: len(signals(scene)) == 4)
            await world.sleep(5)
        assert [s.ordinal for s in signals(scene)] == [1, 2, 4, 5]
        [letter] = scene.disk.logs["dead-letters.log"]
        assert b'"ordinal":3' in letter
        assert b"plan_too_large" in letter

    play(main)


def test_a_deferred_signal_brings_a_snapshot_at_once():
    async def main(world: VirtualTime) -> None:
        scene = leading(world)
        scene.server.defers = lambda signal: signal.action is A.OPEN
        async with scene.running():
            await watching(scene)
            await world.sleep(60)
            before = len(scene.server.said(InboxType.POSITION_SNAPSHOT))
            scene.broker.open()
            await scene.until(lambda: len(scene.server.said(InboxType.POSITION_SNAPSHOT)) > before, seconds=2)
        assert scene.server.said(InboxType.POSITION_SNAPSHOT)[-1].taken_at_ordinal == 1

    play(main)


def test_a_copy_of_our_own_is_signalled_with_its_magic_number():
    """Whether it is an echo is for the core to say."""

    async def main(world: VirtualTime) -> None:
        scene = Scene(world, Role.BOTH)
        async with scene.running():
            await watching(scene)
            item = scene.server.command(order(1))
            await scene.until(lambda: item.retired and signals(scene))
        [signal] = signals(scene)
        assert signal.magic == magic_of(1)
        assert signal.reason is DealReason.EXPERT

    play(main)


@pytest.mark.parametrize("line", ["good", "bad"])
def test_dying_at_any_point_signals_every_change_once_and_in_order(line: str):
    def run(fatal: int | None) -> int:
        async def main(world: VirtualTime) -> int:
            scene = leading(world)
            broker = scene.broker
            async with scene.running():
                await watching(scene)
            if line == "bad":
                scene.server.fail("/signals", "lost_answer", "lost_request")
            steps = iter(
                [
                    lambda: broker.open(volume="1.00"),
                    lambda: broker.set_stops(next(iter(broker.positions)), "1.01"),
                    lambda: broker.close(next(iter(broker.positions)), "0.30"),
                    lambda: broker.place(limit_order(broker)),
                    lambda: broker.finish(next(iter(broker.orders)), "cancelled"),
                    lambda: broker.deposit("100"),
                    lambda: broker.close(next(iter(broker.positions))),
                ]
            )
            next_at = world.monotonic()

            def happen() -> bool:
                nonlocal next_at
                if world.monotonic() < next_at:
                    return False
                next_at = world.monotonic() + 0.6
                step: Any = next(steps, None)
                if step is not None:
                    step()
                return step is None

            mortality = Mortality(fatal)
            if not await scene.live(mortality, happen):
                await scene.live(Mortality(), happen)
            async with scene.running():
                await world.sleep(3)
            check(scene)
            return mortality.passed

        return play(main)

    def check(scene: Scene) -> None:
        told: dict[int, Signal] = {}
        for signal in (s for body in scene.server.signal_bodies for s in body):
            first = told.setdefault(signal.ordinal, signal)
            assert msgspec.structs.replace(signal, age_ms=0) == msgspec.structs.replace(first, age_ms=0)
        assert list(told) == sorted(told)
        deals = [s.deal_id for s in told.values() if s.deal_id is not None]
        assert deals == [d.deal_id for d in scene.broker.deals if d.kind == "trade"]
        assert [told[n].action for n in told if told[n].action is not A.MODIFY and told[n].deal_id] == [
            A.OPEN,
            A.PARTIAL_CLOSE,
            A.CLOSE,
        ]
        assert len(scene.server.balances) == 1
        assert len({s.stream_id for s in told.values()}) == 1

    points = run(None)
    for fatal in range(1, points + 1):
        run(fatal)

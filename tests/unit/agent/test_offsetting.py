"""A hand on a netting account: what it takes off the one position of a symbol, exactly once, and only if that position
is what the core believes it to be."""

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

import pytest

from kopitra.domain.orders import DealReason, OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.trading import AckStatus, Order, OrderAction
from kopitra.protocol.events import InboxType
from kopitra.simulation.broker.faults import Fault, FaultKind
from kopitra.simulation.virtual_time import VirtualTime
from tests.unit.agent.counterparty import Item
from tests.unit.agent.mortality import Mortality
from tests.unit.agent.net_scene import NetScene, offset, opened, said
from tests.unit.agent.scene import magic_of, order, play

BUY, SELL = Side.BUY, Side.SELL
ENDED = frozenset(AckStatus) - {AckStatus.RECEIVED}


def lots(value: str) -> Decimal:
    return Decimal(value)


def test_an_offset_takes_its_volume_off_and_tells_its_deal():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 1)
            await opened(scene, 2, "0.40")
            item = scene.server.command(offset(3, 1, "1.00", "1.40"))
            assert await said(scene, item) is AckStatus.EXECUTED
        assert scene.net == lots("0.40")
        [told] = [e for e in scene.server.executions.values() if e.command_id == "o-3"]
        assert (told.side, told.fill_volume, told.reason) == (SELL, lots("1.00"), DealReason.EXPERT)

    play(main)


def test_another_net_than_expected_is_not_traded_but_told():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 1)
            await world.sleep(40)
            before = len(scene.server.said(InboxType.POSITION_SNAPSHOT))
            scene.by_hand(SELL, "0.25")
            item = scene.server.command(offset(2, 1, "1.00", "1.00"))
            assert await said(scene, item) is AckStatus.DEFERRED
            assert scene.server.ack_of(item).reason == "net_mismatch"
            await world.sleep(8)
            shown = scene.server.said(InboxType.POSITION_SNAPSHOT)[before:]
        assert scene.net == lots("0.75")
        assert len(shown) >= 2
        assert {snapshot.positions[0].volume for snapshot in shown} == {lots("0.75")}

    play(main)


def test_somebody_elses_deal_in_a_shared_position_is_told_without_a_command():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 1)
            scene.by_hand(SELL, "0.25", DealReason.MOBILE)
            scene.by_hand(SELL, "0.30", DealReason.STOP_OUT)
            await scene.until(lambda: len(scene.server.executions) == 3)
        _, first, second = scene.server.executions.values()
        assert (first.command_id, first.reason, first.fill_volume) == (None, DealReason.MOBILE, lots("0.25"))
        assert (second.command_id, second.reason, second.side) == (None, DealReason.STOP_OUT, SELL)

    play(main)


def test_commands_in_hand_are_taken_out_of_what_is_expected():
    """The core counts on everything before an offset; what has not been done yet has changed nothing."""

    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 1)
            scene.plan(Fault(delay_ms=700))
            first = scene.server.command(order(2, volume="0.50"))
            await world.sleep(0.2)
            waiting = scene.server.command(order(3, volume="0.20"))
            item = scene.server.command(offset(4, 1, "1.00", "1.70"))
            assert await said(scene, item) is AckStatus.EXECUTED
            await scene.until(lambda: first.retired and waiting.retired)
        sides = [(deal.side, deal.volume) for deal in scene.trades]
        assert sides == [(BUY, lots("1.00")), (BUY, lots("0.50")), (SELL, lots("1.00")), (BUY, lots("0.20"))]

    play(main)


def test_one_trade_at_a_time_in_one_symbol_and_offsets_first():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            for copy in (1, 2, 3):
                await opened(scene, copy)
            scene.plan(*[Fault(delay_ms=300)] * 6)
            opens = [scene.server.command(order(copy)) for copy in (4, 5)]
            offsets = [scene.server.command(offset(10 + n, n, "1.00", str(6 - n))) for n in (1, 2, 3)]
            await scene.until(lambda: all(item.retired for item in (*opens, *offsets)))
        assert {scene.server.status_of(item) for item in offsets} == {AckStatus.EXECUTED}
        assert scene.net == lots("2.00")

    play(main)


def test_an_offset_takes_back_an_open_that_has_not_begun():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        items = [scene.server.command(order(1)), scene.server.command(offset(2, 1, "1.00", "1.00"))]
        async with scene.running():
            assert await said(scene, items[1]) is AckStatus.ALREADY_CLOSED
            assert await said(scene, items[0]) is AckStatus.SUPERSEDED
        assert scene.trades == []

    play(main)


def test_an_offset_of_a_refused_open_trades_nothing():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            scene.plan(Fault(kind=FaultKind.REJECT))
            assert await said(scene, scene.server.command(order(1))) is AckStatus.REJECTED
            item = scene.server.command(offset(2, 1, "1.00", None))
            assert await said(scene, item) is AckStatus.ALREADY_CLOSED
        assert scene.trades == []

    play(main)


def test_an_offset_that_comes_before_its_open_leaves_a_tombstone():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            item = scene.server.command(offset(2, 1, "1.00", "1.00"))
            assert await said(scene, item) is AckStatus.ALREADY_CLOSED
            late = scene.server.command(order(1))
            assert await said(scene, late) is AckStatus.SUPERSEDED
        assert scene.trades == []

    play(main)


def test_a_close_of_a_copy_is_put_off_until_the_core_sends_an_offset():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 1)
            item = scene.server.command(order(2, OrderAction.CLOSE, copy=1))
            assert await said(scene, item) is AckStatus.DEFERRED
            assert scene.server.ack_of(item).reason == "netting_account"
        assert scene.net == lots("1.00")

    play(main)


@pytest.mark.parametrize("kind", [FaultKind.REQUOTE, FaultKind.PARTIAL])
def test_requotes_and_partial_fills_end_in_the_whole_volume(kind: FaultKind):
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 1)
            await opened(scene, 2, "0.30")
            scene.plan(*[Fault(kind=kind, fill_per_mille=400)] * 2)
            item = scene.server.command(offset(3, 1, "1.00", "1.30"))
            assert await said(scene, item) is AckStatus.EXECUTED
        assert scene.net == lots("0.30")
        taken = [e.fill_volume for e in scene.server.executions.values() if e.command_id == "o-3"]
        assert sum(v for v in taken if v is not None) == lots("1.00")
        assert len(taken) == (3 if kind is FaultKind.PARTIAL else 1)

    play(main)


def test_what_was_traded_before_a_refusal_is_told_before_it_is_put_off():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 1)
            scene.plan(Fault(kind=FaultKind.PARTIAL, fill_per_mille=400), Fault(kind=FaultKind.REJECT))
            item = scene.server.command(offset(2, 1, "1.00", "1.00"))
            assert await said(scene, item) is AckStatus.DEFERRED
            told = [
                kind for kind, _ in scene.server.told if kind in (InboxType.EXECUTION_NOTICE, InboxType.ACK)
            ]
            await world.sleep(60)
        assert scene.net == lots("0.60")
        assert told[-2:] == [InboxType.EXECUTION_NOTICE, InboxType.ACK]

    play(main)


@pytest.mark.parametrize("kind", [FaultKind.ANSWER_LOST, FaultKind.TIMEOUT_EXECUTED])
@pytest.mark.parametrize("copies", [1, 2])
def test_a_trade_whose_answer_was_lost_is_found_by_its_number(kind: FaultKind, copies: int):
    """Twins of the same size, side and symbol are told apart."""

    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            for copy in range(1, copies + 1):
                await opened(scene, copy)
            scene.plan(*[Fault(kind=kind)] * copies)
            items = [
                scene.server.command(offset(10 + copy, copy, "1.00", str(copies - copy + 1)))
                for copy in range(1, copies + 1)
            ]
            for item in items:
                assert await said(scene, item) is AckStatus.EXECUTED
        assert scene.net == 0
        assert [scene.held_by(copy) for copy in range(1, copies + 1)] == [0] * copies

    play(main)


def test_a_trade_that_left_no_trace_is_unknown_and_not_sent_again():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world, settle_seconds=5.0)
        async with scene.running():
            await opened(scene, 1)
            scene.plan(Fault(kind=FaultKind.REQUEST_LOST))
            item = scene.server.command(offset(2, 1, "1.00", "1.00"))
            assert await said(scene, item) is AckStatus.UNKNOWN
            again = scene.server.post(item.event_type, item.payload)
            await scene.until(lambda: scene.server.status_of(again) is not None)
        assert scene.net == lots("1.00")
        assert scene.server.status_of(again) is AckStatus.UNKNOWN

    play(main)


def test_an_offset_that_was_put_off_never_runs_under_its_old_id():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 1)
            item = scene.server.command(offset(2, 1, "1.00", "0.90"))
            assert await said(scene, item) is AckStatus.DEFERRED
            scene.by_hand(SELL, "0.10")
            await world.sleep(60)
        assert scene.net == lots("0.90")

    play(main)


def test_the_rest_of_a_pending_order_goes_with_the_copy():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            placed = scene.server.command(order(1, order_type=OrderType.LIMIT, price="1.05000"))
            assert await said(scene, placed) is AckStatus.EXECUTED
            cancel = scene.server.command(order(2, OrderAction.CANCEL, copy=1, order_type=OrderType.LIMIT))
            assert await said(scene, cancel) is AckStatus.EXECUTED
        assert scene.net_terminal.desk.broker.state.orders == {}

    play(main)


def test_an_offset_of_nothing_takes_away_what_rests_and_trades_nothing():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 1)
            placed = scene.server.command(order(2, order_type=OrderType.LIMIT, price="1.05000"))
            assert await said(scene, placed) is AckStatus.EXECUTED
            for command in (3, 4):
                item = scene.server.command(offset(command, 2, "0", "1.00"))
                assert await said(scene, item) is AckStatus.ALREADY_CLOSED
            assert scene.net_terminal.desk.broker.state.orders == {}
        assert scene.net == lots("1.00")

    play(main)


def test_a_cancel_that_comes_after_the_fill_says_so():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 1)
            placed = scene.server.command(
                order(2, order_type=OrderType.LIMIT, price="1.05000", volume="0.50")
            )
            assert await said(scene, placed) is AckStatus.EXECUTED
            quote = Quote("EURUSD", Decimal("1.04990"), Decimal("1.05000"), world.now())
            scene.net_terminal.desk.take_quotes([quote])
            cancel = scene.server.command(order(3, OrderAction.CANCEL, copy=2, order_type=OrderType.LIMIT))
            assert await said(scene, cancel) is AckStatus.FAILED
            assert scene.server.ack_of(cancel).reason == "already_filled"
            item = scene.server.command(offset(4, 2, "0.50", "1.50"))
            assert await said(scene, item) is AckStatus.EXECUTED
        assert scene.net == lots("1.00")
        assert scene.held_by(2) == 0

    play(main)


def test_stops_are_those_of_the_net_position():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 1)
            item = scene.server.command(order(2, OrderAction.MODIFY, copy=1, stop_loss="1.05000"))
            assert await said(scene, item) is AckStatus.EXECUTED
        [position] = scene.net_terminal.desk.broker.state.positions.values()
        assert position.stop_loss == lots("1.05000")

    play(main)


def test_a_lost_state_folder_does_not_open_what_was_just_opened_again():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 1, "0.30")
        scene.plan(Fault(answer_delay_ms=2000))
        item = scene.server.command(order(2))
        await scene.live(Mortality(), lambda: scene.net == lots("1.30"))
        assert scene.server.status_of(item) is None
        scene.disk.logs.clear()
        async with scene.running():
            assert await said(scene, item) is AckStatus.EXECUTED
        assert scene.net == lots("1.30")

    play(main)


def test_an_offset_waits_for_what_an_earlier_life_left_unresolved():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 1)
        scene.plan(Fault(answer_delay_ms=2000))
        late = scene.server.command(order(2, volume="0.50"))
        await scene.live(Mortality(), lambda: scene.net == lots("1.50"))
        item = scene.server.command(offset(3, 1, "1.00", "1.50"))
        async with scene.running():
            assert await said(scene, item) is AckStatus.EXECUTED
            assert await said(scene, late) is AckStatus.EXECUTED
        assert scene.net == lots("0.50")

    play(main)


# -- kill -9 at every operation --------------------------------------------------------------------------------------


class Story:
    """Two twins and a short are opened and taken off bit by bit; what is put off is given again as the core would,
    under another id and from what is left by then. What is unknown is left to the snapshots."""

    def __init__(self, scene: NetScene) -> None:
        self.scene = scene
        self.items: list[Item] = []
        self._number = 100
        self._steps: list[tuple[int, str, str | None]] = [
            (1, "1.00", None),
            (2, "1.00", None),
            (3, "0.60", None),
            (1, "1.00", "0.70"),
            (3, "0.60", "0"),
            (2, "1.00", "0"),
            (1, "0.70", "0"),
        ]
        self._open: set[int] = set()

    def is_told(self) -> bool:
        """Give the next order if it is time; whether all were given and answered."""
        while self.items and self._status() is None:
            return False
        if self.items and self._status() is AckStatus.DEFERRED and self._again():
            return False
        if not self._steps:
            return True
        copy, volume, target = self._steps.pop(0)
        side = SELL if copy == 3 else BUY
        if target is None:
            self.items.append(self.scene.server.command(order(copy, volume=volume, side=side)))
        else:
            self._take_off(copy, Decimal(target))
        return False

    def _status(self) -> AckStatus | None:
        return self.scene.server.status_of(self.items[-1])

    def _again(self) -> bool:
        last: Order = self.items[-1].payload
        self.items[-1].retired = True
        copy = last.magic - magic_of(0)
        return last.action is OrderAction.OFFSET and self._take_off(copy, last.target_volume or Decimal(0))

    def _take_off(self, copy: int, target: Decimal) -> bool:
        """From what the broker's ledger says is left, as reports and snapshots have told the core by now."""
        live = abs(self.scene.held_by(copy))
        if live <= target:
            return False
        self._number += 1
        side = BUY if copy == 3 else SELL
        wanted = offset(self._number, copy, str(live - target), self.scene.net, str(target), side)
        self.items.append(self.scene.server.command(wanted))
        return True


def check(scene: NetScene, story: Story) -> None:
    told = {key: e for key, e in scene.server.executions.items() if e.fill_volume is not None}
    assert sorted(told) == sorted(f"d{deal.deal_id}" for deal in scene.trades)
    commands: defaultdict[str, Decimal] = defaultdict(Decimal)
    for deal in scene.trades:
        execution = told[f"d{deal.deal_id}"]
        assert execution.command_id is not None
        commands[execution.command_id] += deal.volume
    for item in story.items:
        wanted: Order = item.payload
        words = {a.status for a in scene.server.acks if a.event_id == item.event_id} - {AckStatus.RECEIVED}
        assert len(words) == 1, f"{wanted.command_id} ended as {words}"
        assert commands[wanted.command_id] <= wanted.volume
        if AckStatus.EXECUTED in words:
            assert commands[wanted.command_id] == wanted.volume
        if words & {AckStatus.UNKNOWN, AckStatus.REJECTED}:
            assert not commands[wanted.command_id]


async def lived(world: VirtualTime, deaths: list[int], prepare: Callable[[NetScene], None]) -> int:
    scene = NetScene(world, settle_seconds=4.0)
    prepare(scene)
    story = Story(scene)
    passed: int | None = None
    for fatal in [*deaths, None]:
        mortality = Mortality(fatal)
        survived = await scene.live(mortality, story.is_told, seconds=240)
        passed = passed or mortality.passed
        if fatal is None:
            assert survived
    await world.sleep(5)
    async with scene.running():
        await world.sleep(3)
    check(scene, story)
    unknown = [i for i in story.items if scene.server.status_of(i) is AckStatus.UNKNOWN]
    if not any(i.payload.action is OrderAction.OFFSET for i in unknown):
        assert [scene.held_by(copy) for copy in (1, 2, 3)] == [0, 0, 0]
        assert scene.net == 0
    assert passed is not None
    return passed


def plain(scene: NetScene) -> None:
    pass


def slow(scene: NetScene) -> None:
    """Every trade takes most of a second, so that the process dies while it is at the broker."""
    scene.plan(*[Fault(delay_ms=400, answer_delay_ms=400)] * 30)


def in_parts(scene: NetScene) -> None:
    """Every other trade is filled in part or requoted."""
    partial = Fault(kind=FaultKind.PARTIAL, fill_per_mille=500, delay_ms=100, applies_to=("open",))
    scene.plan(*[Fault(), Fault(), Fault(), partial, Fault(kind=FaultKind.REQUOTE), partial, partial] * 4)


@pytest.mark.parametrize("prepare", [plain, slow, in_parts])
def test_dying_at_any_point_takes_off_everything_once(prepare: Callable[[NetScene], None]):
    points = play(lambda world: lived(world, [], prepare))
    assert points > 80
    for fatal in range(1, points + 1):
        play(lambda world, fatal=fatal: lived(world, [fatal], prepare))


def test_dying_again_while_recovering_changes_nothing_either():
    points = play(lambda world: lived(world, [], slow))
    for first in range(1, points + 1, 7):
        for second in range(2, 40, 6):
            play(lambda world, deaths=[first, second]: lived(world, deaths, slow))

"""Offsets that fit the net position by chance: what they are to take off was never opened, or is not there any more."""

from decimal import Decimal

import msgspec
import pytest

from kopitra.domain.orders import Side
from kopitra.domain.trading import AckStatus
from kopitra.simulation.broker.faults import Fault, FaultKind
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.hand.offsetting import UNKNOWN_OPEN_SECONDS
from kopitra_agent.ports.terminal import Deal as TerminalDeal
from kopitra_agent.ports.terminal import PendingOrder
from tests.unit.agent.net_scene import NetScene, offset, opened, said
from tests.unit.agent.scene import order, play

BUY, SELL = Side.BUY, Side.SELL


def lots(value: str) -> Decimal:
    return Decimal(value)


def test_an_offset_waits_for_what_became_of_a_lost_open_though_the_net_fits():
    """Its owner closed another copy by hand: so the net is what it would be if the open had been filled."""

    async def main(world: VirtualTime) -> None:
        scene = NetScene(world, settle_seconds=5.0)
        async with scene.running():
            await opened(scene, 1)
            scene.plan(Fault(kind=FaultKind.REQUEST_LOST))
            assert await said(scene, scene.server.command(order(2, side=SELL))) is AckStatus.UNKNOWN
            scene.by_hand(SELL, "1.00")
            item = scene.server.command(offset(3, 2, "1.00", "0.00", side=BUY))
            assert await said(scene, item) is AckStatus.DEFERRED
            assert scene.server.ack_of(item).reason == "net_mismatch"
            assert scene.net == lots("0.00")
            await world.sleep(UNKNOWN_OPEN_SECONDS)
            settled = scene.server.command(offset(4, 2, "1.00", "0.00", side=BUY))
            assert await said(scene, settled) is AckStatus.EXECUTED
        assert scene.net == lots("1.00")

    play(main)


def test_what_came_to_nothing_is_taken_out_of_what_is_expected_until_the_core_has_heard():
    """Its owner took most of a copy off by hand: its first offset does not fit the net, the second does, by chance."""

    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 1, "0.01", SELL)
            await opened(scene, 2, "0.41", SELL)
            scene.by_hand(BUY, "0.40")
            first = scene.server.command(offset(3, 2, "0.40", "-0.42", side=BUY))
            second = scene.server.command(offset(4, 2, "0.01", "-0.02", side=BUY))
            assert await said(scene, first) is AckStatus.DEFERRED
            assert await said(scene, second) is AckStatus.DEFERRED
            assert scene.net == lots("-0.02")
            heard = scene.server.command(offset(5, 2, "0.01", "-0.02", side=BUY))
            assert await said(scene, heard) is AckStatus.EXECUTED
        assert scene.net == lots("-0.01")

    play(main)


@pytest.mark.parametrize(
    ("target", "status"), [("0", AckStatus.ALREADY_CLOSED), ("0.40", AckStatus.DEFERRED)]
)
def test_an_offset_of_a_copy_that_this_account_never_had_trades_nothing_though_the_net_fits(
    target: str, status: AckStatus
):
    """Two opens on either side were lost: without both the net is what it would be with both."""

    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 3)
            item = scene.server.command(offset(4, 1, "1.00", "1.00", target))
            assert await said(scene, item) is status
        assert scene.net == lots("1.00")

    play(main)


def test_an_offset_of_a_copy_that_was_forgotten_here_is_found_in_the_accounts_history():
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 1)
        scene.disk.logs.clear()
        async with scene.running():
            item = scene.server.command(offset(2, 1, "1.00", "1.00"))
            assert await said(scene, item) is AckStatus.EXECUTED
        assert scene.net == lots("0.00")

    play(main)


def test_where_the_broker_drops_magic_numbers_the_net_decides(monkeypatch: pytest.MonkeyPatch):
    async def main(world: VirtualTime) -> None:
        scene = NetScene(world)
        async with scene.running():
            await opened(scene, 1)
        scene.disk.logs.clear()
        terminal, deals = scene.net_terminal, scene.net_terminal.deals

        async def nameless(after: int) -> list[TerminalDeal]:
            return [msgspec.structs.replace(deal, magic=0) for deal in await deals(after)]

        async def no_orders(magic: int) -> list[PendingOrder]:
            return []

        monkeypatch.setattr(terminal, "deals", nameless)
        monkeypatch.setattr(terminal, "order_history", no_orders)
        async with scene.running():
            item = scene.server.command(offset(2, 1, "1.00", "1.00"))
            assert await said(scene, item) is AckStatus.EXECUTED
        assert scene.net == lots("0.00")

    play(main)

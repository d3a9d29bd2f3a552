"""How a follower's agent opens copies, and when it does not."""

from decimal import Decimal

import pytest

from kopitra.domain.identifiers import CommandId
from kopitra.domain.orders import DealEntry, OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.trading import AckStatus, ExecutionStatus, OrderAction
from kopitra.simulation.virtual_time import VirtualTime
from tests.unit.agent.broker import Script
from tests.unit.agent.scene import Scene, magic_of, order, play


def test_an_open_is_executed_once_and_reported_with_its_deal():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            item = scene.server.command(order(1))
            await scene.until(lambda: item.retired)
        assert scene.server.status_of(item) is AckStatus.EXECUTED
        [deal] = scene.broker.deals
        [execution] = scene.server.executions.values()
        assert (deal.magic, deal.volume) == (magic_of(1), Decimal("1.00"))
        assert execution.command_id == "o-1"
        assert (execution.status, execution.entry) == (ExecutionStatus.FILLED, DealEntry.IN)
        assert (execution.deal_id, execution.order_ticket) == (deal.deal_id, deal.order_ticket)
        assert execution.position_ref == f"Demo-1:7:{deal.position_id}"

    play(main)


def test_the_fill_is_told_before_the_ack_and_in_the_same_post():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            item = scene.server.command(order(1))
            await scene.until(lambda: item.retired)
        [batch] = [b for b in scene.server.batches if "OutboxAck" in b]
        assert batch == ["ea.execution_notice", "OutboxAck", "ea.account_snapshot"]

    play(main)


def test_the_order_carries_stops_magic_number_and_comment():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            item = scene.server.command(
                order(1, side=Side.SELL, stop_loss="1.20000", max_deviation=Decimal("0.00030"))
            )
            await scene.until(lambda: item.retired)
        [request] = scene.broker.sent
        assert (request.side, request.stop_loss, request.magic) == (
            Side.SELL,
            Decimal("1.20000"),
            magic_of(1),
        )
        assert request.comment == "K1copy1"
        assert (request.price, request.deviation) == (Decimal("1.10000"), Decimal("0.00030"))

    play(main)


def test_an_open_older_than_its_time_to_live_is_never_sent():
    """Counted on the monotonic clock from receipt, whatever it waits for."""

    async def main(world: VirtualTime) -> None:
        scene = Scene(world, concurrent_opens=1)
        scene.broker.scripts.append(Script(seconds=5.0))
        async with scene.running():
            scene.server.command(order(1))
            late = scene.server.command(order(2, ttl_ms=3000))
            await scene.until(lambda: late.retired)
        assert scene.server.status_of(late) is AckStatus.EXPIRED
        assert [request.magic for request in scene.broker.sent] == [magic_of(1)]

    play(main)


def test_an_open_waits_for_its_terminal_only_as_long_as_it_is_fresh():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await scene.until(lambda: scene.server.told)
            scene.broker.up = False
            item = scene.server.command(
                order(1, ttl_ms=4000, reference_price=Decimal("1.1"), max_drift=Decimal(1))
            )
            await scene.until(lambda: item.retired)
            assert scene.server.status_of(item) is AckStatus.EXPIRED
            scene.broker.up = True
        assert scene.broker.sent == []

    play(main)


@pytest.mark.parametrize(
    ("side", "reference", "sent"),
    [
        (Side.BUY, "1.10000", True),
        (Side.BUY, "1.09989", False),
        (Side.BUY, "1.10031", False),
        (Side.SELL, "1.10020", True),
        (Side.SELL, "1.10021", False),
    ],
)
def test_a_price_that_left_its_range_is_refused_without_being_sent(side: Side, reference: str, sent: bool):
    """Bid 1.10000, ask 1.10010, a drift of 0.00020 allowed either way."""

    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            item = scene.server.command(
                order(1, side=side, reference_price=Decimal(reference), max_drift=Decimal("0.00020"))
            )
            await scene.until(lambda: item.retired)
        assert bool(scene.broker.sent) is sent
        if not sent:
            ack = scene.server.ack_of(item)
            assert (ack.status, ack.reason) == (AckStatus.REJECTED, "price_drift")

    play(main)


def test_a_requote_is_tried_again_at_a_fresh_price_and_judged_anew():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)

        def jump() -> None:
            scene.broker.quotes["EURUSD"] = Quote("EURUSD", Decimal("1.20000"), Decimal("1.20010"))

        scene.broker.scripts.append(Script(retcode=10004, before=jump))
        async with scene.running():
            item = scene.server.command(
                order(1, reference_price=Decimal("1.10000"), max_drift=Decimal("0.00100"))
            )
            await scene.until(lambda: item.retired)
        assert scene.server.ack_of(item).reason == "price_drift"
        assert scene.broker.deals == []

    play(main)


@pytest.mark.parametrize("retcode", [10004, 10020, 10021, 10024, 10031])
def test_busy_lines_and_moved_prices_are_tried_three_times(retcode: int):
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.broker.scripts.extend([Script(retcode=retcode)] * 5)
        async with scene.running():
            item = scene.server.command(order(1))
            await scene.until(lambda: item.retired)
        assert len(scene.broker.sent) == 3
        assert scene.server.ack_of(item).retcode == retcode
        assert scene.server.status_of(item) is AckStatus.REJECTED

    play(main)


@pytest.mark.parametrize(
    "retcode", [10006, 10013, 10014, 10015, 10016, 10017, 10018, 10019, 10027, 10030, 99999]
)
def test_a_refused_open_is_never_repeated_blindly(retcode: int):
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.broker.scripts.append(Script(retcode=retcode))
        async with scene.running():
            item = scene.server.command(order(1))
            await scene.until(lambda: item.retired)
            await world.sleep(60)
        assert len(scene.broker.sent) == 1
        ack = scene.server.ack_of(item)
        assert (ack.status, ack.retcode) == (AckStatus.REJECTED, retcode)
        assert scene.server.executions == {}

    play(main)


def test_a_time_out_is_looked_up_before_anything_else():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.broker.scripts.append(Script(then="timeout"))
        async with scene.running():
            item = scene.server.command(order(1))
            await scene.until(lambda: item.retired)
        assert scene.server.status_of(item) is AckStatus.EXECUTED
        assert len(scene.broker.deals) == len(scene.server.executions) == 1

    play(main)


def test_a_time_out_that_left_no_trace_is_unknown_and_never_sent_again():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.broker.scripts.append(Script(retcode=10012))
        async with scene.running():
            item = scene.server.command(order(1))
            began = world.monotonic()
            await scene.until(lambda: item.retired)
            waited = world.monotonic() - began
            again = scene.server.command(order(1))
            await scene.until(lambda: again.retired)
        assert scene.server.status_of(item) is AckStatus.UNKNOWN
        assert scene.server.status_of(again) is AckStatus.UNKNOWN
        assert len(scene.broker.sent) == 1
        assert waited >= scene.settings.settle_seconds

    play(main)


def test_a_partial_fill_is_told_with_its_own_volume():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.broker.scripts.append(Script(fill=Decimal("0.40")))
        async with scene.running():
            item = scene.server.command(order(1))
            await scene.until(lambda: item.retired)
        [execution] = scene.server.executions.values()
        assert execution.status is ExecutionStatus.PARTIALLY_FILLED
        assert execution.fill_volume == Decimal("0.40")
        assert scene.server.status_of(item) is AckStatus.EXECUTED

    play(main)


def test_a_pending_order_is_placed_and_its_fill_told_under_the_same_command():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            item = scene.server.command(order(1, order_type=OrderType.LIMIT, price="1.05000"))
            await scene.until(lambda: item.retired)
            assert scene.server.executions == {}
            [ticket] = scene.broker.orders
            scene.broker.fill(ticket)
            await scene.until(lambda: scene.server.executions)
        [execution] = scene.server.executions.values()
        assert (execution.command_id, execution.order_ticket) == ("o-1", ticket)

    play(main)


@pytest.mark.parametrize("state", ["cancelled", "expired"])
def test_a_pending_order_that_ends_by_itself_is_told(state: str):
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            item = scene.server.command(order(1, order_type=OrderType.LIMIT, price="1.05000"))
            await scene.until(lambda: item.retired)
            [ticket] = scene.broker.orders
            scene.broker.finish(ticket, "cancelled" if state == "cancelled" else "expired")
            await scene.until(lambda: scene.server.executions)
        [execution] = scene.server.executions.values()
        assert (execution.status, execution.command_id) == (state, "o-1")

    play(main)


def test_opens_run_side_by_side_but_never_more_than_allowed():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world, concurrent_opens=3)
        scene.broker.scripts.extend([Script(seconds=1.0)] * 9)
        async with scene.running():
            items = [scene.server.command(order(n)) for n in range(1, 10)]
            began = world.monotonic()
            await scene.until(lambda: all(i.retired for i in items))
            took = world.monotonic() - began
        assert scene.terminal.most_busy == 3
        assert took < 4.5

    play(main)


def test_a_command_that_takes_long_is_acknowledged_as_received_and_a_quick_one_is_not():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            quick = scene.server.command(order(1))
            await scene.until(lambda: quick.retired)
            scene.broker.scripts.append(Script(seconds=4.0))
            slow = scene.server.command(order(2))
            await scene.until(lambda: slow.retired)
        statuses = [(a.event_id, a.status) for a in scene.server.acks]
        assert statuses == [
            (quick.event_id, AckStatus.EXECUTED),
            (slow.event_id, AckStatus.RECEIVED),
            (slow.event_id, AckStatus.EXECUTED),
        ]

    play(main)


def test_a_command_delivered_again_is_answered_from_the_log_and_not_sent_again():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            first = scene.server.command(order(1))
            await scene.until(lambda: first.retired)
            second = scene.server.command(order(1))
            await scene.until(lambda: second.retired)
        async with scene.running():
            third = scene.server.command(order(1))
            await scene.until(lambda: third.retired)
        assert len(scene.broker.deals) == 1
        assert {scene.server.status_of(i) for i in (first, second, third)} == {AckStatus.EXECUTED}

    play(main)


def test_a_command_that_cannot_be_read_fails_without_harming_the_next():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            bad = scene.server.post("trade.started", {"commandId": "o-9", "action": "dance"})
            good = scene.server.command(order(1))
            await scene.until(lambda: bad.retired and good.retired)
        assert scene.server.ack_of(bad).reason == "malformed"
        assert scene.server.status_of(good) is AckStatus.EXECUTED

    play(main)


def test_an_operators_order_without_a_copy_goes_the_same_way():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        position = scene.broker.open()
        async with scene.running():
            close = order(5, OrderAction.CLOSE, ticket=position.ticket)
            item = scene.server.post(
                "OrderCommand",
                close.__class__(
                    command_id=CommandId("op-1"),
                    action=OrderAction.CLOSE,
                    symbol="EURUSD",
                    side=Side.BUY,
                    volume=Decimal(1),
                    magic=0,
                    ticket=position.ticket,
                ),
            )
            await scene.until(lambda: item.retired)
        assert scene.server.status_of(item) is AckStatus.EXECUTED
        assert scene.broker.positions == {}

    play(main)

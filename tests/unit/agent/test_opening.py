"""How a follower's agent opens copies."""

from decimal import Decimal

from kopitra.domain.orders import DealEntry
from kopitra.domain.trading import AckStatus, ExecutionStatus
from kopitra.simulation.virtual_time import VirtualTime
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
        assert scene.server.released

    play(main)

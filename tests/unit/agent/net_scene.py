"""One netting account's world: the simulated broker behind a terminal whose agent may die at any operation."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from kopitra.domain.identifiers import CommandId, CopyId
from kopitra.domain.orders import DealReason, MarginMode, OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.trading import AckStatus, Order, OrderAction
from kopitra.simulation.broker.faults import Fault
from kopitra.simulation.broker.operations import Balance, HandTrade, PlanFaults
from kopitra.simulation.broker.profiles import AccountTerms, BrokerProfile
from kopitra.simulation.broker.records import Deal, DealKind
from kopitra.simulation.broker.records import TradeRequest as BrokerRequest
from kopitra.simulation.broker.state import new_account
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.agent import Agent
from kopitra_agent.bootstrap import build_agent
from kopitra_agent.ports.terminal import Deal as TerminalDeal
from kopitra_agent.ports.terminal import (
    PendingOrder,
    Position,
    TerminalAccount,
    TradeRequest,
    TradeResult,
)
from kopitra_agent.wiring import AgentPorts
from kopitra_terminal.local import LocalTerminal
from tests.unit.agent.broker import symbol
from tests.unit.agent.counterparty import Item
from tests.unit.agent.memory_storage import MemoryStorage
from tests.unit.agent.mortality import Mortality
from tests.unit.agent.scene import MortalTransport, Scene, magic_of, order

ZERO = Decimal(0)


class MortalTerminal(LocalTerminal):
    """The same terminal for every life; each look and each request is a moment to die in."""

    mortality = Mortality()

    async def account(self) -> TerminalAccount:
        self.mortality.point()
        return await super().account()

    async def positions(self) -> Sequence[Position]:
        self.mortality.point()
        return await super().positions()

    async def orders(self) -> Sequence[PendingOrder]:
        self.mortality.point()
        return await super().orders()

    async def deals(self, after: int) -> Sequence[TerminalDeal]:
        self.mortality.point()
        return await super().deals(after)

    async def send(self, request: TradeRequest) -> TradeResult:
        mortality = self.mortality
        mortality.point()
        result = await super().send(request)
        mortality.point()
        return result


class NetScene(Scene):
    def __init__(self, world: VirtualTime, profile: BrokerProfile | None = None, **settings: Any) -> None:
        super().__init__(world, **settings)
        terms = AccountTerms(login=7, mode=MarginMode.NETTING)
        state = new_account(
            terms, profile or BrokerProfile(), (symbol("EURUSD"), symbol("USDJPY")), world.now()
        )
        self.net_terminal = MortalTerminal(state, world, world)
        desk = self.net_terminal.desk
        desk.operate(Balance(at=world.now(), kind=DealKind.DEPOSIT, amount=Decimal(100_000)))
        desk.take_quotes([Quote("EURUSD", Decimal("1.10000"), Decimal("1.10010"), world.now())])

    def agent(self, mortality: Mortality | None = None) -> Agent:
        mortality = mortality or Mortality()
        self.net_terminal.mortality = mortality
        ports = AgentPorts(
            clock=self.world,
            sleeper=self.world,
            ids=self.world,
            transport=MortalTransport(self.server, mortality),
            storage=MemoryStorage(self.disk, mortality),
        )
        return build_agent(self.settings, self.net_terminal, ports)

    def plan(self, *faults: Fault) -> None:
        """What befalls the next requests."""
        self.net_terminal.desk.operate(PlanFaults(at=self.world.now(), scripted=faults))

    def by_hand(self, side: Side, volume: str, reason: DealReason = DealReason.CLIENT) -> None:
        request = BrokerRequest(action="deal", symbol="EURUSD", side=side, volume=Decimal(volume))
        self.net_terminal.desk.operate(HandTrade(at=self.world.now(), request=request, reason=reason))

    @property
    def net(self) -> Decimal:
        positions = self.net_terminal.desk.broker.state.positions.values()
        return sum((p.volume if p.side is Side.BUY else -p.volume for p in positions), ZERO)

    @property
    def trades(self) -> list[Deal]:
        return [deal for deal in self.net_terminal.desk.broker.state.deals if deal.kind == "trade"]

    def held_by(self, copy: int) -> Decimal:
        """Lots of a copy that the broker's ledger leaves open, long positive."""
        own = [deal for deal in self.trades if deal.magic == magic_of(copy)]
        return sum((d.volume if d.side is Side.BUY else -d.volume for d in own), ZERO)


def offset(
    number: int,
    copy: int,
    volume: str,
    expected: Decimal | str | None,
    target: str = "0",
    side: Side = Side.SELL,
) -> Order:
    """Command `number`: take `volume` off copy `copy`, whose open was command `copy`."""
    return Order(
        command_id=CommandId(f"o-{number}"),
        copy_id=CopyId(f"c-{copy}"),
        opens_command_id=CommandId(f"o-{copy}"),
        action=OrderAction.OFFSET,
        symbol="EURUSD",
        side=side,
        order_type=OrderType.MARKET,
        volume=Decimal(volume),
        target_volume=Decimal(target),
        magic=magic_of(copy),
        comment=f"K1copy{copy}",
        expected_net_before=None if expected is None else Decimal(expected),
    )


async def said(scene: NetScene, item: Item) -> AckStatus:
    await scene.until(lambda: scene.server.status_of(item) is not None)
    status = scene.server.status_of(item)
    assert status is not None
    return status


async def opened(scene: NetScene, copy: int, volume: str = "1.00", side: Side = Side.BUY) -> None:
    assert (
        await said(scene, scene.server.command(order(copy, volume=volume, side=side))) is AckStatus.EXECUTED
    )

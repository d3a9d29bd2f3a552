"""One account's world for a test: a broker, a counterparty, a disk, and agents that come and go."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from kopitra.domain.identifiers import CommandId, CopyId
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.trading import Order, OrderAction
from kopitra.protocol.events import InboxType
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_agent.agent import Agent
from kopitra_agent.bootstrap import build_agent
from kopitra_agent.ports.transport import Request, Response
from kopitra_agent.settings import AgentSettings, Role
from kopitra_agent.wiring import AgentPorts
from tests.unit.agent.broker import Broker
from tests.unit.agent.counterparty import ACCOUNT, SECRET, Counterparty
from tests.unit.agent.memory_storage import Disk, MemoryStorage
from tests.unit.agent.mortality import Killed, Mortality
from tests.unit.agent.scripted_terminal import ScriptedTerminal

T = TypeVar("T")

LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 120.0


class MortalTransport:
    def __init__(self, server: Counterparty, mortality: Mortality) -> None:
        self._server = server
        self._mortality = mortality

    async def exchange(self, request: Request) -> Response:
        self._mortality.point()
        response = await self._server.exchange(request)
        self._mortality.point()
        return response

    async def close(self) -> None:
        pass


class MachineClock:
    """Implements Clock."""

    def __init__(self, scene: "Scene") -> None:
        self._scene = scene

    def now(self) -> datetime:
        return self._scene.world.now() + self._scene.ahead

    def monotonic(self) -> float:
        return self._scene.world.monotonic()


class Scene:
    def __init__(self, world: VirtualTime, role: Role = Role.FOLLOWER, **settings: Any) -> None:
        self.world = world
        self.ahead = timedelta()
        """By how much the clock of the agent's machine is wrong."""
        self.broker = Broker(world)
        self.server = Counterparty(world)
        self.disk = Disk()
        plain = AgentSettings(
            base_url="http://counterparty",
            account=ACCOUNT,
            device_id="device-1",
            role=role,
            secret=SECRET,
            state_folder=Path("unused"),
        )
        self.settings = msgspec.structs.replace(plain, **settings)
        self.terminal = ScriptedTerminal(self.broker)

    def agent(self, mortality: Mortality | None = None) -> Agent:
        mortality = mortality or Mortality()
        self.terminal = ScriptedTerminal(self.broker, mortality)
        ports = AgentPorts(
            clock=MachineClock(self),
            sleeper=self.world,
            ids=self.world,
            transport=MortalTransport(self.server, mortality),
            storage=MemoryStorage(self.disk, mortality),
        )
        return build_agent(self.settings, self.terminal, ports)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """An agent at work; stopped in an orderly way at the end. What ends it early fails the test."""
        stop = asyncio.Event()
        task = asyncio.ensure_future(self.agent().run(stop))
        try:
            yield
            if task.done():
                task.result()
            stop.set()
            await task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task

    async def live(self, mortality: Mortality, until: Callable[[], bool], seconds: float = 60.0) -> bool:
        """Run an agent until the condition holds or it dies; whether it survived. It is not stopped but killed."""
        task = asyncio.ensure_future(self.agent(mortality).run(asyncio.Event()))
        with suppress(asyncio.TimeoutError):
            await self._hold(lambda: task.done() or until(), seconds)
        died = mortality.dead
        mortality.kill()
        task.cancel()
        try:
            await task
        except BaseExceptionGroup as group:
            unexpected = group.split(Killed)[1]
            if unexpected is not None:
                raise unexpected from None
        except (Killed, asyncio.CancelledError):
            pass
        return not died

    async def until(self, condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
        """Let time pass until the condition holds; fails after so many virtual seconds."""
        try:
            await self._hold(condition, seconds)
        except TimeoutError:
            raise AssertionError("what was waited for never came") from None

    async def _hold(self, condition: Callable[[], object], seconds: float) -> None:
        end = self.world.monotonic() + seconds
        while not condition():
            if self.world.monotonic() > end:
                raise TimeoutError
            await self.world.sleep(LOOK_SECONDS)


def play(main: Callable[[VirtualTime], Awaitable[T]], seed: int = 1) -> T:
    return run_virtual(seed, main)


def order(
    number: int,
    action: OrderAction = OrderAction.OPEN,
    *,
    copy: int | None = None,
    volume: str = "1.00",
    side: Side = Side.BUY,
    target: str | None = None,
    order_type: OrderType = OrderType.MARKET,
    price: str | None = None,
    stop_loss: str | None = None,
    **more: Any,
) -> Order:
    """Command `number` for copy `copy` (default: of its own). The open of copy n is command n, its magic 70,000 + n."""
    copy = number if copy is None else copy
    return Order(
        command_id=CommandId(f"o-{number}"),
        copy_id=CopyId(f"c-{copy}"),
        opens_command_id=None if action is OrderAction.OPEN else CommandId(f"o-{copy}"),
        action=action,
        symbol="EURUSD",
        side=side,
        order_type=order_type,
        volume=Decimal(volume),
        target_volume=None if target is None else Decimal(target),
        price=None if price is None else Decimal(price),
        stop_loss=None if stop_loss is None else Decimal(stop_loss),
        magic=magic_of(copy),
        comment=f"K1copy{copy}",
        **more,
    )


def magic_of(copy: int) -> int:
    return 70_000 + copy


async def settled(scene: Scene) -> None:
    """Everything that a start tells has been told, and confirmed."""
    await scene.until(lambda: scene.server.said(InboxType.POSITION_SNAPSHOT))
    await scene.world.sleep(20)


def times_of(scene: Scene, kind: InboxType) -> list[float]:
    """When a post with an event of this type was made, in seconds."""
    needle = f'"{kind}"'.encode()
    return [at for at, request in scene.server.calls if request.body is not None and needle in request.body]

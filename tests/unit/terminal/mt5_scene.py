"""The MetaTrader 5 adapter on a fake package, with a trade server whose clock is in Athens."""

import asyncio
from typing import Any

from kopitra.domain.orders import MarginMode, OrderType, Side
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.adapters.mt5 import Mt5Terminal
from kopitra_agent.adapters.mt5_session import Mt5Settings
from kopitra_agent.ports.terminal import Terminal, TradeRequest
from tests.unit.broker.house import MONDAY, D, House, quoted_house
from tests.unit.terminal.fake_metatrader5 import FakeMetaTrader5

ATHENS = "Europe/Athens"
BUY = TradeRequest(action="deal", symbol="EURUSD", side=Side.BUY, volume=D("0.3"), magic=7, comment="K1x")
LIMIT = TradeRequest(
    action="pending",
    symbol="EURUSD",
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    volume=D("0.2"),
    price=D("1.09"),
    magic=8,
)


class Scene:
    """The adapter on a fake package; time passes only where the adapter sleeps or the test says so."""

    def __init__(self, mode: MarginMode = MarginMode.HEDGING, **settings: Any) -> None:
        self.world = VirtualTime(1, MONDAY)
        self.house: House = quoted_house(mode=mode)
        self.broker = self.house.broker
        self.api = FakeMetaTrader5(self.broker, self.world, ATHENS)
        options: dict[str, Any] = {"login": 77, "server_zone": ATHENS, "settle_seconds": 3.0} | settings
        self.adapter = Mt5Terminal(self.api, Mt5Settings(**options), self.world, self)
        self.terminal: Terminal = self.adapter

    def pass_time(self, seconds: float) -> None:
        self.world._timeline.seconds += seconds  # pyright: ignore[reportPrivateUsage]

    async def sleep(self, seconds: float) -> None:
        self.pass_time(seconds)
        await asyncio.sleep(0)

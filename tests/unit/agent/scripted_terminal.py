"""The terminal of a scripted broker, as one agent's life reaches it."""

import asyncio
from collections.abc import Sequence

from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra_agent.ports.terminal import (
    Deal,
    PendingOrder,
    Position,
    TerminalAccount,
    TerminalUnavailable,
    TradeRequest,
    TradeResult,
)
from tests.unit.agent.broker import Broker, Script
from tests.unit.agent.dealing import execute
from tests.unit.agent.mortality import Mortality

WATCH_SECONDS = 0.1


class ScriptedTerminal:
    """Reading costs no time but one turn of the loop; a send takes what its script says."""

    def __init__(self, broker: Broker, mortality: Mortality | None = None) -> None:
        self._broker = broker
        self._mortality = mortality or Mortality()
        self._seen = -1
        self.busy = 0
        self.most_busy = 0

    async def account(self) -> TerminalAccount:
        await self._turn()
        return self._broker.account()

    async def symbols(self) -> Sequence[SymbolSpec]:
        await self._turn()
        return list(self._broker.symbols)

    async def quotes(self, symbols: Sequence[str]) -> Sequence[Quote]:
        await self._turn()
        return [self._broker.quotes[s] for s in symbols if s in self._broker.quotes]

    async def positions(self) -> Sequence[Position]:
        await self._turn()
        return list(self._broker.positions.values())

    async def orders(self) -> Sequence[PendingOrder]:
        await self._turn()
        return list(self._broker.orders.values())

    async def deals(self, after: int) -> Sequence[Deal]:
        await self._turn()
        return self._broker.deals[after:]

    async def order_history(self, magic: int) -> Sequence[PendingOrder]:
        await self._turn()
        return self._broker.finished(magic)

    async def send(self, request: TradeRequest) -> TradeResult:
        self._mortality.point()
        self._require_up()
        broker = self._broker
        script = broker.scripts.popleft() if broker.scripts else Script()
        broker.sent.append(request)
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            result = await asyncio.shield(asyncio.ensure_future(self._at_broker(request, script)))
        finally:
            self.busy -= 1
        self._mortality.point()
        if script.then == "lost":
            raise TerminalUnavailable("the answer was lost")
        return TradeResult(retcode=10012) if script.then == "timeout" else result

    async def _at_broker(self, request: TradeRequest, script: Script) -> TradeResult:
        """Goes on though its sender dies: what is on the wire arrives."""
        await self._broker.world.sleep(script.seconds)
        if script.before is not None:
            script.before()
        if script.retcode is not None:
            return TradeResult(retcode=script.retcode)
        return execute(self._broker, request, script.fill)

    async def changed(self, seconds: float) -> None:
        world = self._broker.world
        until = world.monotonic() + seconds
        while self._broker.version == self._seen and world.monotonic() < until:
            await world.sleep(WATCH_SECONDS)
            if self._mortality.dead:
                self._mortality.point()
        self._require_up()
        self._seen = self._broker.version

    async def _turn(self) -> None:
        self._mortality.point()
        await self._broker.world.sleep(0)
        self._require_up()

    def _require_up(self) -> None:
        if not self._broker.up:
            raise TerminalUnavailable("terminal is down")

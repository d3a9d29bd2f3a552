"""The `Terminal` port over PyPI `MetaTrader5`: Windows only, one terminal a process, no events.

The package talks to the terminal over a pipe, blocks, and keeps its state in the module, so every call runs in one
worker thread. Changes are found by polling and comparing. "Synchronised" is not in the package: a terminal counts as
such once it has been connected, with unchanging numbers of positions, orders and deals, for `settle_seconds`.
"""

import asyncio
import importlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra_agent.adapters.mt5_session import Mt5Session, Mt5Settings
from kopitra_agent.ports.terminal import (
    Deal,
    PendingOrder,
    Position,
    TerminalAccount,
    TradeRequest,
    TradeResult,
)
from kopitra_agent.ports.timing import Clock, Sleeper

T = TypeVar("T")

PACKAGE = "MetaTrader5"


class PackageMissing(Exception):
    """PyPI `MetaTrader5` is not installed; it exists for Windows only."""


class Mt5Terminal:
    """Implements `Terminal`. `api` is the `MetaTrader5` module."""

    def __init__(self, api: Any, settings: Mt5Settings, clock: Clock, sleeper: Sleeper) -> None:
        self._session = Mt5Session(api, settings, clock)
        self._poll_seconds = settings.poll_seconds
        self._clock = clock
        self._sleeper = sleeper
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="metatrader5")
        self._seen: object = None

    async def account(self) -> TerminalAccount:
        return await self._in_worker(self._session.account)

    async def symbols(self) -> Sequence[SymbolSpec]:
        return await self._in_worker(self._session.symbols)

    async def quotes(self, symbols: Sequence[str]) -> Sequence[Quote]:
        return await self._in_worker(lambda: self._session.quotes(symbols))

    async def positions(self) -> Sequence[Position]:
        return await self._in_worker(self._session.positions)

    async def orders(self) -> Sequence[PendingOrder]:
        return await self._in_worker(self._session.orders)

    async def deals(self, after: int) -> Sequence[Deal]:
        return await self._in_worker(lambda: self._session.deals(after))

    async def order_history(self, magic: int) -> Sequence[PendingOrder]:
        return await self._in_worker(lambda: self._session.order_history(magic))

    async def send(self, request: TradeRequest) -> TradeResult:
        """Who stops waiting does not call the trade back: the worker finishes it."""
        return await self._in_worker(lambda: self._session.send(request))

    async def changed(self, seconds: float) -> None:
        ends = self._clock.monotonic() + seconds
        while (now := await self._in_worker(self._session.fingerprint)) == self._seen:
            left = ends - self._clock.monotonic()
            if left <= 0:
                return
            await self._sleeper.sleep(min(self._poll_seconds, left))
        self._seen = now

    async def close(self) -> None:
        """Leave the terminal; it keeps running."""
        await self._in_worker(self._session.close)
        self._worker.shutdown(wait=False)

    async def _in_worker(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, call)


def metatrader5_package() -> Any:
    """The imported package. Raises PackageMissing."""
    try:
        return importlib.import_module(PACKAGE)
    except ImportError as missing:
        raise PackageMissing(f"PyPI {PACKAGE} is not installed (it has Windows wheels only)") from missing

"""The `Terminal` port over PyPI `MetaTrader5`: Windows only, one terminal a process, no events.

The package talks to the terminal over a pipe, blocks, and keeps its state in the module, so every call runs in one worker
thread. Changes are found by polling and comparing. "Synchronised" is not in the package: a terminal counts as synchronised
once it has been connected, with unchanging numbers of positions, orders and deals, for a while.
"""

import importlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, TypeVar

import asyncio
import msgspec

from kopitra.domain.orders import MarginMode, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra_agent.adapters import mt5_records as records
from kopitra_agent.adapters import mt5_requests as requests
from kopitra_agent.ports.terminal import (
    Deal,
    PendingOrder,
    Position,
    TerminalAccount,
    TerminalUnavailable,
    TradeRequest,
    TradeResult,
)
from kopitra_agent.ports.timing import Clock, Sleeper

"""An agent in a process of its own, beside a virtual terminal: it ends at SIGTERM, and with a reason otherwise."""

import asyncio
import os
import signal
import sys

import msgspec
import structlog

from kopitra_agent.bootstrap import build_agent
from kopitra_agent.settings import AgentSettings, settings_from
from kopitra_terminal.client import VirtualTerminal

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
EXIT_FAILED = 1

_encoder = msgspec.json.Encoder(enc_hook=str)


def run_agent(address: str, login: int, level: str) -> int:
    """Serve the account of the terminal at `address` until SIGTERM; the exit code. Settings come from the environment
    (`KOPITRA_AGENT_…`). Raises SettingsInvalid."""
    settings = settings_from(os.environ)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            lambda logger, method, event: _encoder.encode(event).decode(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    try:
        asyncio.run(_serve(settings, address, login))
    except Exception:  # noqa: BLE001 - the last chance to say why the process ends
        structlog.get_logger("kopitra.agent").exception("agent.ends", account=settings.account)
        return EXIT_FAILED
    return 0


async def _serve(settings: AgentSettings, address: str, login: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    terminal = VirtualTerminal(address, login)
    try:
        await build_agent(settings, terminal).run(stop)
    finally:
        await terminal.close()

"""`python -m kopitra_agent`: serve this machine's MetaTrader 5 terminal (Windows).

Settings come from the environment, then from `.env` (see the samples): KOPITRA_AGENT_… of the agent, KOPITRA_MT5_… of
the terminal.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

from dotenv import dotenv_values

from kopitra_agent.adapters.mt5 import Mt5Terminal, PackageMissing, metatrader5_package
from kopitra_agent.adapters.mt5_session import Mt5Settings
from kopitra_agent.adapters.system import SystemClock, SystemSleeper
from kopitra_agent.bootstrap import build_agent
from kopitra_agent.logs import configure_logs
from kopitra_agent.ports.storage import StorageFailed
from kopitra_agent.settings import SettingsInvalid, read_prefixed, settings_from

TERMINAL_PREFIX = "KOPITRA_MT5_"
EXIT_FAILED = 1
EXIT_SETTINGS = 2


async def serve() -> None:
    """Until Ctrl+C or SIGTERM. What made the agent unfit to go on is raised."""
    given = {**dotenv_values(".env", interpolate=False), **os.environ}
    variables = {name: value for name, value in given.items() if value is not None}
    settings = settings_from(variables)
    terminal_settings = read_prefixed(variables, TERMINAL_PREFIX, Mt5Settings)
    terminal = Mt5Terminal(metatrader5_package(), terminal_settings, SystemClock(), SystemSleeper())
    agent = build_agent(settings, terminal)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told_to_stop(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told_to_stop)  # Windows loops have no signal handlers of their own
    try:
        await agent.run(stop)
    finally:
        await terminal.close()


def main() -> int:
    configure_logs()
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(serve())
    except (SettingsInvalid, PackageMissing, StorageFailed) as error:
        print(f"kopitra_agent: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_SETTINGS
    except Exception as error:  # noqa: BLE001 - the last chance to say why the process ends
        print(f"kopitra_agent ends: {error!r}", file=sys.stderr)  # noqa: T201
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())

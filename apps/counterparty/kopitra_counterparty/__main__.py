"""`python -m kopitra_counterparty`: settings from the environment, JSON logs on standard output."""

import asyncio
import sys

from kopitra.adapters.logs import configure_logs
from kopitra.adapters.operator_keys import operator_tokens
from kopitra.application.ports.blobs import BlobError
from kopitra.application.ports.journal import JournalError
from kopitra.application.ports.queue import QueueError
from kopitra_counterparty.bootstrap import open_ports
from kopitra_counterparty.counterparty import counterparty
from kopitra_counterparty.ports import Ports
from kopitra_counterparty.server import StartRefused, run
from kopitra_counterparty.settings import PREFIX, Settings, SettingsInvalid, load_settings

WRONG_SETTINGS = 2
CANNOT_START = 3


async def _run(settings: Settings) -> None:
    ports = await _storage(settings)
    await run(counterparty(settings, ports, operator_tokens(settings, ports.clock)))


async def _storage(settings: Settings) -> Ports:
    """Raises StartRefused with the setting that it failed for."""
    try:
        return await open_ports(settings)
    except (JournalError, BlobError, QueueError, OSError) as error:
        raise StartRefused(f"{PREFIX}DATA_FOLDER {settings.data_folder}: {error}") from error


def main() -> int:
    """The exit code: 0 after an orderly stop, 2 for wrong settings, 3 where the shard must not be served."""
    try:
        settings = load_settings()
    except SettingsInvalid as error:
        print(error, file=sys.stderr)  # noqa: T201
        return WRONG_SETTINGS
    configure_logs(settings.log_level, about=settings.about.fields())
    try:
        asyncio.run(_run(settings))
    except (StartRefused, JournalError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return CANNOT_START
    return 0


if __name__ == "__main__":
    sys.exit(main())

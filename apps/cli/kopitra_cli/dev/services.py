"""The services that `kopitra dev` runs, and what it tells them."""

import asyncio
import os
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import msgspec

from kopitra.application.ports.identity import IdSource
from kopitra_cli.adapters.processes import ChildProcess, python_module
from kopitra_cli.dev.identity import operator_settings
from kopitra_functions.settings import PREFIX as FUNCTIONS

COUNTERPARTY = "KOPITRA_"
LOOPBACK = "127.0.0.1"
LISTENING = r"listening on (\S+)"
COUNTERPARTY_LISTENING = r'"port":\s*(\d+)'
SERVICE_KEYS = "service-keys.json"
KEY_ID = "dev"
KEY_BYTES = 32
OWNER_ONLY = 0o600
LOGS = "logs"


class Services:
    """The counterparty and the functions of one data folder. A port of 0 is whatever was free at the first start."""

    def __init__(self, data: Path, ids: IdSource, *, counterparty_port: int, functions_port: int) -> None:
        self.data = data
        self._ids = ids
        self.counterparty = ChildProcess(
            "counterparty",
            python_module("kopitra_counterparty"),
            environment=self._counterparty_settings(counterparty_port),
            log=data / LOGS / "counterparty.log",
            ready=COUNTERPARTY_LISTENING,
        )
        self.functions = self._functions(functions_port)

    @property
    def all(self) -> tuple[ChildProcess, ChildProcess]:
        """The one that is asked before the one that asks."""
        return self.counterparty, self.functions

    @property
    def counterparty_url(self) -> str:
        return f"http://{LOOPBACK}:{self.counterparty.said}"

    @property
    def functions_url(self) -> str:
        return self.functions.said

    async def start(self) -> None:
        """The first start finds out the ports; from then on both start at once. Raises StartFailed."""
        if not self.counterparty.said:
            await self.counterparty.start()
            self.counterparty.environment["KOPITRA_PORT"] = self.counterparty.said
            self.functions.environment[f"{FUNCTIONS}COUNTERPARTY_URL"] = self.counterparty_url
        starting = [process for process in self.all if process.pid is None]
        results = await asyncio.gather(*(each.start() for each in starting), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        self.functions.command = _functions_command(int(self.functions_url.rpartition(":")[2]))

    async def stop(self) -> None:
        for process in reversed(self.all):
            await process.stop()

    def _functions(self, port: int) -> ChildProcess:
        settings = {f"{FUNCTIONS}DATA_FOLDER": str(self.data), f"{FUNCTIONS}LOG_LEVEL": "info"}
        return ChildProcess(
            "functions",
            _functions_command(port),
            environment=settings | operator_settings(self.data, FUNCTIONS),
            log=self.data / LOGS / "functions.log",
            ready=LISTENING,
        )

    def _counterparty_settings(self, port: int) -> Mapping[str, str]:
        return {
            "KOPITRA_DATA_FOLDER": str(self.data),
            "KOPITRA_HOST": LOOPBACK,
            "KOPITRA_PORT": str(port),
            "KOPITRA_TOKEN_KEYS": self._service_keys(),
            "KOPITRA_TOKEN_KEY_ID": KEY_ID,
            "KOPITRA_LOG_LEVEL": "info",
        } | operator_settings(self.data, COUNTERPARTY)

    def _service_keys(self) -> str:
        """Kept, so that sessions outlive a restart."""
        file = self.data / SERVICE_KEYS
        if not file.exists():
            key = b64encode(self._ids.token_bytes(KEY_BYTES)).decode()
            descriptor = os.open(file, os.O_CREAT | os.O_WRONLY, OWNER_ONLY)
            with os.fdopen(descriptor, "wb") as output:
                output.write(msgspec.json.encode({KEY_ID: key}))
        return file.read_text()


def _functions_command(port: int) -> list[str]:
    return python_module("kopitra_cli", "functions", "--host", LOOPBACK, "--port", str(port))

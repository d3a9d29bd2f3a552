"""The counterparty as the stack deploys it: that very package in an empty directory, started by that very command with
those very settings, visited by an EA."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest

from kopitra.adapters.azure.service_bus import connect_namespace
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.application.ports.queue import Message
from kopitra_counterparty.bootstrap import COMMANDS_QUEUE
from tests.fixtures.azurite import Azurite, azurite_blob, azurite_table
from tests.fixtures.service_bus.broker import LOOPBACK_SECONDS, Broker
from tests.fixtures.service_bus.namespace import Rules
from tests.integration.faults.configuration import accounts, code_of
from tests.stack.environments import KEY_BYTES
from tests.stack.rehearsal.deployed import (
    Override,
    environment_of,
    given,
    interpreter,
    libraries,
    search_path,
    start_command,
    unpacked,
    with_overrides,
)

__all__ = ["azurite_blob", "azurite_table"]

EA = "smoke"
START_SECONDS = 60.0
STOP_SECONDS = 30.0
NOBODY_LISTENS = "https://127.0.0.1:1"

pytestmark = pytest.mark.timeout(600)
"""A package is made, and Azurite is installed, once a checkout."""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[Broker]:
    file = tmp_path_factory.mktemp("service-bus") / "service-bus.db"
    running = Broker(file, SystemClock(), Rules(queues=("trade-agent-events", COMMANDS_QUEUE))).start()
    yield running
    running.stop()


def overrides(tables: Azurite, blobs: Azurite, broker: Broker, folder: Path) -> dict[str, Override]:
    """Everything that differs from what the stack sets, and why. What is not here is the stack's own value."""
    return {
        "KOPITRA_AZURE_TABLES": Override(tables.connection_string, "an emulator, which knows no identities"),
        "KOPITRA_AZURE_BLOBS": Override(blobs.connection_string, "an emulator, which knows no identities"),
        "KOPITRA_AZURE_SERVICE_BUS": Override(
            broker.connection_string, "a broker on loopback, which knows no identities"
        ),
        "KOPITRA_AZURE_APP_CONFIGURATION": Override(
            f"Endpoint={NOBODY_LISTENS};Id=a;Secret=YQ==", "no emulator: the flags keep their defaults"
        ),
        "APPLICATIONINSIGHTS_CONNECTION_STRING": Override(
            f"InstrumentationKey={'0' * 8}-0000-4000-8000-{'0' * 12};IngestionEndpoint={NOBODY_LISTENS}/",
            "no emulator: what is told is lost",
        ),
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": Override(None, "there is no managed identity here"),
        "KOPITRA_TOKEN_KEYS": Override(
            json.dumps({"2026-11": KEY_BYTES}), "a reference to Key Vault, which App Service resolves"
        ),
        "KOPITRA_PORT": Override("0", "8000 may be taken here"),
        "PYTHONPATH": Override(libraries(folder), "App Service unpacks to /home/site/wwwroot"),
    }


class Running:
    """The start command in a shell, as App Service runs it; `lines` are its log."""

    def __init__(self, folder: Path, settings: dict[str, str], python: str) -> None:
        self.lines: list[dict[str, Any]] = []
        self.text: list[str] = []
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", start_command()],
            cwd=folder,
            env=environment_of(settings, search_path(folder, python)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reading = Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.text.append(line)
            if line.startswith("{"):
                self.lines.append(json.loads(line))

    def said(self, event: str) -> dict[str, Any]:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            for line in list(self.lines):
                if line.get("event") == event:
                    return line
            assert self.process.poll() is None, "".join(self.text)[-3000:]
            time.sleep(0.02)
        raise AssertionError(f"it never said {event}: {''.join(self.text)[-3000:]}")

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS)
        self._reading.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


async def published(broker: Broker) -> None:
    """An account whose device may enrol, as the management side would have it."""
    namespace = connect_namespace(connection_string=broker.connection_string, socket_seconds=LOOPBACK_SECONDS)
    (operation,) = accounts([EA])
    await namespace.queue(COMMANDS_QUEUE).send(
        [Message(body=msgspec.json.encode(operation), message_id="first")]
    )
    await namespace.close()


def test_the_package_that_would_be_uploaded_serves_an_ea(
    azurite_table: Azurite, azurite_blob: Azurite, broker: Broker, tmp_path: Path
) -> None:
    python, target = interpreter()
    folder = tmp_path / "wwwroot"
    package = unpacked("counterparty", folder, target)
    settings = with_overrides(given("app"), overrides(azurite_table, azurite_blob, broker, folder))
    running = Running(folder, settings, python)
    try:
        asyncio.run(published(broker))
        port = running.said("listening")["port"]
        assert running.said("serving")["build"] == package.build
        smoke = [sys.executable, "-m", "kopitra_cli", "smoke", f"http://127.0.0.1:{port}", "--account", EA]
        visited = subprocess.run(
            [*smoke, "--build", package.build, "--patience", "30", "--secret-file", str(tmp_path / "secret")],
            env={**os.environ, "KOPITRA_SMOKE_CODE": code_of(EA)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert visited.returncode == 0, visited.stdout + visited.stderr
    finally:
        code = running.stop()
    assert code == 0, "".join(running.text)[-3000:]
    assert not [line for line in running.lines if line["level"] == "error"]
    assert {line["build"] for line in running.lines} == {package.build}
    assert not re.search(KEY_BYTES, "".join(running.text))
    print(f"{package.app} {package.build} on {Path(python).name}:\n{visited.stdout}")


def test_a_difference_that_is_not_in_the_table_is_none_of_ours(
    azurite_table: Azurite, azurite_blob: Azurite, broker: Broker, tmp_path: Path
) -> None:
    table = overrides(azurite_table, azurite_blob, broker, tmp_path)
    started = with_overrides(given("app"), table)

    stacks = given("app")
    assert {name for name in stacks if stacks[name] != started.get(name)} == table.keys()
    assert started.keys() <= stacks.keys()

"""The management side as the stack deploys it: that very package in an empty directory, loaded as the worker
loads it."""

import json
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from kopitra.adapters.embedded.timing import SystemClock
from kopitra_functions.functions import SCHEDULES
from stack.components.bus import QUEUES
from tests.fixtures.azurite import Azurite, azurite_blob, azurite_table
from tests.fixtures.service_bus.broker import Broker
from tests.fixtures.service_bus.namespace import Rules
from tests.stack.rehearsal.deployed import (
    Override,
    environment_of,
    given,
    interpreter,
    libraries,
    search_path,
    unpacked,
    with_overrides,
)

__all__ = ["azurite_blob", "azurite_table"]

SCRIPT = Path(__file__).with_name("functions_worker.py")
NOBODY_LISTENS = "https://127.0.0.1:1"

pytestmark = pytest.mark.timeout(600)
"""A package is made, and Azurite is installed, once a checkout."""


@pytest.fixture
def broker(tmp_path: Path) -> Generator[Broker]:
    running = Broker(tmp_path / "service-bus.db", SystemClock(), Rules(queues=QUEUES)).start()
    yield running
    running.stop()


def overrides(tables: Azurite, blobs: Azurite, broker: Broker) -> dict[str, Override]:
    """Everything that differs from what the stack sets, and why. SQL, the vault and the counterparty keep their Azure
    addresses: nothing is asked of them before somebody needs them."""
    return {
        "KOPITRA_FUNCTIONS_AZURE_TABLES": Override(
            tables.connection_string, "an emulator without identities"
        ),
        "KOPITRA_FUNCTIONS_AZURE_BLOBS": Override(blobs.connection_string, "an emulator without identities"),
        "KOPITRA_FUNCTIONS_AZURE_SERVICE_BUS": Override(
            broker.connection_string, "a broker on loopback, without identities"
        ),
        "KOPITRA_FUNCTIONS_AZURE_APP_CONFIGURATION": Override(
            f"Endpoint={NOBODY_LISTENS};Id=a;Secret=YQ==", "no emulator: the flags keep their defaults"
        ),
        "APPLICATIONINSIGHTS_CONNECTION_STRING": Override(
            f"InstrumentationKey={'0' * 8}-0000-4000-8000-{'0' * 12};IngestionEndpoint={NOBODY_LISTENS}/",
            "no emulator: what is told is lost",
        ),
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": Override(None, "there is no managed identity here"),
    }


def test_the_package_that_would_be_uploaded_loads_and_answers(
    azurite_table: Azurite, azurite_blob: Azurite, broker: Broker, tmp_path: Path
) -> None:
    python, target = interpreter()
    folder = tmp_path / "wwwroot"
    package = unpacked("functions", folder, target)
    settings = with_overrides(given("functions-app"), overrides(azurite_table, azurite_blob, broker))
    # The worker's own doing: where it finds a package's libraries.
    settings["PYTHONPATH"] = libraries(folder)

    done = subprocess.run(
        [python, str(SCRIPT)],
        cwd=folder,
        env=environment_of(settings, search_path(folder, python)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["functions"] == sorted({"http", "events", "task", *SCHEDULES})
    assert said["answers"]["health"] == {"status": 200, "body": {"status": "serving", "build": package.build}}
    assert said["answers"]["openapi.json"]["status"] == 200
    assert said["answers"]["accounts"]["status"] == 401
    assert said["modules"].startswith(libraries(folder))
    assert (folder / "host.json").is_file()

"""A running counterparty tells the figures of the table, with their dimensions, and spans; its log says whose it is."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kopitra.application.measured import INSTRUMENTS
from kopitra.application.ports.telemetry import Kind, Service
from tests.fixtures.serving import process_environment
from tests.integration.counterparty.server import Server, seed

SECONDS = 30.0
HAPPENS_HERE = {
    "kopitra.signal.ingestion",
    "kopitra.signal.ingestion.p95",
    "kopitra.copies.planned",
    "kopitra.ea.sessions",
    "kopitra.commit",
    "kopitra.outbox.pending",
    "kopitra.requests",
}
"""Nothing of what the other instruments count happens in an orderly minute."""

pytestmark = pytest.mark.timeout(120)


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]


async def told(file: Path, *wanted: str) -> list[dict[str, Any]]:
    """Every line of the file, once it has a line of each of these metrics."""
    async with asyncio.timeout(SECONDS):
        while True:
            lines = lines_of(file)
            if set(wanted) <= {line.get("metric") for line in lines}:
                return lines
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What a server told of a leader's signal, and of the end."""
    return asyncio.run(story(tmp_path_factory.mktemp("told")))


async def story(folder: Path) -> list[dict[str, Any]]:
    await seed(folder)
    file = folder / "telemetry.jsonl"
    server = await Server(
        folder, telemetry_file=str(file), telemetry_seconds="1", trace_ratio="1", build="abc123"
    ).serving()
    try:
        leader, follower = await server.ea("leader"), await server.ea("follower-0")
        assert (await leader.signal("p1", 1)).status == 202
        await follower.poll(0)
        await told(file, "kopitra.ea.sessions", "kopitra.outbox.pending")
    finally:
        assert await server.end(signal.SIGTERM) == 0
    assert all(
        (line["service"], line["build"], line["shard"]) == ("kopitra-counterparty", "abc123", "main")
        for line in server.log
    )
    return await told(file, "kopitra.commit")


def test_every_figure_has_a_row_in_the_table_and_exactly_its_dimensions(lines: list[dict[str, Any]]):
    table = {i.name: i for i in INSTRUMENTS if Service.COUNTERPARTY in i.told_by}
    for line in (one for one in lines if "metric" in one):
        instrument = table[line["metric"]]
        assert line["unit"] == instrument.unit
        assert line["dimensions"].keys() == {dimension.name for dimension in instrument.dimensions}
        for dimension in instrument.dimensions:
            assert line["dimensions"][dimension.name] in dimension.values
        figures = {"count", "sum", "min", "max"} if instrument.kind is Kind.HISTOGRAM else {"value"}
        assert figures <= line.keys()


def test_what_happened_was_told_even_at_the_very_end(lines: list[dict[str, Any]]):
    metrics = {line["metric"] for line in lines if "metric" in line}
    assert (
        HAPPENS_HERE - {"kopitra.signal.ingestion.p95"} <= metrics
    )  # the percentile waits for the next look
    signals = [line for line in lines if line.get("metric") == "kopitra.signal.ingestion"]
    assert [line["count"] for line in signals] == [1]


def test_the_signal_has_a_span_with_its_request_and_its_status(lines: list[dict[str, Any]]):
    [span] = [line for line in lines if line.get("span") == "POST /signals"]
    assert span["attributes"]["http.response.status_code"] == 202
    assert span["attributes"]["kopitra.request_id"]
    assert not [line for line in lines if "outbox" in line.get("span", "")]


@pytest.mark.parametrize("module", ["kopitra_counterparty.__main__", "kopitra_functions.bootstrap"])
def test_without_a_destination_nothing_of_it_is_imported(module: str, tmp_path: Path):
    """Starting again takes as long as before."""
    program = (
        "import sys, asyncio, importlib\n"
        f"importlib.import_module({module!r})\n"
        "from kopitra_counterparty.bootstrap import open_ports\n"
        "from kopitra_counterparty.settings import load_settings\n"
        "async def main():\n"
        "    ports = await open_ports(load_settings())\n"
        "    await ports.close()\n"
        "asyncio.run(main())\n"
        "print([n for n in sys.modules if n.split('.')[0] == 'opentelemetry' or 'appconfiguration' in n])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=process_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines()[-1] == "[]"


async def test_a_file_that_cannot_be_written_stops_the_start_with_a_sentence(tmp_path: Path):
    server = Server(tmp_path, telemetry_file="/dev/null/telemetry.jsonl")
    assert await server.end(0) == 3

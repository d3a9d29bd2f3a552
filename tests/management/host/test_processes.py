"""The local host as a process of its own: it starts, answers, is killed, stops in order, and refuses where it must."""

import asyncio
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import msgspec
import pytest
from aiohttp import ClientSession

from kopitra.adapters.embedded.holder_lock import HolderLock
from kopitra.application.ports.queue import Message
from kopitra_cli.adapters.functions_process import (
    FOLDER,
    WRONG_SETTINGS,
    HostInUse,
    run_functions,
    serve_functions,
)
from kopitra_cli.adapters.http_server import CannotListen
from kopitra_cli.adapters.processes import ChildProcess, python_module
from kopitra_functions.queue_names import EVENTS
from kopitra_functions.settings import Settings, load_settings
from scripts.tooling.steps import ROOT
from tests.management.host.worker import opened

LISTENING = r"listening on (\S+)"
LOOK_SECONDS = 0.02
SOON = 60.0

pytestmark = pytest.mark.timeout(120)

Start = Callable[..., ChildProcess]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncGenerator[Start]:
    """Makes processes and leaves none behind; settings by their names."""
    processes: list[ChildProcess] = []

    def make(name: str = "functions", port: int = 0, **settings: object) -> ChildProcess:
        given = {"data_folder": tmp_path / "data"} | settings
        process = ChildProcess(
            name,
            python_module("kopitra_cli", "functions", "--port", str(port)),
            environment={f"KOPITRA_FUNCTIONS_{key.upper()}": str(value) for key, value in given.items()},
            log=tmp_path / f"{name}.log",
            ready=LISTENING,
        )
        processes.append(process)
        return process

    yield make
    await asyncio.gather(*(process.kill() for process in processes))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110  # another process's doing
            await asyncio.sleep(LOOK_SECONDS)


def lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


async def status_of(url: str) -> int:
    async with ClientSession() as client, client.get(url) as answer:
        return answer.status


async def test_it_starts_after_a_kill_answers_takes_what_is_queued_and_stops_in_order(
    start: Start, tmp_path: Path
):
    process = start()
    await process.start()
    await process.kill()
    (tmp_path / "functions.log").unlink()
    await process.start()
    assert await status_of(f"{process.said}/api/admin/health") == 200
    assert await status_of(f"{process.said}/%ff") == 400
    events = await opened(tmp_path / "data", EVENTS)
    await events.send([Message(body=b"{}", message_id="m")])
    log = tmp_path / "functions.log"
    await until(lambda: '"function":"events"' in log.read_text())
    await events.close()
    await process.stop()
    assert process.failed is None
    told = [msgspec.json.decode(line) for line in log.read_text().splitlines()[1:]]
    events_told = [each["event"] for each in told]
    assert "stopping" in events_told
    assert events_told[-1] == "stopped"
    called = [each for each in told if each.get("function") == "http"]
    assert [each["status"] for each in called] == [200, 400]
    assert all(each["milliseconds"] > 0 and each["invocation"] for each in called)


async def test_kill_9_at_any_time_loses_no_message(tmp_path: Path):
    names = [f"m{number}" for number in range(120)]
    queue = await opened(tmp_path)
    await queue.send([Message(body=b"{}", message_id=name) for name in names])
    worker = ChildProcess(
        "worker",
        [sys.executable, "-m", "tests.management.host.worker", str(tmp_path)],
        environment={"PYTHONPATH": str(ROOT)},
        log=tmp_path / "worker.log",
        ready="ready",
    )
    try:
        for killed_after in (10, 50, 90):
            await worker.start()
            await until(lambda after=killed_after: len(lines(tmp_path / "begun")) >= after)
            await worker.kill()
        await worker.start()
        await until(lambda: set(lines(tmp_path / "done")) == set(names))
    finally:
        await worker.kill()
    begun, done = lines(tmp_path / "begun"), lines(tmp_path / "done")
    assert len(begun) > len(done), "no kill came while a function ran"
    assert (await queue.counts()).dead_letter == 0
    await queue.close()


def settings_for(folder: Path) -> Settings:
    return load_settings(data_folder=folder)


def test_a_second_host_of_one_folder_is_refused(tmp_path: Path):
    (tmp_path / FOLDER).mkdir()
    lock = HolderLock(tmp_path / FOLDER / "lock")
    assert lock.take()
    with pytest.raises(HostInUse, match="another host, process"):
        asyncio.run(serve_functions(settings_for(tmp_path), "127.0.0.1", 0))
    lock.drop()


def test_an_address_that_is_taken_is_named(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{port}: Address already in use"):
            asyncio.run(serve_functions(settings_for(tmp_path), "127.0.0.1", port))


def test_a_wrong_setting_ends_the_command_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("KOPITRA_FUNCTIONS_DRAIN_MESSAGES", "many")
    assert run_functions("127.0.0.1", 0) == WRONG_SETTINGS
    assert capsys.readouterr().err.startswith(
        "KOPITRA_FUNCTIONS_DRAIN_MESSAGES: Input should be a valid integer"
    )

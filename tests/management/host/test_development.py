"""`kopitra dev` and `kopitra token`: everything starts, is reloaded, logged as one, and gone at the end."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import cast

import psutil
import pytest
from aiohttp import ClientSession
from rich.console import Console
from typer.testing import CliRunner

from kopitra.adapters.embedded.timing import SystemSleeper
from kopitra.adapters.operator_keys import key_set_from
from kopitra.adapters.operator_tokens import OperatorRefused, OperatorTokens
from kopitra.protocol.management import Role
from kopitra_cli.adapters.log_tail import LogTail
from kopitra_cli.adapters.processes import ChildProcess, python_module
from kopitra_cli.commands import app
from kopitra_cli.dev.merged_log import MergedLog
from kopitra_cli.dev.run import Development
from kopitra_cli.dev.services import Services
from kopitra_functions.local_issuer import AUDIENCE, ISSUER
from tests.fixtures.clocks import ManualClock, clock_at_the_present

LOOK_SECONDS = 0.05
SOON = 90.0
READY = r"ready: (counterparty|functions) (http://\S+)"

pytestmark = pytest.mark.timeout(240)


class Dev:
    """`kopitra dev` in a process of its own, with what it prints."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.data = folder / "data"
        self.source = folder / "source"
        self.source.mkdir()
        self.output = folder / "dev.txt"
        ports = ("--counterparty-port", "0", "--functions-port", "0")
        arguments = ("dev", "--data", str(self.data), *ports, "--watch", str(self.source), *options)
        self.process = ChildProcess(
            "dev", python_module("kopitra_cli", *arguments), environment={}, log=self.output
        )

    @property
    def text(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    def ready(self) -> list[tuple[str, str]]:
        """Services that were told as ready, with their addresses."""
        return re.findall(READY, self.text)

    async def until_ready(self, times: int) -> dict[str, str]:
        async with asyncio.timeout(SOON):
            while len(self.ready()) < 2 * times:  # another process's doing
                assert self.process.failed is None, self.text
                await asyncio.sleep(LOOK_SECONDS)
        return dict(self.ready()[-2:])

    def children(self) -> list[psutil.Process]:
        assert self.process.pid is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def services(self) -> list[psutil.Process]:
        """The two that a change of code concerns."""
        return [
            child for child in self.children() if {"kopitra_counterparty", "functions"} & set(child.cmdline())
        ]


@pytest.fixture
async def dev(tmp_path: Path) -> AsyncGenerator[Dev]:
    dev = Dev(tmp_path, "--terminals")
    yield dev
    await dev.process.kill()


async def status_of(url: str, token: str | None = None) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with ClientSession(headers=headers) as client, client.get(url) as answer:
        return answer.status


TRADING = [
    r"^agent of (leader|fixed|small) +\S+ info +session\.open",
    r"^counterparty .*POST /signals account=leader.* status=202",
    r"^functions .* function=events ",
]
"""Lines of the merged log once the terminals' trades are copied and told to the management side."""


async def test_everything_answers_trades_is_reloaded_by_a_touch_and_leaves_nothing_behind(dev: Dev):
    await dev.process.start()
    urls = await dev.until_ready(1)
    token = CliRunner().invoke(app, ["token", "--tenant", "acme", "--data", str(dev.data)]).stdout.strip()
    assert await status_of(f"{urls['counterparty']}/trade-agent/v1/health") == 200
    assert await status_of(f"{urls['functions']}/api/admin/health") == 200
    assert await status_of(f"{urls['counterparty']}/trade-agent/v1/sessions", token) == 200
    assert await status_of(f"{urls['counterparty']}/trade-agent/v1/sessions") == 401
    async with asyncio.timeout(SOON):
        while not all(re.search(each, dev.text, re.MULTILINE) for each in TRADING):
            assert "terminals ended" not in dev.text, dev.text
            await asyncio.sleep(LOOK_SECONDS)

    before = {child.pid for child in dev.services()}
    (dev.source / "module.py").touch()
    assert await dev.until_ready(2) == urls
    children = dev.children()
    assert len(children) == 8
    assert not before & {child.pid for child in children}
    assert await status_of(f"{urls['counterparty']}/trade-agent/v1/sessions", token) == 200
    assert await status_of(f"{urls['functions']}/api/admin/health") == 200

    await dev.process.stop()
    assert dev.process.failed is None
    assert not [child for child in children if child.is_running()]
    assert len(dev.ready()) == 4
    assert dev.text.count("module.py changed") == 1
    for line in (r"^dev .*token --role", r"^counterparty .*stopped", r"^functions .*stopped"):
        assert re.search(line, dev.text, re.MULTILINE), line


class Counted:
    """Services that start when they are let, and count it."""

    all = ()
    counterparty_url = functions_url = "http://nowhere"

    def __init__(self) -> None:
        self.starts = 0
        self.let = asyncio.Event()

    async def start(self) -> None:
        self.starts += 1
        await self.let.wait()

    async def stop(self) -> None:
        """Nothing runs."""


async def test_code_that_changes_while_services_start_is_loaded_when_they_have():
    services, watched = Counted(), asyncio.Event()

    async def changes() -> AsyncIterator[list[str]]:
        yield ["one.py", "two.py"]
        yield ["one.py"]
        watched.set()
        await asyncio.Event().wait()

    console = Console(soft_wrap=True, force_terminal=False)
    with console.capture() as captured:
        development = Development(cast(Services, services), MergedLog(console, 4), SystemSleeper())
        running = asyncio.ensure_future(development.run(changes()))
        await watched.wait()
        services.let.set()
        while services.starts < 2:  # noqa: ASYNC110  # a turn of the loop at a time
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert services.starts == 2
    assert captured.get().count("one.py, two.py changed") == 1


async def check(token: str, data: Path, clock: ManualClock | None = None) -> tuple[str, str, set[Role]]:
    tokens = OperatorTokens(
        load_keys=key_set_from(str(data / "operators.jwks")),
        issuer=ISSUER,
        audience=AUDIENCE,
        clock=clock or clock_at_the_present(),
    )
    operator = await tokens.check(token)
    return operator.subject, operator.tenant, set(operator.roles)


def test_a_token_is_printed_for_whom_and_for_how_long_it_was_asked(tmp_path: Path):
    arguments = ["token", "--role", "viewer", "--role", "operator", "--tenant", "acme", "--as", "olga"]
    result = CliRunner().invoke(app, [*arguments, "--hours", "1", "--data", str(tmp_path)])
    assert result.exit_code == 0
    token = result.stdout.strip()
    assert asyncio.run(check(token, tmp_path)) == ("olga", "acme", {Role.VIEWER, Role.OPERATOR})
    clock = clock_at_the_present()
    clock.advance(3700)
    with pytest.raises(OperatorRefused):
        asyncio.run(check(token, tmp_path, clock))


def test_a_second_token_is_of_the_same_key(tmp_path: Path):
    first, second = (
        CliRunner().invoke(app, ["token", "--as", name, "--data", str(tmp_path)]) for name in ("a", "b")
    )
    assert asyncio.run(check(first.stdout.strip(), tmp_path))[0] == "a"
    assert asyncio.run(check(second.stdout.strip(), tmp_path)) == ("b", "*", {Role.ADMIN})


def test_a_key_file_that_holds_no_key_is_named(tmp_path: Path):
    (tmp_path / "issuer.key").write_text("nonsense")
    result = CliRunner().invoke(app, ["token", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "issuer.key holds no private P-256 key" in result.stderr


def printed(*lines: str) -> str:
    console = Console(soft_wrap=True, force_terminal=False)
    with console.capture() as captured:
        for line in lines:
            MergedLog(console, 12).say("counterparty", line)
    return captured.get()


def test_a_log_line_is_told_with_its_service_time_level_event_and_the_rest():
    line = '{"event":"serving","level":"warning","at":"2026-01-05T10:11:12.345678Z","epoch":2,"who":"main"}'
    assert printed(line) == "counterparty 10:11:12.345 warning serving epoch=2 who=main\n"


def test_what_is_no_json_and_what_failed_is_told_whole():
    assert printed("Traceback [1] of nothing") == "counterparty Traceback [1] of nothing\n"
    assert "boom\nat line 1" in printed('{"event":"failed","exception":"boom\\nat line 1"}')


def test_a_tail_tells_whole_lines_once(tmp_path: Path):
    file, told = tmp_path / "log", list[str]()
    file.write_text("before\n")
    tail = LogTail(file, told.append)
    with file.open("a") as output:
        output.write("one\ntw")
        output.flush()
        assert tail.look()
        output.write("o\n")
    assert tail.look()
    assert not tail.look()
    assert told == ["one", "two"]

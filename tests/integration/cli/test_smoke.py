"""`kopitra smoke`: passes against a real counterparty, names what is wrong with a broken one, and trades nothing."""

import asyncio
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession, web
from typer.testing import CliRunner

from kopitra.application.submission import Phase, Taken
from kopitra.application.tokens import code_hash
from kopitra.domain.identifiers import AccountId, SubscriptionId
from kopitra.machine import commands
from kopitra_cli.commands import app
from kopitra_counterparty.bootstrap import open_ports
from kopitra_counterparty.service import Service
from tests.integration.counterparty.server import Server, settings_for
from tests.unit.copying.world import GROUP, TENANT
from tests.unit.machine.driven import SAME

ACCOUNT = "smoke-test"
CODE = "a code that works once"
APPROVED_LATER = "needs-approval"
FOLLOWER = "follower-of-it"
pytestmark = pytest.mark.timeout(120)


async def configure(folder: Path) -> None:
    """Accounts with an unused code each: one has a follower by mistake, one waits for approval."""
    ports = await open_ports(settings_for(folder))
    service = Service(settings_for(folder), ports)
    service.start()
    while service.core.engine.phase is not Phase.SERVING:  # noqa: ASYNC110  # once, in a test's preparation
        await asyncio.sleep(0.01)
    wanted: list[commands.Command] = [
        commands.PublishAccount(
            account=AccountId(name),
            tenant=TENANT,
            revision=1,
            enrolment_code_hash=code_hash(f"{CODE} of {name}"),
            requires_approval=name == APPROVED_LATER,
        )
        for name in (ACCOUNT, APPROVED_LATER, FOLLOWER)
    ]
    wanted.append(
        commands.PublishGroup(group=GROUP, tenant=TENANT, revision=1, leaders=(AccountId(ACCOUNT),))
    )
    wanted.append(
        commands.PublishSubscription(
            subscription=SubscriptionId("sub"),
            tenant=TENANT,
            revision=1,
            group=GROUP,
            follower=AccountId(FOLLOWER),
            rules=SAME,
        )
    )
    for outcome in await service.core.engine.submit(wanted):
        assert isinstance(outcome, Taken), outcome
    await service.stop()
    await ports.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    folder = tmp_path / "data"
    folder.mkdir()
    await configure(folder)
    running = await Server(folder).serving()
    yield running
    await running.end()


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


async def smoke(url: str, *options: str, **variables: str) -> Done:
    """The command in this process."""
    empty = {name: None for name in os.environ if name.startswith("KOPITRA_")}
    given = {**empty, **variables}
    result = await asyncio.to_thread(CliRunner().invoke, app, ["smoke", url, *options], env=given)
    return Done(result.exit_code, result.stdout, result.stderr)


async def smoke_process(url: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KOPITRA_")}
    command = [sys.executable, "-m", "kopitra_cli", "smoke", url, *options]
    return await asyncio.to_thread(
        subprocess.run,
        command,
        env={**inherited, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


async def test_an_ea_enrols_once_and_comes_again_with_its_secret(server: Server, tmp_path: Path) -> None:
    kept = tmp_path / "secret"
    options = ("--account", ACCOUNT, "--secret-file", str(kept), "--build", "development")

    first = await smoke_process(address(server), *options, KOPITRA_SMOKE_CODE=f"{CODE} of {ACCOUNT}")
    again = await smoke(address(server), *options)

    assert first.returncode == 0, first.stdout + first.stderr
    for step in (
        "health",
        "openapi",
        "enrolment",
        "session",
        "signal on paper",
        "replay",
        "outbox",
        "release",
    ):
        assert step in first.stdout
    assert again.returncode == 0, again.stdout + again.stderr
    assert "enrolment" not in again.stdout
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_text() not in first.stdout + again.stdout


async def test_nothing_of_a_visit_can_be_traded_even_where_the_account_leads(server: Server) -> None:
    await smoke(address(server), "--account", ACCOUNT, KOPITRA_SMOKE_CODE=f"{CODE} of {ACCOUNT}")
    await server.end()
    ports = await open_ports(settings_for(server.folder))
    service = Service(settings_for(server.folder), ports)
    service.start()
    while service.core.engine.phase is not Phase.SERVING:  # noqa: ASYNC110  # once, to look at the books
        await asyncio.sleep(0.01)
    accounts = service.core.engine.state.accounts
    assert accounts[AccountId(ACCOUNT)].leading.positions == {}
    for name in (ACCOUNT, FOLLOWER):
        assert [item for item in accounts[AccountId(name)].outbox.values() if item.order is not None] == []
    await service.stop()
    await ports.close()


@pytest.mark.parametrize(
    ("options", "variables", "sentence"),
    [
        (("--build", "another"), {}, "health: the build development serves, and another was expected"),
        ((), {"KOPITRA_SMOKE_SECRET": "wrong"}, "session: expected 201, and it answered 401"),
        ((), {"KOPITRA_SMOKE_CODE": "wrong"}, "enrolment: expected 201, and it answered"),
        (
            ("--account", APPROVED_LATER),
            {"KOPITRA_SMOKE_CODE": f"{CODE} of {APPROVED_LATER}"},
            "session: the session is pending: an operator must approve the account first",
        ),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence(
    server: Server, options: tuple[str, ...], variables: dict[str, str], sentence: str
) -> None:
    given = {"KOPITRA_SMOKE_ACCOUNT": ACCOUNT, "KOPITRA_SMOKE_SECRET": "unused", **variables}
    if "KOPITRA_SMOKE_CODE" in variables:
        del given["KOPITRA_SMOKE_SECRET"]

    done = await smoke(address(server), *options, **given)

    assert done.returncode == 1
    assert f"✗ {sentence}" in done.stdout
    assert "not tried" in done.stdout


async def test_a_standby_is_told_from_a_server(server: Server) -> None:
    standby = await Server(server.folder, instance="two").listening()
    try:
        done = await smoke(address(standby), "--without-account")
    finally:
        await standby.end()
    assert done.returncode == 1
    assert "✗ health: expected 200, and it answered 503" in done.stdout


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Broken:
    """In front of a real counterparty, with one answer spoilt."""

    def __init__(self, real: Server, spoil: Callable[[str, int, bytes, dict[str, str]], Any]) -> None:
        self.real = real
        self.spoil = spoil
        self.seen: dict[str, int] = {}
        self.port = 0

    async def __aenter__(self) -> "Broken":
        passing = web.Application()
        passing.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(passing)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        place = request.path.removeprefix("/trade-agent/v1")
        self.seen[place] = self.seen.get(place, 0) + 1
        async with (
            ClientSession() as client,
            client.request(
                request.method,
                f"{address(self.real)}{request.path_qs}",
                headers={name: value for name, value in request.headers.items() if name != "Host"},
                data=await request.read(),
            ) as answer,
        ):
            kept = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() in ("content-type", "idempotent-replayed")
            }
            status, body, headers = self.spoil(
                f"{place} {self.seen[place]}", answer.status, await answer.read(), kept
            )
        return web.Response(status=status, body=body, headers=headers)


def spoilt(place: str, **changes: Any) -> Callable[[str, int, bytes, dict[str, str]], Any]:
    """`place`: `/route n`, the n-th call of a route. `status`, `members` of the body, or headers to `drop`."""

    def spoil(seen: str, status: int, body: bytes, headers: dict[str, str]) -> Any:
        if seen != place:
            return status, body, headers
        if "members" in changes:
            body = msgspec.json.encode({**msgspec.json.decode(body), **changes["members"]})
        left = {name: value for name, value in headers.items() if name.lower() not in changes.get("drop", ())}
        return changes.get("status", status), changes.get("body", body), left

    return spoil


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            spoilt("/signals 2", drop=("idempotent-replayed",)),
            "replay: the second answer does not say Idempotent-Replayed: the intent was taken twice",
        ),
        (
            spoilt("/signals 2", members={"sequence": 999_999}),
            "replay: the same request was answered otherwise the second time",
        ),
        (
            spoilt("/signals 1", body=b"<html>", status=502),
            "signal on paper: expected 202, and it answered 502",
        ),
        (spoilt("/signals 1", members={"status": "deferred"}), "a new intent was deferred, not accepted"),
        (
            spoilt("/sessions/current/outbox 1", members={"journalId": "another"}),
            "outbox: the journal is another",
        ),
        (
            spoilt("/sessions/current/outbox 2", status=200),
            "release: the token still works after the release",
        ),
        (spoilt("/openapi.json 1", members={"paths": {}}), "openapi: the document knows no /sessions"),
        (spoilt("/sessions/current/inbox 1", members={"accepted": 2}), "inbox: 2 of 3 events were taken"),
    ],
)
async def test_a_counterparty_that_breaks_the_protocol_is_caught(
    server: Server, spoil: Callable[[str, int, bytes, dict[str, str]], Any], sentence: str
) -> None:
    async with Broken(server, spoil) as broken:
        done = await smoke(
            f"http://127.0.0.1:{broken.port}",
            "--account",
            ACCOUNT,
            KOPITRA_SMOKE_CODE=f"{CODE} of {ACCOUNT}",
        )

    assert done.returncode == 1
    assert sentence in done.stdout
    if "release" not in sentence and "openapi" not in sentence:
        assert broken.seen["/sessions/current/release"] == 1, "the lease was not given back"


async def test_nobody_there_is_a_failure_and_not_a_traceback() -> None:
    done = await smoke("http://127.0.0.1:1", "--without-account", "--timeout", "2")

    assert done.returncode == 1
    assert "health: GET /health: not reached" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("http://counterparty.example.com", "--without-account"),
            "is not encrypted: secrets go to https only",
        ),
        (("counterparty.example.com", "--without-account"), "is no address"),
        (("https://counterparty.example.com",), "--account (or KOPITRA_SMOKE_ACCOUNT) is needed"),
        (("https://counterparty.example.com", "--account", "a"), "a one-time code"),
        (("https://x.example.com", "--account", "a", "--code-file", "/nowhere"), "No such file or directory"),
    ],
)
async def test_what_was_not_asked_properly_is_refused_before_anything_is_sent(
    arguments: tuple[str, ...], sentence: str
) -> None:
    done = await smoke(*arguments)

    assert done.returncode == 2
    assert sentence in done.stderr

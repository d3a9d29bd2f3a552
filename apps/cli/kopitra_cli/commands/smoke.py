"""`kopitra smoke URL`: is this counterparty one that an EA could trade with?"""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Never
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.table import Table

from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.timing import SystemClock, SystemSleeper
from kopitra_agent.adapters.http import HttpTransport
from kopitra_cli.adapters.smoke_secrets import CODE, SECRET, SecretUnreadable, SmokeSecrets
from kopitra_cli.smoke.steps import Credentials, Visit
from kopitra_cli.smoke.visiting import Outcome, visit
from kopitra_cli.smoke.visitor import Visitor

EXIT_FAILED = 1
EXIT_REFUSED = 2
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
PLAIN_WIDTH = 150
"""Of tables where there is no terminal to fit them into."""
DEVICE = "smoke"


def smoke(
    url: Annotated[str, typer.Argument(help="Scheme and host, perhaps a port: https://…")],
    account: Annotated[
        str | None, typer.Option(envvar="KOPITRA_SMOKE_ACCOUNT", help="One of its own, in no copy group.")
    ] = None,
    secret_file: Annotated[
        Path | None,
        typer.Option(
            envvar="KOPITRA_SMOKE_SECRET_FILE",
            help=f"Holds the device's secret, and takes what an enrolment gives. Or {SECRET}.",
        ),
    ] = None,
    code_file: Annotated[
        Path | None,
        typer.Option(envvar="KOPITRA_SMOKE_CODE_FILE", help=f"Holds a one-time code. Or {CODE}."),
    ] = None,
    build: Annotated[str | None, typer.Option(help="The build that must serve.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, max=120, help="Seconds for each call.")] = 10.0,
    patience: Annotated[float, typer.Option(min=0, max=3600, help="Seconds until it must serve.")] = 0.0,
    without_account: Annotated[bool, typer.Option(help="Only what needs no account.")] = False,
) -> None:
    """Visit a counterparty as an EA would, step by step, on paper: nothing is ever traded.

    Health, OpenAPI, enrolment (with a code), session, heartbeat, catalogue and snapshot, a signal on paper, its replay,
    outbox, release. Secrets come from the environment or from files, never from arguments. The exit code is 0 where all
    passed, 1 where a step failed, 2 where it was not asked properly.
    """
    _require_encryption(url)
    secrets = SmokeSecrets(secret_file, code_file)
    credentials = None if without_account else _credentials(account, secrets)
    outcomes = asyncio.run(_visited(url, credentials, build, timeout, patience, secrets))
    console = Console() if sys.stdout.isatty() else Console(width=PLAIN_WIDTH)
    console.print(_table(outcomes))
    failed = next((outcome for outcome in outcomes if not outcome.passed), None)
    if failed is not None:
        console.print(f"✗ {failed.step}: {failed.told}", markup=False, highlight=False)
        raise typer.Exit(EXIT_FAILED)
    console.print(f"✓ {url} serves", markup=False, highlight=False)


async def _visited(
    url: str,
    credentials: Credentials | None,
    build: str | None,
    timeout: float,  # noqa: ASYNC109 — of each call
    patience: float,
    secrets: SmokeSecrets,
) -> list[Outcome]:
    transport, clock = HttpTransport(url), SystemClock()
    try:
        account = credentials.account if credentials is not None else None
        visitor = Visitor(transport, account=account, timeout=timeout)
        plan = Visit(
            visitor, clock, SystemIds(), credentials=credentials, build=build, keep_secret=secrets.keep
        )
        return await visit(plan, clock, SystemSleeper(), patience=patience)
    finally:
        await transport.close()


def _credentials(account: str | None, secrets: SmokeSecrets) -> Credentials:
    """A secret that is there goes before a code: that one works once."""
    if account is None:
        _refuse("--account (or KOPITRA_SMOKE_ACCOUNT) is needed, or --without-account")
    try:
        if secret := secrets.secret():
            return Credentials(account, DEVICE, secret=secret)
        code = secrets.code()
    except SecretUnreadable as problem:
        _refuse(str(problem))
    if code is None:
        _refuse(f"a one-time code ({CODE}, --code-file) or a secret ({SECRET}, --secret-file) is needed")
    return Credentials(account, DEVICE, code=code)


def _require_encryption(url: str) -> None:
    parts = urlsplit(url)
    if parts.hostname is None or parts.scheme not in ("http", "https"):
        _refuse(f"{url} is no address: https://…")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        _refuse(f"{url} is not encrypted: secrets go to https only")


def _refuse(sentence: str) -> Never:
    typer.echo(sentence, err=True)
    raise typer.Exit(EXIT_REFUSED)


def _table(outcomes: list[Outcome]) -> Table:
    table = Table()
    for name, side in (("step", "left"), ("ms", "right"), ("", "left"), ("seen", "left")):
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    for outcome in outcomes:
        took = "" if outcome.milliseconds is None else f"{outcome.milliseconds:.0f}"
        mark = "✓" if outcome.passed else "–" if outcome.milliseconds is None else "✗"
        table.add_row(outcome.step, took, mark, outcome.told)
    return table

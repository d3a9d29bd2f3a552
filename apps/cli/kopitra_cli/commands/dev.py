"""`kopitra dev`: the platform on this machine for whoever works on it."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kopitra_cli.commands.functions import PORT as FUNCTIONS_PORT

COUNTERPARTY_PORT = 8080


def dev(
    data: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path("data"),
    counterparty_port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 takes a free one.")
    ] = COUNTERPARTY_PORT,
    functions_port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 takes a free one.")
    ] = FUNCTIONS_PORT,
    terminals: Annotated[
        bool, typer.Option(help="Also a leader and two followers with virtual terminals.")
    ] = False,
    watch: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True, help="Reload when Python files below change; default: the services' packages."
        ),
    ] = None,
) -> None:
    """Run counterparty and functions on one data folder, with reload and one merged log, until Ctrl-C."""
    from kopitra_cli.adapters.development import Plan, run_development  # noqa: PLC0415  # a second of imports

    plan = Plan(
        data=data,
        counterparty_port=counterparty_port,
        functions_port=functions_port,
        watched=tuple(watch or ()),
        terminals=terminals,
    )
    console = Console() if sys.stdout.isatty() else Console(soft_wrap=True, force_terminal=False)
    raise typer.Exit(run_development(plan, console))

"""`kopitra functions`: the management side on this machine, without Azure's Functions host."""

from typing import Annotated

import typer

PORT = 7071
"""That of Azure's Core Tools."""


def functions(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = PORT,
    schedule: Annotated[
        list[str] | None,
        typer.Option(metavar="TIMER=NCRONTAB", help="When a timer runs here instead; again for another."),
    ] = None,
) -> None:
    """Run the functions of the management side: HTTP, queues and timers, until told to stop.

    Settings come from the environment and `.env` (KOPITRA_FUNCTIONS_…, see apps/functions/.env.sample).
    """
    from kopitra_cli.adapters.functions_process import run_functions  # noqa: PLC0415  # a second of imports

    raise typer.Exit(run_functions(host, port, schedule or ()))

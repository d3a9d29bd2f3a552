"""`kopitra demo`: a whole platform on this machine, a leader's history, and a verdict."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from kopitra.simulation.histories.sample import sample_history
from kopitra.simulation.statements import StatementError, read_statement
from kopitra.simulation.timeline import Timeline
from kopitra_cli.adapters.history_rows import HistoryPlant
from kopitra_cli.bootstrap import run_demo
from kopitra_cli.demo.planting import Plant
from kopitra_cli.demo.theatre import Programme

EXIT_REFUSED = 2
PLAIN_WIDTH = 120
"""Of tables where there is no terminal to fit them into."""


def demo(  # noqa: PLR0913 - an option each
    statement: Annotated[
        Path | None,
        typer.Option(envvar="STATEMENT", help="A real statement to replay; without one, a made-up history."),
    ] = None,
    timezone: Annotated[
        str, typer.Option(envvar="STATEMENT_TIMEZONE", help="The time zone of the statement's server.")
    ] = "UTC",
    chaos: Annotated[
        bool, typer.Option(envvar="CHAOS", help="Kill and restart everything at random meanwhile.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(envvar="SEED", help="Of the chaos; printed in any case.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="The leader stops after so long; what was played is judged.")
    ] = None,
    events: Annotated[int | None, typer.Option(min=2, help="Only so many of the leader's events.")] = None,
    plant: Annotated[
        list[Plant] | None,
        typer.Option(help="Plant one wrong trade, which the verdict must find; again for the next follower."),
    ] = None,
    plant_history: Annotated[
        list[HistoryPlant] | None,
        typer.Option(help="Spoil a row of history in SQL, which the verdict must find; again for more."),
    ] = None,
    keep: Annotated[bool, typer.Option(help="Keep the folder with everything that was written.")] = False,
) -> None:
    """Replay a leader's history to five followers with different rules, and judge what reached them.

    Expected comes from an independent reference, actual from the brokers' own records; any difference is an exit code
    of 1.
    """
    console = Console() if sys.stdout.isatty() else Console(width=PLAIN_WIDTH)
    timeline = _timeline(statement, timezone)
    if events is not None:
        timeline = msgspec.structs.replace(timeline, events=timeline.events[:events])
    programme = Programme(
        chaos=chaos,
        seed=seed,
        play_seconds=seconds,
        plants=tuple(plant or ()),
        history_plants=tuple(plant_history or ()),
        keep=keep,
    )
    raise typer.Exit(run_demo(timeline, programme, console))


def _timeline(statement: Path | None, timezone: str) -> Timeline:
    if statement is None:
        return sample_history()
    try:
        return read_statement(statement.read_bytes(), timezone)
    except (OSError, StatementError, ValueError) as refusal:
        typer.echo(f"{statement}: {refusal}", err=True)
        raise typer.Exit(EXIT_REFUSED) from None

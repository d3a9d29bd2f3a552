"""`kopitra statement FILE`: what a statement holds, once it has been read as a leader's timeline."""

from pathlib import Path
from typing import Annotated

import typer

from kopitra.simulation.statements import StatementError, read_statement
from kopitra_cli.statement_summary import summary_of, summary_table

EXIT_REFUSED = 1


def statement(
    file: Annotated[Path, typer.Argument(help="An MT4 statement (HTML) or a signal's history (CSV).")],
    timezone: Annotated[
        str, typer.Option(help="The server's time zone: an IANA name or an offset like +03:00.")
    ] = "UTC",
) -> None:
    """Import a statement and print a summary: events, symbols, period, balance operations, sums."""
    try:
        timeline = read_statement(file.read_bytes(), timezone)
    except (OSError, StatementError, ValueError) as refusal:
        typer.echo(f"{file}: {refusal}", err=True)
        raise typer.Exit(EXIT_REFUSED) from None
    for line in summary_table(summary_of(timeline)):
        typer.echo(line)

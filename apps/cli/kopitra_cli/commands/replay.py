"""`kopitra replay`: what followers would have made of a leader's history."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Never

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kopitra.adapters.reports.html import report_html
from kopitra.simulation.statements import StatementError, read_statement
from kopitra.simulation.statements.times import zone_named
from kopitra.simulation.whatif.conversions import RatesMissing
from kopitra.simulation.whatif.plan import WhatIfPlan
from kopitra.simulation.whatif.result import WhatIfResult, encode_result
from kopitra.simulation.whatif.run import CurrencyUnknown, HistoryEmpty, what_if
from kopitra.simulation.whatif.ticks import TicksInvalid
from kopitra_cli.configuration.problems import ConfigurationInvalid
from kopitra_cli.whatif.quotes import QuotesUnclear, tick_files
from kopitra_cli.whatif.settings import read_plan, together
from kopitra_cli.whatif.tables import tables_of
from kopitra_cli.whatif.writing import write_all

EXIT_REFUSED = 2
PLAIN_WIDTH = 150
"""Of tables where there is no terminal to fit them into."""


def replay(
    statement: Annotated[
        Path, typer.Option(help="The leader's: an MT4 statement (HTML) or a signal's history (CSV).")
    ],
    settings: Annotated[
        list[Path], typer.Option(help="A YAML file of followers and their rules; again for more to compare.")
    ],
    ticks: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[WHOSE=]FILE",
            help="Real quotes, CSV or a zip of them; WHOSE: leader, followers, all, or a follower's name.",
        ),
    ] = None,
    timezone: Annotated[
        str, typer.Option(help="Of the statement's server: an IANA name or an offset like +03:00.")
    ] = "UTC",
    ticks_timezone: Annotated[str, typer.Option(help="Of the quotes' times that name none.")] = "UTC",
    json: Annotated[Path | None, typer.Option(help="Write the whole result as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report with charts, one file.")] = None,
) -> None:
    """Replay a leader's real history to followers that never were: what would they have made of it?

    The platform's own core decides, simulated brokers execute, and the clock is the history's: a year takes seconds.
    The same inputs give the same JSON, byte for byte.
    """
    plan = _plan(settings)
    for output in (json, html):
        if output is not None and not output.parent.is_dir():
            _refuse(f"{output}: there is no folder {output.parent}")
    result = _result(statement, plan, ticks or [], timezone, ticks_timezone)
    contents: dict[Path, bytes] = {}
    if json is not None:
        contents[json] = encode_result(result)
    if html is not None:
        contents[html] = report_html(result, statement.name).encode()
    try:
        write_all(contents)
    except OSError as error:
        _refuse(f"{error.filename}: {error.strerror}")
    console = Console() if sys.stdout.isatty() else Console(width=PLAIN_WIDTH)
    console.print(tables_of(result))
    for note in result.notes:
        console.print(f"note: {note}", markup=False, highlight=False)
    for path in contents:
        console.print(f"written: {path}", markup=False, highlight=False)


def _plan(files: list[Path]) -> WhatIfPlan:
    try:
        return together(
            [(str(file), read_plan(file.read_text(encoding="utf-8"), str(file))) for file in files]
        )
    except ConfigurationInvalid as refusal:
        _refuse(str(refusal))
    except UnicodeDecodeError as error:
        _refuse(f"not UTF-8 text: {error.reason} at byte {error.start}")
    except OSError as error:
        _refuse(f"{error.filename}: {error.strerror}")


def _result(
    statement: Path, plan: WhatIfPlan, ticks: list[str], timezone: str, ticks_timezone: str
) -> WhatIfResult:
    try:
        timeline = read_statement(statement.read_bytes(), timezone, spread_points=plan.spread_points)
    except (StatementError, ValueError) as refusal:
        _refuse(f"{statement}: {refusal}")
    except OSError as error:
        _refuse(f"{statement}: {error.strerror}")
    try:
        files = tick_files(ticks, list(plan.followers), zone_named(ticks_timezone))
        with _progress() as tell:
            return what_if(timeline, plan, files, tell)
    except (HistoryEmpty, CurrencyUnknown) as refusal:
        _refuse(f"{statement}: {refusal}")
    except (RatesMissing, TicksInvalid, QuotesUnclear, StatementError) as refusal:
        _refuse(str(refusal))
    except OSError as error:
        _refuse(f"{error.filename}: {error.strerror}")


@contextmanager
def _progress() -> Generator[Callable[[int, int, datetime], None]]:
    """A bar on the terminal; nothing where the output goes into a file."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("replaying", total=None)

        def tell(done: int, total: int, at: datetime) -> None:
            bar.update(task, completed=done, total=total, description=f"replaying {at:%Y-%m-%d}")

        yield tell


def _refuse(sentence: str) -> Never:
    typer.echo(sentence, err=True)
    raise typer.Exit(EXIT_REFUSED)

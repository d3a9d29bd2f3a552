"""`kopitra apply FILE`: publish a configuration file to a counterparty, or refuse it whole."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from kopitra.application.ports.queue import QueueError
from kopitra_cli.adapters.commands_queue import commands_queue, issue_of
from kopitra_cli.configuration.document import read_document
from kopitra_cli.configuration.operations import messages_of, operations_of, told
from kopitra_cli.configuration.problems import ConfigurationInvalid

EXIT_REFUSED = 1


def apply(
    file: Annotated[Path, typer.Argument(help="A YAML file: tenant, accounts, groups, subscriptions …")],
    queue: Annotated[
        Path,
        typer.Option(
            envvar="KOPITRA_QUEUE_FILE", help="The file that holds the queue `trade-agent-commands`."
        ),
    ] = Path("data/queues.sqlite"),
    issued_by: Annotated[str, typer.Option("--as", envvar="USER", help="Who answers for it.")] = "operator",
    revision: Annotated[
        int | None, typer.Option(min=1, help="Revision of all of it; default: milliseconds since 1970.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Check and show what would be sent.")] = False,
) -> None:
    """Publish accounts, groups, subscriptions, halts and approvals from a readable file.

    The whole file is checked first; a mistake anywhere is told with its line, and nothing is sent.
    """
    try:
        document = read_document(_text_of(file), str(file))
        operations = operations_of(document, issue_of(issued_by, revision))
        messages = messages_of(operations)
        if not dry_run:
            asyncio.run(commands_queue(queue).send(messages))
    except (ConfigurationInvalid, QueueError) as refusal:
        typer.echo(str(refusal), err=True)
        raise typer.Exit(EXIT_REFUSED) from None
    for operation in operations:
        typer.echo(told(operation))
    revisions = f"revision {operations[0].revision}" if operations else "nothing to publish"
    done = "checked" if dry_run else f"sent to {queue}"
    typer.echo(f"{len(operations)} operations {done}, {revisions}")


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        typer.echo(f"{file}: {error.strerror}", err=True)
    except UnicodeDecodeError as error:
        typer.echo(f"{file}: not UTF-8 text: {error.reason} at byte {error.start}", err=True)
    raise typer.Exit(EXIT_REFUSED)

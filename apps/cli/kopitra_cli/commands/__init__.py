"""The commands of `kopitra`, one file each."""

import typer

from kopitra_cli.commands.apply import apply
from kopitra_cli.commands.demo import demo
from kopitra_cli.commands.dev import dev
from kopitra_cli.commands.functions import functions
from kopitra_cli.commands.replay import replay
from kopitra_cli.commands.smoke import smoke
from kopitra_cli.commands.statement import statement
from kopitra_cli.commands.token import token

app = typer.Typer(
    help="Kopitra: a leader's trades, copied to every follower exactly once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command()(replay)
app.command()(apply)
app.command()(statement)
app.command()(functions)
app.command()(token)
app.command()(dev)
app.command()(smoke)

__all__ = ["app"]

"""`kopitra token`: an operator's access token for services on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from kopitra.adapters.embedded.timing import SystemClock
from kopitra.protocol.management import Role

EXIT_REFUSED = 1
SECONDS_OF_AN_HOUR = 3600


def token(
    role: Annotated[list[Role] | None, typer.Option(help="What it grants; again for more.")] = None,
    tenant: Annotated[str, typer.Option(help="Whose operator; * for the whole platform.")] = "*",
    subject: Annotated[str, typer.Option("--as", envvar="USER", help="Who it is.")] = "operator",
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 31, help="How long it lasts.")] = 8.0,
    data: Annotated[
        Path, typer.Option(envvar="KOPITRA_FUNCTIONS_DATA_FOLDER", help="The services' data folder.")
    ] = Path("data"),
) -> None:
    """Print an operator's token, signed with the data folder's own key (for development only).

    The services of `kopitra dev` take it. Others need the folder's operators.jwks as their OPERATOR_JWKS.
    """
    from kopitra_cli.dev.identity import issuer_in  # noqa: PLC0415  # half a second of imports
    from kopitra_functions.local_issuer import LocalKeyUnusable  # noqa: PLC0415

    try:
        issuer = issuer_in(data, SystemClock())
    except (LocalKeyUnusable, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_REFUSED) from None
    roles = role or [Role.ADMIN]
    typer.echo(issuer.token(subject, tenant=tenant, roles=roles, seconds=hours * SECONDS_OF_AN_HOUR))

"""`tandem token`: a token of the local development issuer."""

from pathlib import Path
from typing import Annotated

import typer

from local.errors import CannotStart
from local.identity import DEFAULT_TTL_SECONDS, Issuer, Role
from local.settings import Settings
from local.state import Var
from tandem.session import ExitCode, fail

EPILOG = """
Examples:

  curl -H "Authorization: Bearer $(tandem token --role boss)" http://127.0.0.1:8080/v1/kpis

  tandem token --role sales_rep --team EAST --ttl 600

  tandem token --role partner --source /partners/webshop

Exit codes: 0 printed, 2 wrong use, or var/ cannot be written.

Development only: a service with ENVIRONMENT=production refuses this issuer.
"""


def token(
    *,
    role: Annotated[list[Role], typer.Option(help="What the holder may do; may be repeated.")],
    team: Annotated[
        list[str] | None,
        typer.Option(help="Code of a team whose rows the holder sees; default: all teams."),
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option(help="For partners: a source whose events they publish.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Who it is; default: made of the roles.")
    ] = None,
    ttl: Annotated[int, typer.Option(min=1, help="Seconds it is valid.")] = DEFAULT_TTL_SECONDS,
    var: Annotated[Path | None, typer.Option("--var", help="The stack's var/.")] = None,
) -> None:
    """Print a token of the development issuer, for calls to the gateway of `make up`."""
    try:
        place = Var(Settings.load(var=var).var.absolute())
    except CannotStart as refusal:
        fail(str(refusal), ExitCode.UNUSABLE)
    issuer = Issuer(place.identity)
    try:
        issuer.ensure_key()
    except OSError as error:
        fail(f"{place.identity} cannot be written: {error.strerror}", ExitCode.UNUSABLE)
    typer.echo(
        issuer.token(
            [str(name) for name in role],
            subject=subject,
            teams=team or ["*"],
            sources=source or [],
            ttl_seconds=ttl,
        )
    )

"""`tandem import`: a company's files, by its own mapping, through the public API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tandem.session import JsonOption, TokenOption, UrlOption

_FILES = "files"

EPILOG = """
Examples:

  tandem import --mapping docs/guides/imports/crm_sales.yaml ../shared/data/crm_sales

  tandem import --mapping my.yaml exports/ --dry-run

  tandem import types                                     what can be imported as events

  tandem import template order.paid > orders.yaml         a mapping to begin with

Ready mappings and how to write one: docs/guides/imports/README.md.

Exit codes: 0 all rows taken, 1 refused, 2 mapping or file unusable, 3 some rows refused,
4 no gateway.
"""


class _FilesUnlessNamed(TyperGroup):
    """`tandem import FOLDER …` is `tandem import files FOLDER …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = [_FILES, *args]
        return super().parse_args(ctx, args)


imports = typer.Typer(
    cls=_FilesUnlessNamed,
    no_args_is_help=True,
    help="Import CSV files by a mapping: into the services, or as events of any type that "
    "partners send.",
    epilog=EPILOG,
)


@imports.command(_FILES, epilog=EPILOG)
def import_files(
    folder: Annotated[Path, typer.Argument(help="Folder that holds the files.")],
    *,
    mapping: Annotated[Path, typer.Option(help="The mapping (YAML) that explains the files.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every row, change nothing.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Where refused rows are written as CSV; default: MAPPING.refused.csv in FOLDER."
        ),
    ] = None,
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Import files through the gateway (the default). Again, also after a kill, doubles nothing."""
    from tandem.importing import command  # noqa: PLC0415  see there

    command.import_by(mapping, folder, dry=dry_run, report=report, json=json, url=url, token=token)


@imports.command("types", epilog="Example: tandem import types")
def list_types(*, json: JsonOption = False) -> None:
    """List the types of events that files can bring in."""
    from tandem.importing import command  # noqa: PLC0415  see there

    command.print_types(json=json)


@imports.command(epilog="Example: tandem import template order.paid > orders.yaml")
def template(
    event: Annotated[str, typer.Argument(help="A type of `tandem import types`.")],
    *,
    time_zone: Annotated[
        str, typer.Option("--time-zone", help="IANA zone of the file's days.")
    ] = "Asia/Shanghai",
    source: Annotated[str, typer.Option(help="Who says so.")] = "/partners/files",
) -> None:
    """Print a mapping to begin with, and the header of its CSV file."""
    from tandem.importing import command  # noqa: PLC0415  see there

    command.print_template(event, time_zone=time_zone, source=source)

"""`tandem import`: a company's files, by its own mapping, through the public API."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text
from typer.core import TyperGroup

from tandem.importing.contracts import UnknownType, contract_of, contracts
from tandem.importing.mapping import MappingInvalid, load_mapping
from tandem.importing.patience import PatientGateway
from tandem.importing.run import Run
from tandem.importing.sender import Tally
from tandem.importing.table import FileUnusable, Refusal
from tandem.importing.template import template_of
from tandem.progress import StepProgress
from tandem.session import (
    ExitCode,
    JsonOption,
    TokenOption,
    UrlOption,
    fail,
    gateway_session,
    say_json,
    screen,
)

_SHOWN_REFUSALS = 20
_ROLES = ("importer", "partner")
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
    console = screen(stderr=json)
    try:
        plan = load_mapping(mapping)
    except MappingInvalid as error:
        for line in error.lines:
            console.print(Text.assemble((str(error.path), "red"), f": {line}"))
        raise typer.Exit(ExitCode.UNUSABLE) from error
    if report:
        _check_writable(report)
    sources = [plan.source] if plan.source else []
    with (
        gateway_session(url, token, roles=_ROLES, sources=sources) as gateway,
        StepProgress(console) as progress,
    ):
        run = Run.of(plan, folder, gateway=PatientGateway(gateway, progress), dry=dry_run)
        try:
            tallies = list(run.steps())
        except FileUnusable as error:
            fail(str(error), ExitCode.UNUSABLE)
    if json:
        say_json([_as_json(tally) for tally in tallies])
    else:
        _print_tallies(console, tallies, dry_run=dry_run)
    if any(tally.refusals for tally in tallies):
        place = report or folder / f"{mapping.stem}.refused.csv"
        _write_report(place, tallies, console)
        raise typer.Exit(ExitCode.ROWS_REFUSED)


@imports.command("types", epilog="Example: tandem import types")
def list_types(*, json: JsonOption = False) -> None:
    """List the types of events that files can bring in."""
    if json:
        say_json([{"event": one.name, "means": one.means} for one in contracts()])
        return
    table = RichTable()
    table.add_column("event", no_wrap=True)
    table.add_column("means")
    for one in contracts():
        table.add_row(one.name, one.means)
    screen().print(table)


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
    try:
        contract = contract_of(event)
    except UnknownType as error:
        fail(str(error), ExitCode.UNUSABLE)
    typer.echo(template_of(contract, time_zone=time_zone, source=source), nl=False)


def _print_tallies(console: Console, tallies: list[Tally], *, dry_run: bool) -> None:
    print_tallies(console, tallies, title="Would be imported" if dry_run else "Imported")
    refusals = [refusal for tally in tallies for refusal in tally.refusals]
    for refusal in refusals[:_SHOWN_REFUSALS]:
        console.print(
            Text.assemble(
                (f"{refusal.file}:{refusal.line}", "red"),
                f" {refusal.field}: {refusal.reason} → {refusal.mend}",
            )
        )
    if len(refusals) > _SHOWN_REFUSALS:
        console.print(f"… and {len(refusals) - _SHOWN_REFUSALS} more")


def print_tallies(console: Console, tallies: list[Tally], *, title: str) -> None:
    """One line a collection: what was created, updated, there already, refused."""
    table = RichTable(title=title, title_justify="left")
    table.add_column("collection")
    for name in ("created", "updated", "unchanged", "refused"):
        table.add_column(name, justify="right")
    for tally in tallies:
        counts = (tally.created, tally.updated, tally.unchanged, len(tally.refusals))
        table.add_row(tally.collection, *(f"{count:,}" for count in counts))
    console.print(table)


def _check_writable(path: Path) -> None:
    # Before the first row is sent: a refusal that is told nowhere could not be mended.
    try:
        path.open("a").close()
    except OSError as error:
        fail(f"{path}: cannot be written ({error.strerror})", ExitCode.UNUSABLE)


def _write_report(path: Path, tallies: list[Tally], console: Console) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("collection", "file", "line", "field", "reason", "mend"))
            for tally in tallies:
                for refusal in tally.refusals:
                    writer.writerow((tally.collection, *_cells(refusal)))
    except OSError as error:
        console.print(f"{path}: cannot be written ({error.strerror}); say --report FILE")
    else:
        console.print(f"All refused rows: {path}")


def _cells(refusal: Refusal) -> tuple[str | int, ...]:
    return refusal.file, refusal.line, refusal.field, refusal.reason, refusal.mend


def _as_json(tally: Tally) -> dict[str, object]:
    return {
        "collection": tally.collection,
        "created": tally.created,
        "updated": tally.updated,
        "unchanged": tally.unchanged,
        "refused": [
            {
                "file": row.file,
                "line": row.line,
                "field": row.field,
                "reason": row.reason,
                "mend": row.mend,
            }
            for row in tally.refusals
        ],
    }

"""`tandem import`: a company's files, by its own mapping, through the public API."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from tandem.importing.mapping import MappingInvalid, load_mapping
from tandem.importing.run import Run
from tandem.importing.sender import Sender, Tally
from tandem.importing.table import FileUnusable, Refusal
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
_ROLES = ("importer",)

EPILOG = """
Examples:

  tandem import --mapping docs/guides/imports/crm_sales.yaml ../shared/data/crm_sales

  tandem import --mapping my.yaml exports/ --dry-run

  tandem import --mapping my.yaml exports/ --report refused.csv

Exit codes: 0 all rows taken, 2 mapping or file unusable, 3 some rows refused, 4 no gateway.
"""


def import_files(
    folder: Annotated[Path, typer.Argument(help="Folder that holds the files.")],
    *,
    mapping: Annotated[Path, typer.Option(help="The mapping (YAML) that explains the files.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, change nothing.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write every refused row to this CSV file.")
    ] = None,
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Import files through the gateway. Running it again, also after a kill, doubles nothing."""
    console = screen(stderr=json)
    try:
        plan = load_mapping(mapping)
    except MappingInvalid as error:
        for line in error.lines:
            console.print(Text.assemble((str(error.path), "red"), f": {line}"))
        raise typer.Exit(ExitCode.UNUSABLE) from error
    if report:
        _check_writable(report)
    with gateway_session(url, token, roles=_ROLES) as gateway, StepProgress(console) as progress:
        sender = Sender(gateway, progress, dry=dry_run)
        try:
            tallies = list(Run(sender, plan, folder).steps())
        except FileUnusable as error:
            fail(str(error), ExitCode.UNUSABLE)
    if report:
        _write_report(report, tallies)
    if json:
        say_json([_as_json(tally) for tally in tallies])
    else:
        _print_tallies(console, tallies, dry_run=dry_run)
    if any(tally.refusals for tally in tallies):
        raise typer.Exit(ExitCode.ROWS_REFUSED)


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
        console.print(
            f"… and {len(refusals) - _SHOWN_REFUSALS} more; --report FILE writes them all"
        )


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


def _write_report(path: Path, tallies: list[Tally]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("collection", "file", "line", "field", "reason", "mend"))
        for tally in tallies:
            for refusal in tally.refusals:
                writer.writerow((tally.collection, *_cells(refusal)))


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

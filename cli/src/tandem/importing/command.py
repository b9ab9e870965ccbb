"""What `tandem import` does and prints; apart from the command, for it brings the contracts along.

They cost a second of processor time, which `tandem status` need not pay.
"""

from __future__ import annotations

import csv
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from tandem.importing.contracts import UnknownType, contract_of, contracts
from tandem.importing.mapping import Mapping, MappingInvalid, load_mapping
from tandem.importing.patience import PatientGateway
from tandem.importing.run import Run
from tandem.importing.sender import Tally
from tandem.importing.table import FileUnusable, Refusal
from tandem.importing.template import template_of
from tandem.progress import StepProgress
from tandem.session import ExitCode, fail, gateway_session, say_json, screen

_SHOWN_REFUSALS = 20
_ROLES = ("importer", "partner")


def import_by(
    mapping: Path,
    folder: Path,
    *,
    dry: bool,
    report: Path | None,
    json: bool,
    url: str | None,
    token: str | None,
) -> None:
    """Carry out a mapping and print what became of the rows; ends the command where it has to."""
    console = screen(stderr=json)
    plan = _plan(mapping, console)
    if report:
        _check_writable(report)
    sources = [plan.source] if plan.source else []
    with (
        gateway_session(url, token, roles=_ROLES, sources=sources) as gateway,
        StepProgress(console) as progress,
    ):
        run = Run.of(plan, folder, gateway=PatientGateway(gateway, progress), dry=dry)
        try:
            tallies = list(run.steps())
        except FileUnusable as error:
            fail(str(error), ExitCode.UNUSABLE)
    if json:
        say_json([_as_json(tally) for tally in tallies])
    else:
        _print_tallies(console, tallies, dry_run=dry)
    refused = any(tally.refusals for tally in tallies)
    place = report or folder / f"{mapping.stem}.refused.csv"
    if refused or place.exists():  # what an earlier run wrote holds no longer
        _write_report(place, tallies, console)
    if refused:
        raise typer.Exit(ExitCode.ROWS_REFUSED)


def print_types(*, json: bool) -> None:
    """All types that files can bring in."""
    if json:
        say_json([{"event": one.name, "means": one.means} for one in contracts()])
        return
    table = RichTable()
    table.add_column("event", no_wrap=True)
    table.add_column("means")
    for one in contracts():
        table.add_row(one.name, one.means)
    screen().print(table)


def print_template(event: str, *, time_zone: str, source: str) -> None:
    """A mapping to begin with."""
    try:
        contract = contract_of(event)
    except UnknownType as error:
        fail(str(error), ExitCode.UNUSABLE)
    typer.echo(template_of(contract, time_zone=time_zone, source=source), nl=False)


def _plan(mapping: Path, console: Console) -> Mapping:
    try:
        return load_mapping(mapping)
    except MappingInvalid as error:
        for line in error.lines:
            console.print(Text.assemble((str(error.path), "red"), f": {line}"))
        raise typer.Exit(ExitCode.UNUSABLE) from error


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
    refused = sum(len(tally.refusals) for tally in tallies)
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
        console.print(f"Refused rows: {refused}, in {path}")


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

"""Rows a second of an import through the gateway, beside COPY of the same rows."""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg

from bench.report import Figure
from bench.servers import own_stack
from bench.starting import resident_memory
from local.settings import inherited_environment
from local.stack import Stack
from tandem.client import Gateway
from tandem.importing.mapping import load_mapping
from tandem.importing.patience import PatientGateway
from tandem.importing.run import Run

MAPPING = Path(__file__).parents[1] / "docs" / "guides" / "imports" / "crm_sales.yaml"


class _Quiet:
    def step_begun(self, collection: str, rows: int) -> None: ...

    def rows_done(self, rows: int) -> None: ...

    def waiting(self, reason: str) -> None: ...


def measure(_scale: float) -> Iterator[Figure]:
    """Import the opportunities, and COPY the same lines into a plain table."""
    folder = opportunities()
    with own_stack() as stack:
        yield from _rates(stack, folder)
        yield resident_memory(stack, "after the import")


def opportunities() -> Path:
    """The folder with the public sample of opportunities, by CRM_SALES or beside the checkout."""
    named = inherited_environment().get("CRM_SALES")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data" / "crm_sales"
    if not folder.is_dir():
        raise FileNotFoundError(f"no opportunities at {folder}; say where they are with CRM_SALES")
    return folder


def import_all(stack: Stack, folder: Path) -> dict[str, float]:
    """Import the folder through the gateway; gives the seconds that each collection took."""
    with Gateway(stack.url, stack.token("importer")) as gateway:
        patient = PatientGateway(gateway, _Quiet())
        seconds: dict[str, float] = {}
        begun = time.monotonic()
        for tally in Run.of(load_mapping(MAPPING), folder, gateway=patient).steps():
            seconds[tally.collection] = time.monotonic() - begun
            begun = time.monotonic()
    return seconds


def _rates(stack: Stack, folder: Path) -> Iterator[Figure]:
    seconds = import_all(stack, folder)
    with (folder / "sales_pipeline.csv").open(encoding="utf-8", newline="") as file:
        lines = [tuple(row) for row in csv.reader(file)][1:]
    copied = asyncio.run(_copy(stack, lines))
    rate, plain = len(lines) / seconds["deals"], len(lines) / copied
    yield Figure("deals imported through the gateway", f"{rate:,.0f}/s", f"{len(lines):,} rows")
    yield Figure("COPY of the same rows, one column each", f"{plain:,.0f}/s")
    yield Figure(
        "import against COPY",
        f"{rate / plain:.4f}",
        "an import validates, resolves, keeps history and promises two events a row",
    )


async def _copy(stack: Stack, lines: list[tuple[str, ...]]) -> float:
    connection = await asyncpg.connect(stack.database_url("pipeline"))
    try:
        columns = [f"c{number}" for number in range(len(lines[0]))]
        await connection.execute(
            f"CREATE TABLE copied ({', '.join(f'{name} text' for name in columns)})"
        )
        begun = time.monotonic()
        await connection.copy_records_to_table("copied", records=lines, columns=columns)
        taken = time.monotonic() - begun
        await connection.execute("DROP TABLE copied")
    finally:
        await connection.close()
    return taken

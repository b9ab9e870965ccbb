"""Changing definitions: what is refused, and which version comes next.

Whether a definition is a KPI at all is found out here, before it is kept.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from chassis.concurrency import ExpectedVersion
from events import Connection
from metrics.definitions.declaring import RESERVED
from metrics.definitions.kept import definition_of, kpi_of, written_in
from metrics.definitions.refusals import DefinitionNotFound, KpiAlreadyDefined, TooManyDefinitions
from metrics.definitions.written import Written
from metrics.kpis import CATALOGUE
from metrics.store import definitions
from metrics.store.definitions import Change

MOST_DEFINITIONS: Final = 50
"""Each costs with every event: the release has not many more itself."""


async def define(
    connection: Connection, kpi_id: str, written: Written, *, by: str, at: datetime
) -> None:
    """Keep a new definition, or one of an id that was retired. Needs a transaction.

    Raises DefinitionRefused, KpiAlreadyDefined, TooManyDefinitions.
    """
    if CATALOGUE.get(kpi_id) is not None or kpi_id in RESERVED:
        raise KpiAlreadyDefined(
            f"{kpi_id} is taken by Tandem itself", field="id", hint="choose another id"
        )
    await definitions.hold(connection)
    known = {one.id: one for one in await definitions.newest(connection)}
    before = known.get(kpi_id)
    if before is not None and before.definition is not None:
        raise KpiAlreadyDefined(
            f"{kpi_id} is defined already",
            field="id",
            hint=f"PUT /v1/kpis/{kpi_id} with If-Match changes it",
        )
    if sum(one.definition is not None for one in known.values()) >= MOST_DEFINITIONS:
        raise TooManyDefinitions(
            f"there are {MOST_DEFINITIONS} own KPIs, and may be no more",
            hint="retire one that nobody reads",
        )
    version = 1 if before is None else before.version + 1
    await _keep(connection, kpi_id, written, version=version, by=by, at=at)


async def change(
    connection: Connection,
    kpi_id: str,
    written: Written,
    *,
    expected: ExpectedVersion,
    by: str,
    at: datetime,
) -> None:
    """Keep another version; the same definition once more changes nothing.

    Needs a transaction. Raises DefinitionRefused, DefinitionNotFound, StaleVersion.
    """
    before = await _in_use(connection, kpi_id, expected=expected, written=written)
    wanted = definition_of(kpi_id, written, version=before.version)
    if wanted != before.definition:
        await _keep(connection, kpi_id, written, version=before.version + 1, by=by, at=at)


async def retire(
    connection: Connection, kpi_id: str, *, expected: ExpectedVersion, by: str, at: datetime
) -> None:
    """Keep that there is to be no such KPI any more. Needs a transaction.

    Raises DefinitionNotFound, StaleVersion.
    """
    before = await _in_use(connection, kpi_id, expected=expected)
    await definitions.append(connection, kpi_id, None, version=before.version + 1, at=at, by=by)


async def _in_use(
    connection: Connection,
    kpi_id: str,
    *,
    expected: ExpectedVersion,
    written: Written | None = None,
) -> Change:
    """The newest version, which the caller has seen."""
    await definitions.hold(connection)
    for one in await definitions.newest(connection):
        if one.id == kpi_id and one.definition is not None:
            now = dict(written_in(one.definition))
            mine = {} if written is None else written.model_dump(mode="json", exclude_none=True)
            differing = sorted(name for name in {*now, *mine} if now.get(name) != mine.get(name))
            expected.check(one.version, current=now, changed=differing if written else ())
            return one
    raise DefinitionNotFound(kpi_id)


async def _keep(
    connection: Connection, kpi_id: str, written: Written, *, version: int, by: str, at: datetime
) -> None:
    definition = definition_of(kpi_id, written, version=version)
    kpi_of(definition)
    await definitions.append(connection, kpi_id, definition, version=version, at=at, by=by)

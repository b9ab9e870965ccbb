"""Switching: another generation goes live, and everybody who shows figures is told."""

from __future__ import annotations

import logging
from datetime import date
from typing import Final

from chassis.clock import Clock
from events import Connection, Event, append_asyncpg
from events.types.kpi import CataloguePublished, ChangedKpi
from metrics.catalogues import catalogue_of
from metrics.definitions import DefinitionNotUnderstood
from metrics.engine.company import Company
from metrics.query.known import read_known
from metrics.store.generation import Generation, Terms, live_generation, switch_to
from metrics.telling import SOURCE, next_sequence, tell_changed

log = logging.getLogger(__name__)

_SWITCH: Final = -1
_CATALOGUE: Final = -2
"""Numbers of the writers of these events: workers have those from 0 on."""


async def switch(
    connection: Connection,
    generation: Generation,
    *,
    company: Company,
    horizon: int,
    clock: Clock,
) -> None:
    """Let a generation that has caught up go live. Behind the shut gate only."""
    before = await live_generation(connection)
    await switch_to(connection, generation.id, horizon=horizon)
    await _tell(connection, before, generation, company=company, clock=clock)
    log.info(
        "generation %d is in force instead of %s",
        *(generation.id, "none" if before is None else before.id),
    )


async def _tell(
    connection: Connection,
    before: Generation | None,
    after: Generation,
    *,
    company: Company,
    clock: Clock,
) -> None:
    ids = _kpis_of(after.terms) | (_kpis_of(before.terms) if before else set())
    changed = [
        ChangedKpi(kpi=kpi_id, first_on=date.min, last_on=date.max) for kpi_id in sorted(ids)
    ]
    _, watermark = await read_known(connection, company)
    await tell_changed(
        connection,
        changed,
        number=_SWITCH,
        writer="metrics-switch",
        watermark=watermark,
        now=clock.now(),
    )
    if before is None or before.terms != after.terms:
        await _publish(connection, after.terms, clock=clock)


def _kpis_of(terms: Terms) -> set[str]:
    try:
        return {kpi.id for kpi in catalogue_of(terms.definitions)}
    except DefinitionNotUnderstood:
        return set()


async def _publish(connection: Connection, terms: Terms, *, clock: Clock) -> None:
    now = clock.now()
    published = CataloguePublished(
        catalogue_version=terms.catalogue_version,
        time_zone=terms.time_zone,
        base_currency=terms.base_currency,
    )
    sequence = await next_sequence(connection, _CATALOGUE)
    event = Event.of(published, source=SOURCE, sequence=sequence, occurred_at=now, recorded_at=now)
    await append_asyncpg(connection, [event])

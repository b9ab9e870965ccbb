"""What each class of KPIs costs is measured on figures that are really made."""

from __future__ import annotations

import os
from collections.abc import Callable

import asyncpg
from bench.kpi_costs import class_costs, storage_of
from bench.kpis import COMPANY, deal_events
from bench.processor_time import Parties

from metrics.handler import entry_of


async def test_each_class_counts_changes_and_facts_are_kept_without_any(
    new_database: Callable[[str], str],
) -> None:
    entries = [entry_of(event) for event in deal_events(20)]
    parties = Parties.of(client=os.getpid(), database=os.getpid())
    async with asyncpg.create_pool(new_database("metrics"), min_size=0, max_size=2) as pool:
        alone, *classes = await class_costs(pool, parties, entries, company=COMPANY)
        storage = await storage_of(pool, events=len(entries))
    assert alone.note.startswith("0.0 changes")
    assert len(classes) == 7
    assert not any(figure.note.startswith("0.0 changes") for figure in classes)
    assert 0 < storage.cell < storage.page

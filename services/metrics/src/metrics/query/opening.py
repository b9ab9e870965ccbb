"""Opening the figures for readers: the live generation, with the catalogue that it is made of."""

from __future__ import annotations

import math
from typing import Final

from chassis.errors import Unavailable
from events import Connection
from metrics.catalogues import catalogue_for, company_for
from metrics.engine.company import Company
from metrics.query.source import Source
from metrics.refusals import DefinitionsNotKnown, RebuildNotFound, RebuildUnderWay
from metrics.store.generation import (
    Generation,
    all_generations,
    live_generation,
    read_generation,
)

_LONGEST_RETRY_SECONDS: Final = 60


class FiguresBeingRebuilt(Unavailable):
    """The figures in force were made under other settings or definitions than this process has."""

    title = "the figures are being rebuilt"


async def open_source(connection: Connection, *, company: Company) -> Source:
    """The live figures. Needs a repeatable-read transaction. Raises FiguresBeingRebuilt."""
    live = await live_generation(connection)
    catalogue = None if live is None else catalogue_for(live.terms, company)
    if live is None or catalogue is None:
        raise await _not_ours(connection, company)
    return Source(connection=connection, company=company, catalogue=catalogue, generation=live.id)


async def open_generation(connection: Connection, generation: int, *, like: Company) -> Source:
    """Figures beside the live ones, as the company was when they were made.

    Raises RebuildNotFound, RebuildUnderWay, DefinitionsNotKnown.
    """
    found = await read_generation(connection, generation)
    if found is None or found.status == "dropped":
        raise RebuildNotFound(generation)
    if found.status in ("building", "failed"):
        raise RebuildUnderWay(
            f"the figures of generation {generation} are not whole: {found.status}",
            hint=f"GET /v1/rebuilds/{generation} tells how far they are",
        )
    company = company_for(found.terms, like)
    catalogue = catalogue_for(found.terms, company)
    if catalogue is None:
        raise DefinitionsNotKnown(found)
    return Source(connection=connection, company=company, catalogue=catalogue, generation=found.id)


async def _not_ours(connection: Connection, company: Company) -> FiguresBeingRebuilt:
    for one in reversed(await all_generations(connection)):
        if one.status != "dropped" and catalogue_for(one.terms, company) is not None:
            return _with_progress(one)
    return FiguresBeingRebuilt(hint="try again in a moment")


def _with_progress(ours: Generation) -> FiguresBeingRebuilt:
    if ours.status == "failed":
        return FiguresBeingRebuilt(
            f"the figures of this release could not be made: {ours.failure}",
            hint="start the release before, or mend this one",
        )
    if not ours.to_go_live and ours.status != "building":
        return FiguresBeingRebuilt(
            f"the figures of this release, generation {ours.id}, are not in force",
            hint=f"POST /v1/rebuilds/{ours.id}/switch",
        )
    left = ours.seconds_left
    seconds = None if left is None else math.ceil(left)
    return FiguresBeingRebuilt(
        f"generation {ours.id} is being made: {ours.share_done:.0%} of the events are counted",
        hint="try again when it is done; GET /v1/rebuilds shows the progress",
        generation=ours.id,
        percent=round(100 * ours.share_done, 1),
        seconds_left=seconds,
        retry_after=max(1, min(seconds or 2, _LONGEST_RETRY_SECONDS)),
    )

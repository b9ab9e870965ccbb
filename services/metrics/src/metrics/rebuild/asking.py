"""Asking for figures: what is to be made, switched to or dropped. The keeper does it."""

from __future__ import annotations

import logging
from typing import Any, Final

import asyncpg

from events import Connection
from metrics.catalogues import catalogue_for, terms_of, text_of
from metrics.definitions import DefinitionNotUnderstood
from metrics.engine.company import Company
from metrics.refusals import DefinitionsNotKnown, RebuildNotFound, RebuildUnderWay
from metrics.store import definitions
from metrics.store.generation import (
    Generation,
    Terms,
    add_generation,
    all_generations,
    let_go_live,
    live_generation,
    set_status,
    switch_to,
)

log = logging.getLogger(__name__)

_ASKING: Final = 7_236_118_404
"""Advisory lock: one at a time decides which generations there are to be."""
_LET_GO: Final = frozenset({"building", "ready", "failed"})
"""Stages of a build that another one may take the place of."""


async def prepare(
    pool: asyncpg.Pool[Any], *, company: Company, to_go_live: bool = True
) -> int | None:
    """The live generation, if it is of our release and settings.

    Else None, and ours are asked for; unless they were in force before and others took
    their place, for two releases side by side must not take turns.
    """
    async with pool.acquire() as connection, connection.transaction():
        await _decide_alone(connection)
        live = await live_generation(connection)
        if live is None:
            return await _first(connection, terms_of(company))
        if catalogue_for(live.terms, company) is not None:
            return live.id
        await _ask_for_ours(connection, live, company=company, to_go_live=to_go_live)
        return None


async def start_build(
    connection: Connection,
    terms: Terms,
    *,
    to_go_live: bool,
    asked_by: str,
    instead: bool = False,
) -> int:
    """Have a generation built beside the live one; `instead` of one that is under way.

    Needs a transaction. Raises RebuildUnderWay.
    """
    await _decide_alone(connection)
    for other in await all_generations(connection):
        if other.status not in _LET_GO:
            continue
        if not instead and other.status != "failed":
            raise RebuildUnderWay(
                f"generation {other.id} is {other.status}",
                hint=f"wait for it, or DELETE /v1/rebuilds/{other.id}",
            )
        await set_status(connection, other.id, "dropped")
    return await add_generation(
        connection, terms, status="building", to_go_live=to_go_live, asked_by=asked_by
    )


async def ask_to_switch(connection: Connection, generation: int, *, company: Company) -> None:
    """Have a generation go live as soon as it has caught up: a new one, or one of before.

    Needs a transaction. Raises RebuildNotFound, DefinitionsNotKnown, RebuildUnderWay.
    """
    found = await _kept(connection, generation)
    if found.status == "failed":
        raise RebuildUnderWay(f"generation {generation} failed: {found.failure}", hint="drop it")
    if catalogue_for(found.terms, company) is None:
        raise DefinitionsNotKnown(found)
    if found.status != "live":
        await let_go_live(connection, generation)


async def ask_to_drop(connection: Connection, generation: int) -> None:
    """Give a generation up. Needs a transaction. Raises RebuildNotFound, RebuildUnderWay."""
    found = await _kept(connection, generation)
    if found.status == "live":
        raise RebuildUnderWay(
            f"generation {generation} is in force", hint="switch to another one first"
        )
    await set_status(connection, generation, "dropped")


async def _kept(connection: Connection, generation: int) -> Generation:
    await _decide_alone(connection)
    for one in await all_generations(connection):
        if one.id == generation and one.status != "dropped":
            return one
    raise RebuildNotFound(generation)


async def _decide_alone(connection: Connection) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _ASKING)


async def _first(connection: Connection, terms: Terms) -> int:
    """The first generation has nothing to catch up with."""
    first = await add_generation(
        connection, terms, status="building", to_go_live=False, asked_by="system"
    )
    await switch_to(connection, first, horizon=0)
    return first


async def _ask_for_ours(
    connection: Connection, live: Generation, *, company: Company, to_go_live: bool
) -> None:
    try:
        ours = terms_of(company, text_of(await definitions.current(connection)))
    except DefinitionNotUnderstood as error:
        log.warning("generation %d stays in force: %s; start a later release", live.id, error)
        return
    for other in await all_generations(connection):
        if other.terms != ours:
            continue
        if other.status == "retired":
            log.warning(
                "generation %d, of this release and settings, was replaced by %d;"
                " to go back: tandem rebuild back",
                *(other.id, live.id),
            )
            return
        if other.status in ("building", "ready"):
            return
    generation = await start_build(
        connection, ours, to_go_live=to_go_live, asked_by="system", instead=True
    )
    log.info(
        "building generation %d: settings or definitions differ from generation %d",
        *(generation, live.id),
    )

"""Own definitions in force: whoever changed one waits for figures that are made with it.

All changes that wait go into one build, and each is asked for once: figures that were
dropped, or switched away from, are not made again by themselves.
"""

from __future__ import annotations

import logging

from events import Connection
from metrics.catalogues import catalogue_for, terms_of, text_of
from metrics.definitions import DefinitionNotUnderstood
from metrics.engine.company import Company
from metrics.rebuild.asking import start_build
from metrics.store import definitions
from metrics.store.generation import all_generations, live_generation

log = logging.getLogger(__name__)


async def ask_for_definitions(connection: Connection, *, company: Company) -> bool:
    """Have figures made with changed definitions; False when none waits, or another build runs."""
    author = await definitions.last_unasked(connection)
    if author is None:
        return False
    async with connection.transaction():
        await definitions.hold(connection)
        live = await live_generation(connection)
        if live is None or catalogue_for(live.terms, company) is None:
            return False
        if any(one.status in ("building", "ready") for one in await all_generations(connection)):
            return False
        wanted = text_of(await definitions.current(connection))
        try:
            terms = terms_of(company, wanted)
        except DefinitionNotUnderstood as error:
            log.warning("own definitions wait: %s; start a later release", error)
            return False
        if wanted != live.terms.definitions:
            generation = await start_build(connection, terms, to_go_live=True, asked_by=author)
            log.info("building generation %d with the definitions of users", generation)
        await definitions.mark_asked(connection)
    return True

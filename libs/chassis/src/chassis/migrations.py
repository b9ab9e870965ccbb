"""Schema migrations of a service, carried inside its package and run by one process at a time.

A service keeps `migrations/versions/NNNN_*.py` in its package; no env.py is needed.
"""

import asyncio
import logging
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

import asyncpg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only

from chassis.db import Database

log = logging.getLogger(__name__)

_LOCK: Final = 7_236_118_403
"""Advisory lock number; any constant that nobody else uses in the database."""
_LOCK_TIMEOUT: Final = "5s"
"""A migration that waits for a table lock makes every later query wait behind it."""
_CONNECT_SECONDS: Final = 10.0
_WAIT_SECONDS: Final = 1.0
_turns: Final = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]()
"""Alembic keeps the running migration in globals (`op`), so a process has room for one."""


class MigrationsMissing(Exception):
    """The named package carries no migrations."""


def scripts_of(service: str) -> ScriptDirectory:
    """The migration scripts in the package of `service`. Raises MigrationsMissing."""
    if find_spec(service) is None:
        raise MigrationsMissing(f"there is no service {service}; install it or correct the name")
    folder = Path(str(resources.files(service))) / "migrations"
    if not (folder / "versions").is_dir():
        raise MigrationsMissing(f"the service {service} carries no migrations/versions folder")
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


async def migrate(service: str, database_url: str) -> str | None:
    """Bring the database to the newest revision; its id, None if there is no revision at all."""
    scripts = scripts_of(service)
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(
            database_url, timeout=_CONNECT_SECONDS, server_settings={"timezone": "UTC"}
        ),
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "do_execute", _run_script)
    try:
        turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        async with turn, engine.connect() as connection:
            await connection.run_sync(_upgrade, scripts)
    finally:
        await engine.dispose()
    return scripts.get_current_head()


def migrate_now(service: str, database_url: str) -> str | None:
    """`migrate` for callers without an event loop."""
    return asyncio.run(migrate(service, database_url))


def _run_script(cursor: Any, statement: str, parameters: Any, _context: Any) -> bool | None:
    """Let `op.execute` take several statements, which cannot be prepared as one."""
    if parameters or ";" not in statement.rstrip().rstrip(";"):
        return None
    # The driver's own execute speaks the simple protocol, inside the same transaction.
    await_only(cursor._connection.execute(statement))  # noqa: SLF001 - the adapter has no other way
    return True


def _upgrade(connection: Connection, scripts: ScriptDirectory) -> None:
    def steps(revision: Any, _context: Any) -> list[Any]:
        # As alembic.command.upgrade does, which would want an env.py in every service.
        return list(scripts._upgrade_revs("head", revision))  # noqa: SLF001

    with EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection)
        with connection.begin():
            # The lock first and without a limit: whoever comes second finds the work done.
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
            environment.run_migrations()


class Schema:
    """What a service's code expects of its database."""

    def __init__(self, service: str) -> None:
        try:
            scripts = scripts_of(service)
        except MigrationsMissing:
            self._head, self._known = None, frozenset[str]()
        else:
            self._head = scripts.get_current_head()
            self._known = frozenset(script.revision for script in scripts.walk_revisions())

    async def is_current(self, database: Database) -> bool:
        """Whether the database is migrated as far as this code knows.

        A revision that the code does not know is a newer one: schemas grow before
        code does, so an older release must go on working with it.
        """
        if self._head is None:
            return True
        async with database.pool.acquire() as connection:
            if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
                return False
            revision = await connection.fetchval("SELECT version_num FROM alembic_version")
        return revision == self._head or (revision is not None and revision not in self._known)

    async def wait(self, database: Database, *, service: str) -> None:
        """Return when the database is migrated; say what is missing meanwhile."""
        told = False
        while not await self.is_current(database):
            if not told:
                log.warning("schema is behind; run: python -m chassis.migrate %s", service)
                told = True
            await asyncio.sleep(_WAIT_SECONDS)

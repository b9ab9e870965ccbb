"""Schema migrations of a service, carried inside its package and run by one process at a time.

A service keeps `migrations/versions/NNNN_*.py` in its package; no env.py is needed.
"""

import asyncio
from typing import Any, Final
from weakref import WeakKeyDictionary

import asyncpg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only

from chassis.schema import migrations_folder

_LOCK: Final = 7_236_118_403
"""Advisory lock number; any constant that nobody else uses in the database."""
_LOCK_TIMEOUT: Final = "5s"
"""A migration that waits for a table lock makes every later query wait behind it."""
_CONNECT_SECONDS: Final = 10.0
_turns: Final = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]()
"""Alembic keeps the running migration in globals (`op`), so a process has room for one."""


def scripts_of(service: str) -> ScriptDirectory:
    """The migration scripts in the package of `service`. Raises MigrationsMissing."""
    config = Config()
    folder = str(migrations_folder(service))
    config.set_main_option("script_location", folder.replace("%", "%%"))
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

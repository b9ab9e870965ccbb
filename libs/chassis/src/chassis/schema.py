"""What a service's code expects of its database's schema.

Reads the migrations' files without Alembic: a running service has no other use
for it, and it would take as much memory as the service's own code.
"""

import ast
import asyncio
import logging
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from chassis.db import Database, first_line
from events.database_errors import DATABASE_ERRORS

log = logging.getLogger(__name__)

_WAIT_SECONDS: Final = 1.0


class MigrationsMissing(Exception):
    """The named package carries no migrations."""


def migrations_folder(service: str) -> Path:
    """The folder `migrations` in the package of `service`. Raises MigrationsMissing."""
    if find_spec(service) is None:
        raise MigrationsMissing(f"there is no service {service}; install it or correct the name")
    folder = Path(str(resources.files(service))) / "migrations"
    if not (folder / "versions").is_dir():
        raise MigrationsMissing(f"the service {service} carries no migrations/versions folder")
    return folder


def revisions_in(versions: Path) -> dict[str, str | None]:
    """Revision to the one before it, as the files of a versions folder declare them."""
    revisions: dict[str, str | None] = {}
    for path in sorted(versions.glob("*.py")):
        declared = _constants(ast.parse(path.read_text()))
        if isinstance(declared.get("revision"), str):
            revisions[str(declared["revision"])] = declared.get("down_revision")
    return revisions


def _constants(module: ast.Module) -> dict[str, str | None]:
    values: dict[str, str | None] = {}
    for node in module.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=value))
            ) if value is None or isinstance(value, str):
                values[name] = value
    return values


class Schema:
    """The revisions that a service's code knows, the newest of which it needs."""

    def __init__(self, service: str) -> None:
        try:
            revisions = revisions_in(migrations_folder(service) / "versions")
        except MigrationsMissing:
            revisions = {}
        self._known = frozenset(revisions)
        self._heads = self._known - set(revisions.values())

    async def is_current(self, database: Database) -> bool:
        """Whether the database is migrated as far as this code knows.

        A revision that the code does not know is a newer one: schemas grow before
        code does, so an older release must go on working with it.
        """
        if not self._known:
            return True
        async with database.pool.acquire() as connection:
            if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
                return False
            revision = await connection.fetchval("SELECT version_num FROM alembic_version")
        return revision in self._heads or (revision is not None and revision not in self._known)

    async def wait(self, database: Database, *, service: str) -> None:
        """Return when the database is migrated; say what is missing meanwhile."""
        told = False
        while True:
            try:
                if await self.is_current(database):
                    return
            except DATABASE_ERRORS as error:
                log.warning("schema not seen, looking again: %s", first_line(error))
            else:
                if not told:
                    log.warning("schema is behind; run: python -m chassis.migrate %s", service)
                    told = True
            await asyncio.sleep(_WAIT_SECONDS)

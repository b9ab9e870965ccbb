"""What a measurement runs against: a PostgreSQL and a Kafka of its own, or a whole stack."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from local.cache import cache_folder
from local.child import Child, Program
from local.kafka import Kafka
from local.ports import free_port
from local.postgres import Postgres
from local.settings import inherited_environment
from local.stack import Stack

_LEAN_JVM = {"-Xms96m", "-Xmx320m", "-XX:TieredStopAtLevel=1"}
"""What keeps a developer's broker small. A measured one has all of its compiler and more memory."""
_START_SECONDS = 120.0


@dataclass(frozen=True)
class Database:
    """A PostgreSQL of the part's own."""

    folder: Path
    postgres: Postgres
    postgres_pid: int

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"bench_{uuid4().hex[:8]}"
        self.postgres.execute(f"CREATE DATABASE {name}")
        return self.postgres.url(name)


@dataclass(frozen=True)
class Servers(Database):
    """What a part measures against."""

    broker: Kafka
    broker_pid: int

    @property
    def log(self) -> str:
        return self.broker.url

    @property
    def kafka(self) -> str:
        return self.broker.address

    def new_topic(self) -> str:
        return f"bench-{uuid4().hex[:8]}"


def migrate_in_own_process(service: str, url: str) -> None:
    """Bring a database to the newest schema of a service; Alembic leaves much memory behind."""
    subprocess.run(
        [sys.executable, "-m", "chassis.migrate", service],
        env=inherited_environment() | {"DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
        check=True,
    )


@contextmanager
def database_server(*, options: Sequence[str] = ()) -> Iterator[Database]:
    """Start it, end it. `options` are settings: `wal_level=logical`."""
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as place:
        folder = Path(place)
        folder.chmod(0o755)  # PostgreSQL may run under another account
        postgres = Postgres(
            data=folder / "postgres", port=free_port(), log=folder / "postgres.log", durable=True
        )
        postgres.prepare()
        settings = [part for option in options for part in ("-c", option)]
        program = postgres.program()
        database = Child(replace(program, command=[*program.command, *settings])).start()
        try:
            database.wait_until(postgres.is_ready, timeout_seconds=_START_SECONDS)
            yield Database(folder, postgres, database.pid)
        finally:
            database.stop()


@contextmanager
def servers(*, postgres_options: Sequence[str] = ()) -> Iterator[Servers]:
    """A database and a broker."""
    with database_server(options=postgres_options) as database:
        broker = _broker(database.folder)
        log = Child(_unhindered(broker)).start()
        try:
            log.wait_until(broker.is_ready, timeout_seconds=_START_SECONDS)
            yield Servers(
                database.folder, database.postgres, database.postgres_pid, broker, log.pid
            )
        finally:
            log.stop()


@contextmanager
def own_stack(*, started: bool = True) -> Iterator[Stack]:
    """The whole product on free ports and an empty var/; it is ended in any case."""
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as place:
        stack = Stack(Path(place) / "var")
        try:
            yield stack.start() if started else stack
        finally:
            stack.stop()


def _broker(folder: Path) -> Kafka:
    broker = Kafka(folder / "kafka", free_port(), free_port(), folder / "kafka.log", cache_folder())
    broker.prepare()
    return broker


def _unhindered(broker: Kafka) -> Program:
    program = broker.program()
    command = [
        part
        for part in program.command
        if part not in _LEAN_JVM and not part.startswith("-XX:ArchiveClassesAtExit")
    ]
    command[1:1] = ["-Xms512m", "-Xmx1g"]
    return replace(program, command=command)

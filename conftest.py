"""Fixtures for all tests: real PostgreSQL and Kafka on free ports, never the data of `make up`.

Each worker of pytest-xdist has servers of its own, started when a test first asks for them, on
ports that no other worker takes. Tests in a folder `unit` cannot open network connections at all.
"""

import gc
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Protocol

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import Scheduling

from local import ports
from local.cache import cache_folder
from local.child import Child
from local.identity import Issuer
from local.kafka import Kafka
from local.ports import free_port
from local.postgres import Postgres
from local.settings import inherited_environment
from side_by_side import ByStack

START_TIMEOUT_SECONDS = 60.0

# `--hypothesis-profile=deep` is for a night. A deadline would measure the machine.
settings.register_profile("ci", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", settings.get_profile("ci"), max_examples=20_000)
settings.load_profile("ci")

NewDatabase = Callable[..., str]


def pytest_configure(config: pytest.Config) -> None:
    """Give each worker free ports of its own: two that look at once would find the same."""
    if hasattr(config, "workerinput"):
        worker = config.workerinput
        number = int(worker["workerid"].removeprefix("gw"))
        ports.FREE = ports.FREE[number :: worker["workercount"]]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """With `--dist loadgroup`, tests on the same stack go to the same worker."""
    return ByStack(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_collection_finish() -> None:
    """Spare the garbage collector what was imported and collected: all of it stays to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_network_in_unit_tests(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "unit" not in request.path.parts:
        return

    def refuse(_socket: socket.socket, address: object) -> NoReturn:
        raise AssertionError(f"a unit test connects to {address}; move it to tests/integration")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)


@dataclass
class PostgresServer:
    """A PostgreSQL for tests, with a template database for each migrated service."""

    cluster: Postgres
    child: Child
    templates: set[str] = field(default_factory=set)

    def url(self, database: str = "postgres") -> str:
        return self.cluster.url(database)

    def new_database(self, service: str | None = None) -> str:
        """The URL of a fresh database: empty, or migrated to the newest schema of the service."""
        name = f"{service or 'empty'}_{secrets.token_hex(6)}"
        template = self._template(service) if service else "template1"
        self.cluster.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return self.url(name)

    def drop_database(self, url: str) -> None:
        self.cluster.execute(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')

    def _template(self, service: str) -> str:
        name = f"template_{service}"
        if service not in self.templates:
            self.cluster.execute(f'CREATE DATABASE "{name}"')
            migrate(service, self.url(name))
            self.templates.add(service)
        return name

    def kill(self) -> None:
        """`kill -9`; the data are on disk as far as they were acknowledged."""
        self.child.kill()
        self.child.process.wait()

    def start(self) -> None:
        self.child = Child(self.cluster.program()).start()
        self.child.wait_until(self.cluster.is_ready, timeout_seconds=START_TIMEOUT_SECONDS)


def migrate(service: str, url: str) -> None:
    """Bring the database to the newest schema of the service, in the way of `make up`."""
    result = subprocess.run(
        [sys.executable, "-m", "chassis.migrate", service],
        env=inherited_environment() | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, (
        f"the migration of {service} failed:\n{result.stdout}{result.stderr}"
    )


def start_postgres(folder: Path, *, durable: bool) -> PostgresServer:
    cluster = Postgres(
        data=folder / "postgres", port=free_port(), log=folder / "postgres.log", durable=durable
    )
    cluster.prepare()
    server = PostgresServer(cluster, Child(cluster.program()))
    server.start()
    return server


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """One server for all tests that kill nothing; without fsync, since nothing is killed."""
    folder = tmp_path_factory.mktemp("postgres")
    server = start_postgres(folder, durable=False)
    yield server
    server.child.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def durable_postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    """A server of the test's own, with fsync on: for tests that kill it."""
    server = start_postgres(tmp_path, durable=True)
    yield server
    server.child.stop()


@pytest.fixture
def new_database(postgres_server: PostgresServer) -> Iterator[NewDatabase]:
    """`new_database("pipeline")`: URL of a fresh migrated database; without a name an empty one."""
    urls: list[str] = []

    def make(service: str | None = None) -> str:
        urls.append(postgres_server.new_database(service))
        return urls[-1]

    yield make
    for url in urls:
        postgres_server.drop_database(url)


@pytest.fixture(scope="module")
def module_database(postgres_server: PostgresServer) -> Iterator[NewDatabase]:
    """As `new_database`, kept for all tests of a module."""
    urls: list[str] = []

    def make(service: str | None = None) -> str:
        urls.append(postgres_server.new_database(service))
        return urls[-1]

    yield make
    for url in urls:
        postgres_server.drop_database(url)


@pytest.fixture
def database(new_database: NewDatabase) -> str:
    """The URL of one empty database."""
    return new_database()


@dataclass
class KafkaServer:
    """A real broker for tests."""

    broker: Kafka
    child: Child

    @property
    def url(self) -> str:
        return self.broker.url

    @property
    def address(self) -> str:
        return self.broker.address

    def kill(self) -> None:
        self.child.kill()
        self.child.process.wait()

    def start(self) -> None:
        self.child = self.broker.start()

    def stop(self) -> None:
        self.child.stop()
        self.broker.keep_archive()


def start_kafka(folder: Path) -> KafkaServer:
    broker = Kafka(folder / "kafka", free_port(), free_port(), folder / "kafka.log", cache_folder())
    broker.prepare()
    return KafkaServer(broker, broker.start())


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """One broker for all tests that kill nothing. Topics are not made by themselves: name them
    uniquely, make them.
    """
    folder = tmp_path_factory.mktemp("kafka")
    server = start_kafka(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    """A broker of the test's own: for tests that kill it."""
    server = start_kafka(tmp_path)
    yield server
    server.stop()


@pytest.fixture(params=["kafka", "postgres"])
def event_log(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an event log: each test that asks for it runs on Kafka and on PostgreSQL."""
    if request.param == "kafka":
        yield request.getfixturevalue("kafka_server").url
        return
    server: Any = request.getfixturevalue("postgres_server")
    url = server.new_database()
    yield url
    server.drop_database(url)


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """A development issuer: AUTH_JWKS is `identity.jwks_url`."""
    return Issuer.open(tmp_path_factory.mktemp("identity"))


class MakeToken(Protocol):
    def __call__(
        self, *roles: str, teams: Sequence[str] = ..., sources: Sequence[str] = ...
    ) -> str: ...


@pytest.fixture
def token(identity: Issuer) -> MakeToken:
    """`token("sales_rep", teams=["EAST"])` gives a bearer token; without teams it sees all."""

    def make(*roles: str, teams: Sequence[str] = ("*",), sources: Sequence[str] = ()) -> str:
        return identity.token(roles, teams=teams, sources=sources)

    return make

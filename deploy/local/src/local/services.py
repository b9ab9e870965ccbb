"""The processes of a stack: what each runs, in which environment, and when it is ready."""

import hashlib
import http.client
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.cache import cache_folder
from local.child import Program
from local.identity import AUDIENCE, ISSUER, Issuer
from local.kafka import Kafka
from local.ports import Ports
from local.postgres import Postgres
from local.settings import CHECKOUT, LogKind, Settings, inherited_environment
from local.state import Var

SERVICES = ("customer", "pipeline", "ops", "metrics", "gateway")
UPSTREAMS = ("customer", "pipeline", "ops", "metrics")
EVENT_LOG_DATABASE = "eventlog"
TOPICS = CHECKOUT / "deploy" / "kafka" / "topics.yaml"
HEALTH_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True)
class Unit:
    """A program that runs as long as the stack does, and the sign that it serves."""

    program: Program
    is_ready: Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that a stack is made of, worked out from its choices; nothing is started here."""

    var: Var
    ports: Ports
    log: LogKind
    settings: Settings

    @property
    def postgres(self) -> Postgres:
        return Postgres(
            data=self.var.postgres,
            port=self.ports["postgres"],
            log=self.var.log("postgres"),
            password=self.var.secret("postgres"),
        )

    @property
    def kafka(self) -> Kafka:
        return Kafka(
            home=self.var.kafka,
            port=self.ports["kafka"],
            controller_port=self.ports["kafka_controller"],
            log=self.var.log("kafka"),
            cache=cache_folder(),
        )

    @property
    def event_log(self) -> str:
        return self.kafka.url if self.log == "kafka" else self.postgres.url(EVENT_LOG_DATABASE)

    @property
    def databases(self) -> list[str]:
        return [*SERVICES, *([EVENT_LOG_DATABASE] if self.log == "postgres" else [])]

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def foundations(self) -> list[Unit]:
        """What must stand before anything of ours can run."""
        postgres = Unit(self.postgres.program(), self.postgres.is_ready)
        if self.log == "postgres":
            return [postgres]
        return [postgres, Unit(self.kafka.program(), self.kafka.is_ready)]

    def preparations(self) -> list[Program]:
        """Commands that run at every start, side by side; each leaves alone what is done."""
        migrations = [
            self._python(
                f"migrate-{service}", "chassis.migrate", service, environment=self._service(service)
            )
            for service in SERVICES
        ]
        return [*migrations, topics_program(self.event_log, log=self.var.log("topics"))]

    def fingerprint(self) -> str:
        """Changes with the migrations, the topics and the data that they are applied to.

        Where it is the one of the last start the preparations have nothing to do, and starting
        them only to find that out would double the time of a warm start.
        """
        digest = hashlib.sha256(TOPICS.read_bytes())
        for script in sorted(CHECKOUT.glob("services/*/src/*/migrations/versions/*.py")):
            digest.update(script.read_bytes())
        for born in (self.postgres.data / "PG_VERSION", self.kafka.data / "meta.properties"):
            digest.update(str(born.stat().st_mtime_ns if born.exists() else 0).encode())
        return digest.hexdigest()

    def services(self) -> list[Unit]:
        """All of ours, in no order: each must bear the absence of the others."""
        units = [self._unit("relay", "chassis.relay", self._relay())]
        units += [self._unit(service, service, self._service(service)) for service in SERVICES]
        return units

    def growing(self, topic: str, partitions: int) -> Program:
        """The command that gives a topic more partitions while everything runs."""
        return self._python(
            "grow", "chassis.grow", topic, str(partitions), environment=self._relay()
        )

    def _relay(self) -> dict[str, str]:
        outboxes = ",".join(self.postgres.url(service) for service in SERVICES)
        return self._common("relay") | {"OUTBOX_URLS": outboxes}

    def _unit(self, name: str, module: str, environment: dict[str, str]) -> Unit:
        port = self.ports[f"{name}_telemetry"]
        return Unit(
            self._python(name, module, environment=environment), lambda: answers_ready(port)
        )

    def _python(
        self, name: str, module: str, *arguments: str, environment: dict[str, str]
    ) -> Program:
        return Program(
            name=name,
            command=[sys.executable, "-m", module, *arguments],
            environment=inherited_environment() | {"PYTHONUNBUFFERED": "1"} | environment,
            log=self.var.log(name),
        )

    def _common(self, name: str) -> dict[str, str]:
        settings = self.settings
        return {
            "EVENT_LOG": self.event_log,
            "ENVIRONMENT": "development",
            "HOST": "127.0.0.1",
            "TELEMETRY_PORT": str(self.ports[f"{name}_telemetry"]),
            "AUTH_ISSUER": ISSUER,
            "AUTH_AUDIENCE": AUDIENCE,
            "AUTH_JWKS": Issuer(self.var.identity).jwks_url,
            "COMPANY_TIME_ZONE": settings.company_time_zone,
            "BASE_CURRENCY": settings.base_currency,
            "LOG_LEVEL": settings.log_level,
        }

    def _service(self, service: str) -> dict[str, str]:
        own = {
            "DATABASE_URL": self.postgres.url(service),
            "PORT": str(self.ports[service]),
            "CURSOR_SECRET": self.var.secret("cursor"),
        }
        if service == "gateway":
            own |= {f"{name.upper()}_URL": self.url(name) for name in UPSTREAMS}
            own["TOPICS_FILE"] = str(TOPICS)
        return self._common(service) | own


def topics_program(event_log: str, *, log: Path) -> Program:
    """The command that brings an event log in line with deploy/kafka/topics.yaml."""
    return Program(
        name="topics",
        command=[sys.executable, "-m", "chassis.topics", str(TOPICS)],
        environment=inherited_environment() | {"EVENT_LOG": event_log},
        log=log,
    )


def answers_ready(port: int, *, path: str = "/health/ready") -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HEALTH_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

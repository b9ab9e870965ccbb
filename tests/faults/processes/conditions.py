"""The conditions that a stack starts under, as a row has written them to var/conditions.json.

- `links`: a process reaches its log or its database through a port of a proxy, "relay/log": 40001.
- `listeners`: for each such link to Kafka, the broker's own port for it. A broker tells its clients
  where to go on, so that each of them needs a listener that names its proxy.
- `weather`: the library of weather.c, loaded into PostgreSQL and the services.
"""

import json
from pathlib import Path
from typing import Any

from local import kafka
from local.child import Program
from local.postgres import Postgres
from local.services import Plan


def file_of(var: Path) -> Path:
    return var / "conditions.json"


def weather_of(var: Path, name: str) -> Path:
    """What the library reads: `fsync` in milliseconds, `clock-<process>` in seconds."""
    return var / "weather" / name


def apply(var: Path) -> str:
    """Change what the launcher is about to start; gives the library for our own processes."""
    if not file_of(var).exists():
        return ""
    told = json.loads(file_of(var).read_text(encoding="utf-8"))
    kafka.PROPERTIES = with_listeners(kafka.PROPERTIES, told["links"], told["listeners"])
    _rewire(told["links"])
    if told["weather"]:
        _expose(var, told["weather"])
    return str(told["weather"] or "")


def with_listeners(properties: str, links: dict[str, int], listeners: dict[str, int]) -> str:
    """The broker's properties with a listener for each link to the log."""
    for link, port in listeners.items():
        name = link.partition("/")[0].upper()
        for line, added in (
            ("\nlisteners=", f"{name}://127.0.0.1:{port},"),
            ("\nadvertised.listeners=", f"{name}://127.0.0.1:{links[link]},"),
            ("\nlistener.security.protocol.map=", f"{name}:PLAINTEXT,"),
        ):
            assert line in properties, f"the broker's properties have no {line!r}"
            properties = properties.replace(line, line + added)
    return properties


def _rewire(links: dict[str, int]) -> None:
    python = Plan._python

    def rewired(self: Plan, name: str, module: str, *rest: str, environment: Any) -> Program:
        known = [self.ports["postgres"], self.ports["kafka"]]
        changed = {
            variable: through(value, known, links.get(f"{name}/{link_of(variable)}"))
            for variable, value in environment.items()
        }
        return python(self, name, module, *rest, environment=changed)

    Plan._python = rewired  # type: ignore[method-assign]


def link_of(variable: str) -> str:
    return {"EVENT_LOG": "log"}.get(variable, "database")


def through(value: str, ports: list[int], proxy: int | None) -> str:
    """An address in an environment variable, by way of the proxy."""
    if proxy is not None:
        for port in ports:
            value = value.replace(f"127.0.0.1:{port}", f"127.0.0.1:{proxy}")
    return value


def _expose(var: Path, library: str) -> None:
    python, postgres = Plan._python, Postgres.program

    def exposed(self: Plan, name: str, module: str, *rest: str, environment: Any) -> Program:
        weather = {"FAULT_CLOCK": str(weather_of(var, f"clock-{name}"))}
        return python(self, name, module, *rest, environment=environment | weather)

    def exposed_postgres(self: Postgres) -> Program:
        program = postgres(self)
        weather = {"LD_PRELOAD": library, "FAULT_FSYNC": str(weather_of(var, "fsync"))}
        return Program(
            name=program.name,
            command=program.command,
            environment=dict(program.environment) | weather,
            log=program.log,
            stop_signal=program.stop_signal,
            stop_timeout_seconds=program.stop_timeout_seconds,
            account=program.account,
        )

    Plan._python = exposed  # type: ignore[method-assign]
    Postgres.program = exposed_postgres  # type: ignore[method-assign]

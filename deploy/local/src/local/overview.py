"""What a running stack looks like from outside: who runs, who is healthy, who is behind."""

import http.client
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from local import preflight
from local.services import answers_ready
from local.state import Running, Var

SCRAPE_TIMEOUT_SECONDS = 2.0
WAITING = re.compile(
    r"^(?:pipeline_consumer_lag_records|outbox_pending_events)(?:{[^}]*})? (\S+)", re.MULTILINE
)


@dataclass(frozen=True)
class Part:
    """One process. `waiting`: events that it has still to apply or publish; None if unknown."""

    name: str
    state: str
    pid: int
    port: int | None
    restarts: int
    waiting: int | None = None


@dataclass(frozen=True)
class Overview:
    """A stack at one moment."""

    log: str | None = None
    phase: str = "down"
    parts: list[Part] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        return self.phase == "ready" and all(part.state == "ready" for part in self.parts)

    def as_dict(self) -> dict[str, Any]:
        return {"ready": self.ready, **asdict(self)}


def overview(var: Var) -> Overview:
    running = Running.load(var.running)
    if running is None:
        return Overview()
    alive = preflight.same_process(running.launcher) is not None
    phase = running.phase if alive else "the launcher was killed"
    return Overview(log=running.log, phase=phase, parts=list(parts(running)))


def parts(running: Running) -> Iterator[Part]:
    for name, process in running.processes.items():
        telemetry = running.ports.get(f"{name}_telemetry")
        state = process.state
        if preflight.same_process(process) is None:
            state = "dead"
        elif state == "ready" and telemetry is not None and not answers_ready(telemetry):
            state = "not ready"
        waiting = None if telemetry is None or state == "dead" else events_waiting(telemetry)
        port = running.ports.get(name) or telemetry
        yield Part(name, state, process.pid, port, process.restarts, waiting)


def events_waiting(telemetry_port: int) -> int | None:
    """The sum of what consumers lag and outboxes hold, by the process's own telemetry."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", telemetry_port, timeout=SCRAPE_TIMEOUT_SECONDS
    )
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    values = [float(value) for value in WAITING.findall(text)]
    return int(sum(values)) if values else None

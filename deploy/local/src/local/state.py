"""What a stack keeps under var/: data, secrets, logs, the log it chose, and what runs now.

var/postgres, var/kafka   data
var/log/<name>.log        output of each process
var/log-choice            kafka or postgres, settled at the first start
var/prepared              tells whether schemas and topics are up to date
var/secrets/<name>        made at the first start, readable by the owner alone
var/identity/             signing key of the development issuer
var/run/stack.json        who runs now, with pids; var/run/lock is held while a launcher lives
"""

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.errors import CannotStart
from local.settings import LogKind

PRIVATE = 0o600


@dataclass(frozen=True)
class Var:
    """The layout of one var/ directory."""

    root: Path

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def kafka(self) -> Path:
        return self.root / "kafka"

    @property
    def identity(self) -> Path:
        return self.root / "identity"

    @property
    def lock(self) -> Path:
        return self.root / "run" / "lock"

    @property
    def running(self) -> Path:
        return self.root / "run" / "stack.json"

    def log(self, name: str) -> Path:
        return self.root / "log" / f"{name}.log"

    def secret(self, name: str) -> str:
        """The secret of that name, made when first asked for."""
        path = self.root / "secrets" / name
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32))
        return path.read_text(encoding="ascii")

    @property
    def log_choice(self) -> LogKind | None:
        """The event log that holds the data of this directory; None before the first start."""
        path = self.root / "log-choice"
        if not path.exists():
            return None
        match path.read_text(encoding="ascii").strip():
            case "kafka":
                return "kafka"
            case "postgres":
                return "postgres"
            case other:
                raise CannotStart(f"{path} says {other!r}", mend="write kafka or postgres into it")

    @property
    def prepared(self) -> str | None:
        """The fingerprint of schemas and topics that were last applied here in full."""
        path = self.root / "prepared"
        return path.read_text(encoding="ascii") if path.exists() else None

    def keep_prepared(self, fingerprint: str) -> None:
        write_private(self.root / "prepared", fingerprint)

    def keep_log_choice(self, kind: LogKind) -> None:
        write_private(self.root / "log-choice", kind + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file in one step, readable by its owner alone at every moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    incoming = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(incoming, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    incoming.replace(path)


@dataclass
class ProcessState:
    """One process of a running stack. `created` tells it from a later one of the same pid."""

    pid: int
    created: float
    state: str = "starting"
    restarts: int = 0


@dataclass
class Running:
    """What a launcher says about itself, for status, down and whoever cleans up after it."""

    launcher: ProcessState
    log: LogKind
    ports: dict[str, int]
    phase: str = "starting"
    processes: dict[str, ProcessState] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        write_private(path, json.dumps(self, default=vars))

    @classmethod
    def load(cls, path: Path) -> "Running | None":
        """What the last launcher wrote; None when there was none or it left nothing legible."""
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                launcher=ProcessState(**content["launcher"]),
                log=content["log"],
                ports=content["ports"],
                phase=content["phase"],
                processes={
                    name: ProcessState(**state) for name, state in content["processes"].items()
                },
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

"""The launcher of `make up` with six differences, all of them outside the product's processes.

- Services and relay run through `armed.py`, so that a trap can be set for them.
- What has a file under var/held stays dead until the file is gone: a part can be down for a while.
- Every death counts as a process's first, and is seen soon: a row must not wait for
  the back-off that earlier rows have earned it.
- The topic `pipeline` has twelve partitions, so that four workers have something to share.
- Our processes are forks of one that has loaded their modules (`warm.py`).
- What a row has written into var/conditions.json holds (`conditions.py`).
"""

import sys
from pathlib import Path
from typing import Any

import yaml

from local import __main__, services, supervisor
from local.child import Program
from local.services import Plan
from local.settings import Settings
from local.supervisor import Supervised

HELD_SECONDS = 0.1
PARTITIONS = 12


class Held(Supervised):
    """Is not started again while it is held down."""

    def restart(self, now: float) -> None:
        if (held(Settings.load().var) / self.name).exists():
            self.restart_at = now + HELD_SECONDS
        else:
            super().restart(now)


def held(var: Path) -> Path:
    return var / "held"


def trap_of(var: Path, process: str) -> Path:
    return var / "traps" / f"{process}.json"


def command_of(var: Path, process: str, module: str) -> list[str]:
    """Runs a module of the product so that a trap can be set for it."""
    armed = str(Path(__file__).with_name("armed.py"))
    return [sys.executable, armed, str(trap_of(var, process)), module]


def arm(plan: type[Plan]) -> None:
    """Let all long-lived processes of ours run through `armed.py`."""
    python = plan._python

    def armed(self: Plan, name: str, module: str, *arguments: str, environment: Any) -> Program:
        program = python(self, name, module, *arguments, environment=environment)
        if arguments:  # a migration: it runs once, before anything else
            return program
        command = command_of(self.var.root, name, module)
        return Program(name=name, command=command, environment=program.environment, log=program.log)

    plan._python = armed  # type: ignore[method-assign]


def widened(topics: Path, *, into: Path) -> Path:
    """The topics of the product, with more partitions of one."""
    content = yaml.safe_load(topics.read_text(encoding="utf-8"))
    content["topics"]["pipeline"]["partitions"] = PARTITIONS
    into.parent.mkdir(parents=True, exist_ok=True)
    into.write_text(yaml.safe_dump(content), encoding="utf-8")
    return into


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[2])  # instead of this folder, as it is a script
    from faults.processes import conditions, warm

    var = Settings.load().var.absolute()
    arm(Plan)
    warm.warm_up(warm.EVERYTHING, library=conditions.apply(var))
    supervisor.Child = warm.WarmChild  # type: ignore[attr-defined]
    supervisor.Supervised = Held  # type: ignore[misc]
    supervisor.STABLE_SECONDS = 0.0
    supervisor.TICK_SECONDS = 0.05
    services.TOPICS = widened(services.TOPICS, into=var / "topics.yaml")
    sys.exit(__main__.main())

"""`tandem up`, `down`, `status`: the whole of Tandem on this machine."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from local.child import leashed
from local.errors import CannotStart
from local.launcher import launch, take_down
from local.overview import overview
from local.ports import Ports
from local.services import Plan
from local.settings import Settings, inherited_environment
from local.stack import Stack
from local.state import Var
from tandem.session import ExitCode, JsonOption, fail, say_json

VarOption = Annotated[
    Path | None,
    typer.Option("--var", help="Where data and logs are kept; default: VAR, else var/."),
]

EPILOG_UP = """
Examples:

  tandem up                                 start, stay in the foreground; Ctrl-C ends all of it

  tandem up --log postgres                  without Kafka: Python is all it needs

  tandem up --var /tmp/second               a second stack; PORT_BASE=21000 gives it other ports

Exit codes: 0 ended as asked, 2 cannot start (one line says why, and the mend).
"""
EPILOG_DOWN = """
Example: tandem down

Exit codes: 0 nothing runs now, 2 the launcher does not end.
"""
EPILOG_STATUS = """
Examples:

  tandem status

  tandem status --json | jq .ready

Exit codes: 0 all is ready, 1 it is not.
"""


def up(
    *,
    log: Annotated[
        Literal["kafka", "postgres"] | None,
        typer.Option(help="The event log; default: LOG, else as before, at first Kafka."),
    ] = None,
    var: VarOption = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Import a demo company's history, too.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when all is ready; end it with `tandem down`.")
    ] = False,
) -> None:
    """Start PostgreSQL, the event log and all services, and keep them running."""
    try:
        settings = Settings.load(log=log, var=var)
        if detach:
            start_detached(settings)
        else:
            launch(settings, say=say, while_up=companion(demo=demo))
    except CannotStart as refusal:
        fail(str(refusal), ExitCode.UNUSABLE)


def down(*, var: VarOption = None) -> None:
    """End a stack that runs in another terminal, or what a killed one has left."""
    try:
        place = Var(Settings.load(var=var).var.absolute())
        say("Stopped." if take_down(place) else f"Nothing runs on {place.root}.")
    except CannotStart as refusal:
        fail(str(refusal), ExitCode.UNUSABLE)


def status(*, var: VarOption = None, json: JsonOption = False) -> None:
    """Show the processes, their ports and health, and how far the views are behind."""
    try:
        place = Var(Settings.load(var=var).var.absolute())
    except CannotStart as refusal:
        fail(str(refusal), ExitCode.UNUSABLE)
    seen = overview(place)
    if json:
        say_json(seen.as_dict())
    elif not seen.parts:
        say(f"Nothing runs on {place.root}. Start it with `make up`.")
    else:
        table = Table()
        for column in ("process", "state", "pid", "port", "restarts", "waiting"):
            table.add_column(column, justify="left" if column in {"process", "state"} else "right")
        for part in seen.parts:
            waiting = "" if part.waiting is None else f"{part.waiting:,}"
            cells = (part.pid, part.port or "", part.restarts, waiting)
            table.add_row(part.name, part.state, *map(str, cells))
        console().print(table)
        say("waiting: events not applied yet (services), not published yet (relay)")
    if not seen.ready:
        raise typer.Exit(ExitCode.REFUSED)


def start_detached(settings: Settings) -> None:
    stack = Stack(settings.var, ports=Ports.chosen(inherited_environment()), log=settings.log)
    stack.start(detached=True)
    front_door(stack.plan)


def companion(*, demo: bool) -> Callable[[Plan], AbstractContextManager[None]]:
    """What goes on while the stack is up: a word about the front door, and the demo if asked."""

    @contextmanager
    def while_up(plan: Plan) -> Iterator[None]:
        front_door(plan)
        if not demo:
            yield
            return
        process = subprocess.Popen(  # noqa: S603 - our own command
            leashed(
                [sys.executable, "-m", "tandem", "demo", "--url", plan.url("gateway")],
                stop_signal=signal.SIGTERM,
                account=None,
            ),
            env=inherited_environment() | {"VAR": str(plan.var.root)},
            start_new_session=True,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait()

    return while_up


def front_door(plan: Plan) -> None:
    url = plan.url("gateway")
    tandem = sys.argv[0]  # as it was called, so that the line can be copied
    say(f"The front door  {url}   API {url}/docs")
    say(f"A token         {tandem} token --role sales_lead")
    say(f"Processes       {tandem} status   logs in {plan.var.root / 'log'}")
    say("Ctrl-C or `make down` ends it; the data stay.")


def say(line: str) -> None:
    console().print(line, highlight=False, soft_wrap=True, markup=False)


def console() -> Console:
    return Console()

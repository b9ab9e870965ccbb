"""`tandem topics`: the topics as declared, and bringing the event log in line with them."""

import subprocess
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.table import Table

from local.ports import Ports
from local.services import TOPICS, topics_program
from local.settings import Settings
from local.stack import Stack
from local.state import Running, Var
from tandem.session import ExitCode, JsonOption, fail, say_json, screen

COLUMNS = ("owner", "key", "partitions", "retention", "dlq")

topics = typer.Typer(
    no_args_is_help=True, help="Topics of the event log, declared in deploy/kafka/topics.yaml."
)


@topics.command("list", epilog="Example: tandem topics list --json")
def list_topics(*, json: JsonOption = False) -> None:
    """List the declared topics with owner, key, partitions and retention."""
    declared: dict[str, dict[str, Any]] = yaml.safe_load(TOPICS.read_text("utf-8"))["topics"]
    if json:
        say_json(declared)
        return
    table = Table()
    for column in ("topic", *COLUMNS):
        table.add_column(column)
    for name, topic in declared.items():
        table.add_row(name, *(str(topic.get(column, "")) for column in COLUMNS))
    screen().print(table)


@topics.command(
    epilog="Example: EVENT_LOG=kafka://broker:9092 tandem topics apply. "
    "Exit codes: 0 in line, 1 something differs that is not changed by itself, 2 no event log."
)
def apply(
    *,
    event_log: Annotated[
        str | None, typer.Option(envvar="EVENT_LOG", help="Default: the log of `make up`.")
    ] = None,
    var: Annotated[Path | None, typer.Option("--var", help="The stack's var/.")] = None,
) -> None:
    """Create missing topics and report differences. Nothing is ever shrunk or deleted."""
    var_folder = Var(Settings.load(var=var).var.absolute())
    program = topics_program(event_log or running_log(var_folder), log=var_folder.log("topics"))
    result = subprocess.run(  # noqa: S603 - our own command
        program.command, env=dict(program.environment), check=False
    )
    raise typer.Exit(result.returncode)


@topics.command(
    epilog="Example: tandem topics grow pipeline. Exit codes: 0 grown, 1 not grown and why, 2 "
    "nothing runs here. Elsewhere: python -m chassis.grow, with the relay's environment."
)
def grow(
    topic: Annotated[str, typer.Argument(help="A topic of deploy/kafka/topics.yaml.")],
    *,
    var: Annotated[Path | None, typer.Option("--var", help="The stack's var/.")] = None,
) -> None:
    """Give a topic as many partitions as it is declared with, while everything runs.

    Events wait in the outboxes until the consumers have read the topic to its end; so
    every key keeps its order. Commands are accepted meanwhile.
    """
    declared = yaml.safe_load(TOPICS.read_text("utf-8"))["topics"]
    if topic not in declared:
        fail(f"{topic} is not declared; declared are {', '.join(declared)}", ExitCode.UNUSABLE)
    stack = running_stack(Var(Settings.load(var=var).var.absolute()))
    program = stack.plan.growing(topic, declared[topic]["partitions"])
    result = subprocess.run(  # noqa: S603 - our own command
        program.command, env=dict(program.environment), check=False
    )
    raise typer.Exit(result.returncode)


def running_log(var: Var) -> str:
    return running_stack(var).event_log


def running_stack(var: Var) -> Stack:
    running = Running.load(var.running)
    if running is None:
        fail("no stack runs here; start it with `make up`, or give --event-log", ExitCode.UNUSABLE)
    return Stack(var.root, ports=Ports(running.ports), log=running.log)

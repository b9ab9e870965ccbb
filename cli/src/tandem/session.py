"""What every command shares: where the gateway is, who asks, and how a command ends."""

from __future__ import annotations

import json as json_format
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from tandem.client import CannotAsk, Gateway, GatewayRefused, GatewayUnreachable
from tandem.local_stack import local_token, local_url

UrlOption = Annotated[
    str | None,
    typer.Option("--url", envvar="TANDEM_URL", help="The gateway; default: the one of `make up`."),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="TANDEM_TOKEN",
        help="Bearer token; default: one from the local development issuer.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

CursorOption = Annotated[str | None, typer.Option(help="Where the last page ended.")]


_INSTANT = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$")


class ExitCode(IntEnum):
    """How a command ended, for scripts."""

    DONE = 0
    REFUSED = 1
    UNUSABLE = 2
    ROWS_REFUSED = 3
    UNREACHABLE = 4


def screen(*, stderr: bool = False) -> Console:
    """The terminal. Data is printed as it is: `[/b]` in a customer's file is no markup of ours."""
    return Console(stderr=stderr, markup=False, highlight=False)


def fail(message: str, code: ExitCode) -> NoReturn:
    """Say in one line what is wrong, on standard error, and end the command."""
    said = Text.assemble(("tandem:", "red"), f" {message}")
    screen(stderr=True).print(said, soft_wrap=True)
    raise typer.Exit(code)


def say_json(value: Any) -> None:
    """Print a value for programs."""
    typer.echo(json_format.dumps(value, ensure_ascii=False, indent=2))


def say_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, empty: str) -> None:
    """Print the columns of rows for people, or that there are none."""
    if not rows:
        screen().print(empty)
        return
    # Folded, not cut: a type or an id that is not whole can neither be told apart nor copied.
    table = Table(*(Column(name.replace("_", " "), overflow="fold") for name in columns))
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in columns))
    screen().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return legible(", ".join(map(str, value)))
    return moment(legible(str(value)))


def legible(text: str) -> str:
    """A stranger's text, whose control characters would act on the terminal, with these shown."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def moment(text: str) -> str:
    """An instant to the second, with a space to wrap at; other text as it is."""
    return _INSTANT.sub(r"\1 \2Z", text)


def say_page(page: Mapping[str, Any], columns: Sequence[str], *, json: bool, empty: str) -> None:
    """Print a page of a list, and how to ask for the next one."""
    if json:
        say_json(page)
        return
    for missing in page.get("missing", ()):
        screen(stderr=True).print(f"{missing['service']} is missing: {missing['reason']}")
    say_table(page["items"], columns, empty=empty)
    say_more(page.get("next_cursor"))


def say_more(cursor: str | None) -> None:
    """How to ask for the next page, on one line, so that it can be copied."""
    if cursor is not None:
        screen().print(f"… more: --cursor {cursor}", soft_wrap=True)


def given(**options: Any) -> dict[str, Any]:
    """The options that somebody gave."""
    return {name: value for name, value in options.items() if value is not None}


@contextmanager
def gateway_session(
    url: str | None, token: str | None, *, roles: Sequence[str], sources: Sequence[str] = ()
) -> Iterator[Gateway]:
    """A session with the gateway whose errors end the command in one clear line.

    A token of the local issuer has these roles, and speaks for these sources.
    """
    token = token or local_token(roles, sources)
    if token is None:
        fail(
            "no token: give one with --token or TANDEM_TOKEN, or start a stack with `make up`",
            ExitCode.UNUSABLE,
        )
    try:
        with Gateway(url or local_url(), token) as gateway:
            yield gateway
    except CannotAsk as error:
        fail(str(error), ExitCode.UNUSABLE)
    except GatewayUnreachable as error:
        fail(str(error), ExitCode.UNREACHABLE)
    except GatewayRefused as error:
        fail(error.text, ExitCode.REFUSED)

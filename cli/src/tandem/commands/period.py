"""`tandem period`: close a period, list who closed what, show what changed since."""

from __future__ import annotations

import time
from typing import Annotated, Final

import typer
from rich.table import Table

from tandem.client import segment
from tandem.commands.kpi import LanguageOption, figure
from tandem.session import (
    JsonOption,
    TokenOption,
    UrlOption,
    gateway_session,
    say_json,
    screen,
)

_ROLES: Final = ("admin",)
_ASK_SECONDS: Final = 0.5
_COLUMNS: Final = ("period", "edition", "known_at", "closed_at", "closed_by")

LabelArgument = Annotated[
    str, typer.Argument(metavar="PERIOD", help="2026, 2026-Q3, 2026-09 or 2026-W39.")
]

period = typer.Typer(
    no_args_is_help=True,
    help="Closed periods: figures as they were published. See docs/guides/rebuild.md.",
)


@period.command(epilog="Example: tandem period close 2026-Q3")
def close(
    label: LabelArgument,
    *,
    despite_gaps: Annotated[
        bool, typer.Option("--despite-gaps", help="Although events are held back or missing.")
    ] = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Publish a period's figures as they are known now; again, to add an edition."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        path = f"/v1/periods/{segment(label)}"
        closing = gateway.post(f"{path}/close", {"despite_gaps": despite_gaps})
        while not closing["is_published"]:
            time.sleep(_ASK_SECONDS)
            closing = gateway.get(path)["items"][closing["edition"] - 1]
    screen().print(
        f"{closing['period']} is closed: edition {closing['edition']}, as known at"
        f" {closing['known_at']}. Read it with view=published."
    )


@period.command("list", epilog="Example: tandem period list")
def list_closings(
    *, json: JsonOption = False, url: UrlOption = None, token: TokenOption = None
) -> None:
    """List who closed which period when, the last one first."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        found = gateway.get("/v1/periods")
    if json:
        say_json(found)
        return
    if not found["items"]:
        screen().print("No period was closed yet.")
        return
    table = Table(*(name.replace("_", " ") for name in _COLUMNS))
    for one in found["items"]:
        table.add_row(*(str(one[name]) for name in _COLUMNS))
    screen().print(table)


@period.command(epilog="Example: tandem period differences 2026-Q3")
def differences(
    label: LabelArgument,
    *,
    edition: Annotated[int | None, typer.Option(min=1, help="The last one by default.")] = None,
    lang: LanguageOption = "en",
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show which figures of a closed period are not what was published."""
    path = f"/v1/periods/{segment(label)}/differences"
    asked = {} if edition is None else {"edition": edition}
    with gateway_session(url, token, roles=_ROLES) as gateway:
        found = gateway.get(path, asked)
        currency = None if json else gateway.get("/v1/kpis")["currency"]
    if json:
        say_json(found)
        return
    if not found["items"]:
        screen().print("Everything is as it was published.")
        return
    table = Table("KPI", "of", "published", "now", "difference")
    for item in found["items"]:
        scale = {"unit": item["unit"], "currency": currency}
        values = [row and row["value"] for row in (item["before"], item["after"])]
        scope = ", ".join(f"{name} {member}" for name, member in item["dimensions"].items())
        told = (figure(scale, value) for value in (*values, item["difference"]))
        table.add_row(item["name"][lang], scope, *told)
    screen().print(table)
    if found["next_cursor"]:
        screen().print("… more; --json and `cursor` page on")

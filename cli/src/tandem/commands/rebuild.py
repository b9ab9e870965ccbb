"""`tandem rebuild`: make all figures anew beside those in force, see what differs, switch."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from tandem.client import Gateway
from tandem.commands.kpi import Language, LanguageOption, figure
from tandem.session import (
    ExitCode,
    JsonOption,
    TokenOption,
    UrlOption,
    fail,
    gateway_session,
    moment,
    say_json,
    screen,
)

_ROLES: Final = ("admin",)
_ASK_SECONDS: Final = 0.5
_MOST_SHOWN: Final = 40
_COLUMNS: Final = ("id", "status", "switch", "percent", "catalogue", "asked by", "in force since")

EPILOG = """
Examples:

  tandem rebuild                    build, show what would differ, ask whether to switch

  tandem rebuild --yes              the same, and switch without asking

  tandem rebuild --by owner         compare by owner, not only in total

  tandem rebuild back               go back to the figures before

Exit codes: 0 switched (or shown), 1 refused or not switched, 2 wrong use, 4 gateway not reached.
"""

YesOption = Annotated[bool, typer.Option("--yes", help="Switch without asking.")]
ByOption = Annotated[str | None, typer.Option(help="Dimension to compare along.")]
IdArgument = Annotated[int, typer.Argument(metavar="ID", help="As `tandem rebuild list` shows it.")]

rebuild = typer.Typer(
    invoke_without_command=True,
    epilog=EPILOG,
    help="Make all figures anew from the events, beside those in force. "
    "See docs/guides/rebuild.md.",
)


@rebuild.callback()
def start(
    context: typer.Context,
    *,
    yes: YesOption = False,
    by: ByOption = None,
    lang: LanguageOption = "en",
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Build, compare, switch."""
    if context.invoked_subcommand is not None:
        return
    with gateway_session(url, token, roles=_ROLES) as gateway:
        before = _live(gateway)
        made = gateway.post("/v1/rebuilds", {"switch": "by_hand"})
        _await(gateway, made["id"], {"ready", "failed"})
        _show_differences(screen(), gateway, made["id"], by=by, lang=lang)
        if not yes and not typer.confirm(f"Switch to generation {made['id']}?"):
            screen().print(
                f"Generation {made['id']} stays ready: tandem rebuild switch {made['id']},"
                f" or tandem rebuild drop {made['id']}"
            )
            raise typer.Exit(ExitCode.REFUSED)
        _switch(gateway, made["id"])
    if before is not None:
        screen().print(f"Back to generation {before['id']}: tandem rebuild back")


@rebuild.command("list", epilog="Example: tandem rebuild list")
def list_rebuilds(
    *, json: JsonOption = False, url: UrlOption = None, token: TokenOption = None
) -> None:
    """List the figures in force, those being made, and those that one can go back to."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        found = gateway.get("/v1/rebuilds")
    if json:
        say_json(found)
        return
    table = Table(*_COLUMNS)
    for one in found["items"]:
        table.add_row(
            str(one["id"]),
            one["status"] if one["failure"] is None else f"failed: {one['failure']}",
            one["switch"].replace("_", " "),
            f"{one['progress']['percent']:.1f} %",
            one["catalogue_version"],
            one["asked_by"],
            moment(one["live_at"] or ""),
        )
    screen().print(table)


@rebuild.command(epilog="Example: tandem rebuild differences 3 --by team")
def differences(
    rebuild_id: IdArgument,
    *,
    by: ByOption = None,
    lang: LanguageOption = "en",
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show how a generation's values differ from those in force."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        if json:
            say_json(gateway.get(f"/v1/rebuilds/{rebuild_id}/differences", _given(by)))
        else:
            _show_differences(screen(), gateway, rebuild_id, by=by, lang=lang)


@rebuild.command(epilog="Example: tandem rebuild switch 3")
def switch(rebuild_id: IdArgument, *, url: UrlOption = None, token: TokenOption = None) -> None:
    """Let a generation go live as soon as it has caught up."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        _switch(gateway, rebuild_id)


@rebuild.command(epilog="Example: tandem rebuild back")
def back(*, url: UrlOption = None, token: TokenOption = None) -> None:
    """Go back to the figures that were in force before."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        found = gateway.get("/v1/rebuilds")["items"]
        retired = [one for one in found if one["status"] == "retired"]
        if not retired:
            fail("there are no figures of before", ExitCode.REFUSED)
        _switch(gateway, max(retired, key=lambda one: str(one["retired_at"]))["id"])


@rebuild.command(epilog="Example: tandem rebuild drop 3")
def drop(rebuild_id: IdArgument, *, url: UrlOption = None, token: TokenOption = None) -> None:
    """Give up a generation that is not in force."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        gateway.delete(f"/v1/rebuilds/{rebuild_id}")
    screen().print(f"Generation {rebuild_id} is given up.")


def _live(gateway: Gateway) -> Any:
    found = gateway.get("/v1/rebuilds")["items"]
    return next((one for one in found if one["status"] == "live"), None)


def _switch(gateway: Gateway, rebuild_id: int) -> None:
    gateway.post(f"/v1/rebuilds/{rebuild_id}/switch", {})
    _await(gateway, rebuild_id, {"live", "failed"})
    screen().print(f"Generation {rebuild_id} is in force.")


def _await(gateway: Gateway, rebuild_id: int, until: set[str]) -> None:
    """Show the progress of a generation until it is so far."""
    bars = Progress(
        TextColumn("generation {task.fields[number]}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=screen(),
    )
    with bars:
        bar = bars.add_task("", total=100, number=rebuild_id, note="")
        while True:
            one = gateway.get(f"/v1/rebuilds/{rebuild_id}")
            bars.update(bar, completed=one["progress"]["percent"], note=_note(one))
            if one["status"] in until:
                break
            time.sleep(_ASK_SECONDS)
    if one["status"] == "failed":
        fail(f"generation {rebuild_id} cannot be built: {one['failure']}", ExitCode.REFUSED)


def _note(one: Any) -> str:
    progress = one["progress"]
    told = [f"{progress['events']:,} events"]
    if progress["events_a_second"]:
        told.append(f"{progress['events_a_second']:,.0f}/s")
    if progress["seconds_left"]:
        told.append(f"{progress['seconds_left']:.0f} s left")
    return ", ".join(told)


def _show_differences(
    console: Console, gateway: Gateway, rebuild_id: int, *, by: str | None, lang: Language
) -> None:
    page = gateway.get(f"/v1/rebuilds/{rebuild_id}/differences", _given(by))
    currency = page["after"]["base_currency"]
    for name, told in (("only_before", "Gone"), ("only_after", "New")):
        if page[name]:
            console.print(f"{told}: {', '.join(page[name])}")
    if not page["items"]:
        console.print("No value differs.")
        return
    table = Table("KPI", "period", *([by] if by else []), "in force", "new", "difference")
    for item in page["items"][:_MOST_SHOWN]:
        values = [row and row["value"] for row in (item["before"], item["after"])]
        scale = {"unit": item["unit"], "currency": currency}
        table.add_row(
            item["name"][lang],
            item["period"],
            *([item["dimensions"].get(by, "")] if by else []),
            *(figure(scale, value) for value in (*values, item["difference"])),
        )
    console.print(table)
    if len(page["items"]) > _MOST_SHOWN or page["next_cursor"]:
        console.print(f"… more: tandem rebuild differences {rebuild_id} --json")
    first = page["items"][0]
    console.print(
        f"Because of which facts: GET /v1/kpis/{first['kpi']}/differences"
        f"?period={first['period']}&against_generation={rebuild_id}"
    )


def _given(by: str | None) -> dict[str, str]:
    return {} if by is None else {"by": by}

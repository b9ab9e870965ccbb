"""`tandem kpi define|retire|definitions|vocabulary`: KPIs of the company's own."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table
from typer.core import TyperGroup

from tandem.client import Gateway, GatewayRefused, segment
from tandem.commands import kpi_shapes
from tandem.commands.kpi import EPILOG, LanguageOption, show_kpi
from tandem.session import (
    ExitCode,
    JsonOption,
    TokenOption,
    UrlOption,
    fail,
    gateway_session,
    say_json,
    screen,
)

_ROLES: Final = ("boss",)
_ASK_SECONDS: Final = 0.5
_NOT_FOUND: Final = 404
_SHOW: Final = "show"
_UNDER_WAY: Final = frozenset({"waiting", "backfilling"})
_DEFINITIONS: Final = ("kpi", "version", "state", "in force", "changed by", "formula")
_VOCABULARY: Final = ("kind", "means", "counts on", "sum of", "percentile of", "filter by")

IdArgument = Annotated[str, typer.Argument(metavar="KPI", help="Id of an own KPI.")]


class _ShowUnlessNamed(TyperGroup):
    """`tandem kpi win_rate …` is `tandem kpi show win_rate …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, *ctx.help_option_names}:
            args = [_SHOW, *args]
        return super().parse_args(ctx, args)


kpis = typer.Typer(
    cls=_ShowUnlessNamed,
    epilog=EPILOG,
    help="Print a KPI, the catalogue of all KPIs, or the facts behind a value; define your own. "
    "See docs/guides/own-kpis.md.",
)
kpis.command(_SHOW, epilog=EPILOG)(show_kpi)
kpis.command("shape", epilog=kpi_shapes.EPILOG)(kpi_shapes.show_shape)


@kpis.command(epilog="Example: tandem kpi define west_win_rate.json --wait")
def define(
    file: Annotated[
        Path, typer.Argument(help="The definition, JSON or YAML; - reads it from stdin.")
    ],
    *,
    wait: Annotated[
        bool, typer.Option("--wait", help="Show the progress until it is in force.")
    ] = False,
    json: JsonOption = False,
    lang: LanguageOption = "en",
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Define a KPI, or change the one of the same id; it is made from all of history."""
    body = _read(file)
    with gateway_session(url, token, roles=_ROLES) as gateway:
        own = _send(gateway, body)
        if wait:
            own = _await(gateway, own)
    if json:
        say_json(own)
        return
    screen().print(f"{own['id']} version {own['version']}: {own['state'].replace('_', ' ')}")
    screen().print(f"{own['kpi']['name'][lang]} = {own['kpi']['formula'][lang]}")


@kpis.command(epilog="Example: tandem kpi retire west_win_rate")
def retire(kpi: IdArgument, *, url: UrlOption = None, token: TokenOption = None) -> None:
    """Retire an own KPI: the next figures have no values of it."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        gateway.delete(f"/v1/kpis/{segment(kpi)}")
    screen().print(f"{kpi} is retired; its definitions stay in `tandem kpi definitions`.")


@kpis.command(epilog="Example: tandem kpi definitions")
def definitions(
    *,
    json: JsonOption = False,
    lang: LanguageOption = "en",
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List own KPIs, and how they stand."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        found = gateway.get("/v1/kpis/definitions")
    if json:
        say_json(found)
        return
    table = Table(*_DEFINITIONS)
    for own in found["items"]:
        version = own["version_in_force"]
        table.add_row(
            own["id"],
            str(own["version"]),
            _state(own),
            "" if version is None else f"version {version}",
            own["changed_by"],
            own["kpi"]["formula"][lang] if own["kpi"] else "",
        )
    screen().print(table)


@kpis.command(epilog="Example: tandem kpi vocabulary --lang zh")
def vocabulary(
    *,
    json: JsonOption = False,
    lang: LanguageOption = "en",
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List the kinds of moments that definitions can name."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        found = gateway.get("/v1/kpis/vocabulary")
    if json:
        say_json(found)
        return
    table = Table(*_VOCABULARY)
    for kind in found["items"]:
        table.add_row(
            kind["name"],
            kind["means"][lang],
            kind["counts_on"][lang],
            kind["amounts"] or "",
            kind["lasted"][lang] if kind["lasted"] else "",
            ", ".join(kind["filters"]),
        )
    screen().print(table)


def _read(file: Path) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        body = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        fail(f"{file} cannot be read: {error}", ExitCode.UNUSABLE)
    if not isinstance(body, dict) or not isinstance(body.get("id"), str):
        fail(
            f"{file} is no definition: it has no `id`; see docs/guides/own-kpis.md",
            ExitCode.UNUSABLE,
        )
    return body


def _send(gateway: Gateway, body: dict[str, Any]) -> Any:
    """Define it, or where it is defined, define it anew from the version that is there."""
    path = f"/v1/kpis/{segment(body['id'])}"
    try:
        before = gateway.get(f"{path}/definition")
    except GatewayRefused as refused:
        if refused.status != _NOT_FOUND:
            raise
        before = None
    if before is None or before["state"] == "retired":
        return gateway.post("/v1/kpis", body)
    said = {name: value for name, value in body.items() if name != "id"}
    return gateway.replace(path, said, version=before["version"])


def _await(gateway: Gateway, own: Any) -> Any:
    """Show how far its history is counted, until it is in force or cannot be."""
    bars = Progress(
        TextColumn("{task.fields[state]}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=screen(stderr=True),
    )
    with bars:
        bar = bars.add_task("", total=100, state=own["state"], note="")
        while own["state"] in _UNDER_WAY:
            time.sleep(_ASK_SECONDS)
            own = gateway.get(f"/v1/kpis/{segment(own['id'])}/definition")
            bars.update(bar, state=own["state"])
            if progress := own["progress"]:
                note = f"{progress['events']:,} events"
                bars.update(bar, completed=progress["percent"], note=note)
        if own["state"] == "in_force":
            bars.update(bar, completed=100, state="in force")
    if own["state"] != "in_force":
        fail(f"{own['id']} is not in force: {own['reason']}", ExitCode.REFUSED)
    return own


def _state(own: Any) -> str:
    state = str(own["state"]).replace("_", " ")
    if own["progress"]:
        return f"{state} {own['progress']['percent']:.1f} %"
    return f"{state}: {own['reason']}" if own["reason"] else state

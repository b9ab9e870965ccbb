"""`tandem kpi shape`: a KPI as a triangle, funnel, ages, survival curve or distribution."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from tandem.client import Gateway, segment
from tandem.commands.kpi import FilterOption, figure
from tandem.session import JsonOption, TokenOption, UrlOption, gateway_session, say_json, screen

_ROLES: Final = ("boss",)
_MOST_AGES: Final = 12
"""Columns of a triangle that fit a screen; --json has all."""

EPILOG: Final = """
Examples:

  tandem kpi shape user_retention --grain month --from 2025-01-01 --to 2026-01-01

  tandem kpi shape stage_conversion --period 2026-Q1 --filter pipeline:standard

  tandem kpi shape sales_cycle_days --as survival --period 2026-Q1
"""

Rows = Iterable[tuple[str, ...]]


def show_shape(  # noqa: PLR0913  one for each option
    kpi: Annotated[str, typer.Argument(metavar="KPI", help="Id of the KPI.")],
    *,
    shape: Annotated[
        str | None,
        typer.Option(
            "--as", help="triangle, funnel, buckets, survival or distribution; else what it can be."
        ),
    ] = None,
    period: Annotated[str | None, typer.Option(help="2026, 2026-Q3, 2026-09.")] = None,
    grain: Annotated[str | None, typer.Option(help="Of a triangle: day, week, month.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    to: Annotated[str | None, typer.Option(help="Day after the last, YYYY-MM-DD.")] = None,
    filters: FilterOption = None,
    as_of: Annotated[str | None, typer.Option(help="As known at this instant or day.")] = None,
    view: Annotated[
        str | None, typer.Option(help="current: by the members that facts have today.")
    ] = None,
    unbounded: Annotated[
        bool, typer.Option("--unbounded", help="Of a triangle: at that age or later.")
    ] = False,
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Print a KPI as what a front end would draw."""
    query = {
        "period": period, "grain": grain, "from": from_, "to": to, "filter": filters,
        "as_of": as_of, "view": view, "unbounded": "true" if unbounded else None,
    }  # fmt: skip
    given = {name: value for name, value in query.items() if value}
    with gateway_session(url, token, roles=_ROLES) as gateway:
        wanted = shape or _first_shape(gateway, kpi)
        answer = gateway.get(f"/v1/kpis/{segment(kpi)}/shape", given | {"shape": wanted})
    if json:
        say_json(answer)
        return
    headings, rows = _TABLES[wanted](answer, answer[wanted])
    periods = answer["periods"]
    span = periods[0] if len(periods) == 1 else f"{periods[0]} to {periods[-1]}"
    table = Table(title=f"{answer['name']['en']} ({kpi}) {span}", title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*row)
    screen().print(table)


def _first_shape(gateway: Gateway, kpi: str) -> str:
    """The first that the catalogue names; the gateway refuses what a KPI has not."""
    items = gateway.get("/v1/kpis")["items"]
    shapes = [shape for item in items if item["id"] == kpi for shape in item["shapes"]]
    return str(shapes[0]) if shapes else "distribution"


def _triangle(_answer: Any, cohorts: Any) -> tuple[list[str], Rows]:
    ages = min(_MOST_AGES, max((len(cohort["ages"]) for cohort in cohorts), default=0))
    rows = (
        (
            cohort["period"],
            f"{cohort['n']:,}",
            *(_share(age["value"]) for age in cohort["ages"][:ages]),
            *([""] * (ages - len(cohort["ages"]))),
        )
        for cohort in cohorts
    )
    return ["period", "n", *map(str, range(ages))], rows


def _funnel(_answer: Any, steps: Any) -> tuple[list[str], Rows]:
    rows = (
        (
            "won" if step["won"] else str(step["step"]),
            f"{step['count']:,}",
            _share(step["from_previous"]),
            _share(step["from_first"]),
        )
        for step in steps
    )
    return ["step", "count", "from the step before", "from the first"], rows


def _buckets(answer: Any, buckets: Any) -> tuple[list[str], Rows]:
    rows = (
        (_days(one), figure(answer, one["value"]), f"{one['n']:,}", f"{one['unpriced_count']:,}")
        for one in buckets
    )
    return ["days", "value", "n", "unpriced"], rows


def _days(bucket: Any) -> str:
    if bucket["until_days"] is None:
        return f"{bucket['from_days']} and more"
    return f"{bucket['from_days']} to {bucket['until_days']}"


def _survival(_answer: Any, curve: Any) -> tuple[list[str], Rows]:
    steps = [
        (str(step["day"]), f"{step['at_risk']:,}", f"{step['ended']:,}", _share(step["share"]))
        for step in curve["steps"]
    ]
    median = "not reached" if curve["median"] is None else str(curve["median"])
    last = (f"median {median}", f"{curve['going_on']:,} go on", f"{curve['ended']:,} ended", "")
    return ["day", "lasted until then", "ended", "go on after it"], [*steps, last]


def _distribution(answer: Any, found: Any) -> tuple[list[str], Rows]:
    rows = [
        (f"{one['percentile']} %", figure(answer, one["value"])) for one in found["percentiles"]
    ]
    censored = found["censored"]
    rows.append(("n", f"{found['n']:,}"))
    rows += [] if censored is None else [("without a value yet", f"{censored:,}")]
    return ["share below", "value"], rows


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


_TABLES: Final[dict[str, Callable[[Any, Any], tuple[list[str], Rows]]]] = {
    "triangle": _triangle,
    "funnel": _funnel,
    "buckets": _buckets,
    "survival": _survival,
    "distribution": _distribution,
}

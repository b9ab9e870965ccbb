"""`tandem kpi`: a KPI as a table, in English or Chinese; and what stands behind a number."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from events.money import minor_digits
from tandem.client import Gateway, segment
from tandem.session import JsonOption, TokenOption, UrlOption, gateway_session, say_json, screen

Language = Literal["en", "zh"]
LanguageOption = Annotated[
    Language, typer.Option("--lang", help="Language of names.", envvar="TANDEM_LANG")
]
FilterOption = Annotated[
    list[str] | None, typer.Option("--filter", help="dimension:value; may be repeated.")
]
_ROLES = ("boss",)
_WORDS = {
    "period": {"en": "period", "zh": "周期"},
    "value": {"en": "value", "zh": "数值"},
    "n": {"en": "n", "zh": "样本数"},
    "interval": {"en": "95 % interval", "zh": "95% 区间"},
    "to": {"en": "to", "zh": "至"},
    "reason": {"en": "note", "zh": "说明"},
    "previous": {"en": "before", "zh": "对比期"},
    "change": {"en": "change", "zh": "变化"},
    "target": {"en": "target", "zh": "目标"},
    "attainment": {"en": "reached", "zh": "达成率"},
    "pace": {"en": "pace", "zh": "进度"},
    "run_rate": {"en": "runs to", "zh": "预计"},
    "kpi": {"en": "KPI", "zh": "指标"},
    "name": {"en": "name", "zh": "名称"},
    "unit": {"en": "unit", "zh": "单位"},
    "formula": {"en": "formula", "zh": "公式"},
    "watermark": {"en": "complete up to", "zh": "数据截至"},
    "no_denominator": {"en": "nothing to divide by", "zh": "无分母"},
    "immature": {"en": "too early to tell", "zh": "尚未成熟"},
    "not_covered": {"en": "older than the data on its outcomes", "zh": "早于结果数据"},
    "incomplete": {"en": "data not complete", "zh": "数据未完整"},
    "no_target": {"en": "no target set", "zh": "未设目标"},
    "below_floor": {"en": "too few cases", "zh": "样本过少"},
    "holdout_error": {"en": "the model was too wrong about the past", "zh": "模型回测误差过大"},
}
_DIMENSIONS = {
    "owner": "负责人", "team": "团队", "channel": "渠道", "segment": "客群", "sector": "行业",
    "region": "区域", "product": "产品", "pipeline": "销售流程", "project": "项目",
    "process": "流程", "reason": "原因", "currency": "币种",
}  # fmt: skip
_UNITS = {"hours": " h", "minutes": " min", "ppm": " ppm"}

EPILOG = """
Examples:

  tandem kpi                                              the catalogue

  tandem kpi revenue_net --period 2026-Q3                 one value

  tandem kpi win_rate --grain month --from 2026-07-01 --to 2026-10-01

  tandem kpi revenue_net --period 2026 --filter region:north --lang zh

  tandem kpi revenue_net --period 2026-Q3 --by region --compare previous

  tandem kpi revenue_net --period 2026-Q3 --by team --view current

  tandem kpi revenue_net --period 2026-Q3 --currency as_booked

  tandem kpi win_rate --period 2026-Q3 --by team --target

  tandem kpi revenue_net --period 2026-Q3 --explain       the events behind it

  tandem kpi define mine.json --wait                      a KPI of your own

How to read them: docs/guides/read-kpis.md.

Exit codes: 0 printed, 1 refused by the gateway, 2 wrong use, 4 gateway not reached.
"""


def show_kpi(  # noqa: PLR0913  one for each option
    kpi: Annotated[
        str | None, typer.Argument(help="Id of the KPI; without it the catalogue.")
    ] = None,
    *,
    period: Annotated[
        str | None, typer.Option(help="2026, 2026-Q3, 2026-09 or 2026-09-30.")
    ] = None,
    grain: Annotated[str | None, typer.Option(help="day, week, month, quarter or year.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    to: Annotated[str | None, typer.Option(help="Day after the last, YYYY-MM-DD.")] = None,
    by: Annotated[str | None, typer.Option(help="Dimension to break down by.")] = None,
    filters: FilterOption = None,
    as_of: Annotated[str | None, typer.Option(help="As known at this instant or day.")] = None,
    age: Annotated[int | None, typer.Option(help="Of a cohort: so many periods later.")] = None,
    compare: Annotated[
        str | None, typer.Option(help="previous or year_before: each value beside that one.")
    ] = None,
    view: Annotated[
        str | None,
        typer.Option(
            help="restated, published (as the period was closed), or current (today's members)."
        ),
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="base, as_booked, current, or constant (with --rates-on).")
    ] = None,
    rates_on: Annotated[
        str | None, typer.Option("--rates-on", help="The day whose rates count, YYYY-MM-DD.")
    ] = None,
    target: Annotated[bool, typer.Option("--target", help="Each value beside its target.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="List the facts behind the value.")
    ] = False,
    lang: LanguageOption = "en",
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Print a KPI, the catalogue of all KPIs, or the facts behind a value."""
    query = {
        "period": period, "grain": grain, "from": from_, "to": to,
        "by": by, "filter": filters, "as_of": as_of, "age": age, "compare": compare,
        "view": view, "currency": currency, "rates_on": rates_on,
        "target": "true" if target else None,
    }  # fmt: skip
    given = {name: value for name, value in query.items() if value not in (None, "", [])}
    with gateway_session(url, token, roles=_ROLES) as gateway:
        if kpi is None:
            answer = gateway.get("/v1/kpis")
            show = _catalogue
        elif explain:
            answer = gateway.get(f"/v1/kpis/{segment(kpi)}/explain", given)
            show = _explanation
        else:
            answer = _whole_answer(gateway, f"/v1/kpis/{segment(kpi)}", given)
            if not json:
                answer["labels"] = _labels(gateway, answer) if by == "owner" else {}
            show = _values
    if json:
        say_json(answer)
    else:
        show(screen(), answer, lang)


def _word(name: str, lang: Language) -> str:
    return _WORDS.get(name, {}).get(lang, name)


def _catalogue(console: Console, answer: Any, lang: Language) -> None:
    table = Table()
    for name in ("kpi", "name", "unit", "formula"):
        table.add_column(_word(name, lang))
    for item in answer["items"]:
        table.add_row(item["id"], item["name"][lang], item["unit"], item["formula"][lang])
    console.print(table)


def _whole_answer(gateway: Gateway, path: str, query: dict[str, Any]) -> Any:
    """All pages of an answer as one, with the watermark of the first."""
    answer, watermark = gateway.get_fresh(path, query)
    page = answer
    while page.get("next_cursor"):
        page = gateway.get(path, query | {"cursor": page["next_cursor"]})
        answer["periods"] += page["periods"]
    return answer | {"watermark": watermark, "next_cursor": None}


def _labels(gateway: Gateway, answer: Any) -> dict[str, str]:
    """Names of owners: events and KPIs hold only their ids."""
    ids = sorted(
        {
            row["dimensions"]["owner"]
            for period in answer["periods"]
            for row in period["rows"]
            if row["dimensions"].get("owner") not in {None, "unknown"}
        }
    )
    names: dict[str, str] = {}
    for start in range(0, len(ids), 100):
        people = gateway.get("/v1/people", {"ids": ",".join(ids[start : start + 100])})
        names |= {person["id"]: person["name"] for person in people["items"]}
    return names


def _values(console: Console, answer: Any, lang: Language) -> None:
    table = Table(title=f"{answer['name'][lang]} ({answer['kpi']})", title_justify="left")
    table.add_column(_word("period", lang))
    for dimension in answer["by"]:
        table.add_column(_DIMENSIONS.get(dimension, dimension) if lang == "zh" else dimension)
    rows = [row for period in answer["periods"] for row in period["rows"]]
    compared = any(period.get("compared_from_on") for period in answer["periods"])
    changes = ("previous", "change") if compared else ()
    aimed = any(row["against_target"] for row in rows)
    aims = ("target", "attainment", "pace", "run_rate") if aimed else ()
    intervals = ("interval",) if any(row["interval"] for row in rows) else ()
    for name in ("value", *changes, *aims, "n", *intervals, "reason"):
        table.add_column(_word(name, lang), justify="right" if name != "reason" else "left")
    for period in answer["periods"]:
        for row in period["rows"]:
            cells = [period["period"]]
            for dimension in answer["by"]:
                member = row["dimensions"][dimension]
                cells.append(answer["labels"].get(member, member))
            value, n, interval, note = _figures(answer, row, lang)
            beside = (
                *(_changes(answer, row) if compared else ()),
                *(_aims(answer, row["against_target"]) if aimed else ()),
            )
            table.add_row(*cells, value, *beside, n, *([interval] if intervals else []), note)
    console.print(table)
    console.print(f"{_word('watermark', lang)}: {answer.get('watermark') or '-'}")


def _changes(answer: Any, row: Any) -> tuple[str, str]:
    relative = row["relative_change"]
    before = figure(_told_in(answer, row), row["previous"])
    return before, "-" if relative is None else f"{relative:+.1%}"


def _aims(answer: Any, against: Any) -> tuple[str, ...]:
    shares = (against["attainment"], against["pace"])
    reached, pace = ("-" if share is None else f"{share:.1%}" for share in shares)
    return figure(answer, against["target"]), reached, pace, figure(answer, against["run_rate"])


def _told_in(answer: Any, row: Any) -> Any:
    """What the row's numbers are: as booked, each row has a currency of its own."""
    currency = row["dimensions"].get("currency", answer["currency"])
    return {"unit": answer["unit"], "currency": currency}


def _figures(answer: Any, row: Any, lang: Language) -> tuple[str, str, str, str]:
    interval = row.get("interval")
    scale = _told_in(answer, row)
    return (
        figure(scale, row["value"]),
        "-" if row.get("n") is None else f"{Decimal(str(row['n'])).normalize():,f}",
        f" {_word('to', lang)} ".join(figure(scale, end) for end in interval) if interval else "",
        _word(row["reason"], lang) if row.get("reason") else "",
    )


def figure(answer: Any, value: Any) -> str:
    """A value as a person reads it: money in major units, ratios in percent, null as a dash."""
    if value is None:
        return "-"
    exact = Decimal(str(value))
    if answer["unit"] == "money":
        digits = minor_digits(answer["currency"])
        return f"{exact.scaleb(-digits):,.{digits}f} {answer['currency']}"
    if answer["unit"] == "ratio":
        return f"{exact * 100:.2f} %"
    return f"{round(exact, 2).normalize():,f}{_UNITS.get(answer['unit'], '')}"


def _explanation(console: Console, answer: Any, lang: Language) -> None:
    table = Table(
        title=f"{answer['kpi']} {_word('value', lang)}: {answer.get('value')}", title_justify="left"
    )
    for name in ("fact", "amount", "events"):
        table.add_column(name)
    for fact in answer["items"]:
        events = "\n".join(
            f"{event['type']} {event['time']} {event['id']}" for event in fact["events"]
        )
        table.add_row(fact["fact"], str(fact["amount"]), events)
    console.print(table)
    if answer.get("next_cursor"):
        console.print("… more; --json and `cursor` page on")

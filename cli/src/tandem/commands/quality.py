"""`tandem coverage` and `tandem quality`: what has arrived, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from tandem.client import segment
from tandem.commands.kpi import Language, LanguageOption, figure
from tandem.session import JsonOption, TokenOption, UrlOption, gateway_session, say_json, screen

_ROLES = ("boss",)
_SHOWN = 15
"""Lines of unknown members; --json has them all."""
_WORDS = {
    "event": {"en": "event", "zh": "事件"},
    "source": {"en": "source", "zh": "来源"},
    "events": {"en": "events", "zh": "事件数"},
    "first": {"en": "first of", "zh": "最早发生"},
    "last": {"en": "last of", "zh": "最近发生"},
    "recorded": {"en": "last recorded", "zh": "最近记录"},
    "missing": {"en": "nothing has arrived", "zh": "尚未到达"},
    "readable": {"en": "can be read from", "zh": "可读起始日"},
    "not_yet": {"en": "cannot be read yet", "zh": "尚不可读"},
    "period": {"en": "Figures of", "zh": "期间"},
    "complete": {"en": "complete: nothing is held back", "zh": "完整 (没有被搁置的事件)"},
    "incomplete": {"en": "NOT complete", "zh": "不完整"},
    "watermark": {"en": "complete up to", "zh": "数据截至"},
    "sources": {"en": "Sources", "zh": "来源"},
    "problems": {"en": "Facts with problems", "zh": "有问题的事实"},
    "kind": {"en": "fact", "zh": "事实"},
    "problem": {"en": "problem", "zh": "问题"},
    "facts": {"en": "facts", "zh": "事实数"},
    "held_back": {"en": "Events held back", "zh": "被搁置的事件"},
    "topic": {"en": "topic", "zh": "主题"},
    "reason": {"en": "reason", "zh": "原因"},
    "subjects": {"en": "subjects", "zh": "对象数"},
    "partition": {"en": "partition", "zh": "分区"},
    "stopped": {"en": "Partitions that stand still", "zh": "停止的分区"},
    "unknown": {"en": "Members not known", "zh": "维度未知"},
    "kpi": {"en": "KPI", "zh": "指标"},
    "dimension": {"en": "dimension", "zh": "维度"},
    "share": {"en": "share", "zh": "占比"},
    "restatements": {"en": "Changed after the period's end", "zh": "期末之后的变动"},
    "unread": {
        "en": "What changed after the period's end is too much to read for all: say --kpi ID",
        "zh": "期末之后的变动过多, 请用 --kpi 指定指标",
    },
    "then": {"en": "known then", "zh": "当时已知"},
    "now": {"en": "known now", "zh": "现在已知"},
    "gaps": {"en": "KPIs that cannot be read yet", "zh": "尚不可读的指标"},
    "needs": {"en": "still needs", "zh": "还需要"},
    "more": {"en": "more; --json shows all", "zh": "条未显示, --json 显示全部"},
}

COVERAGE_EPILOG = """
Examples:

  tandem coverage win_rate

  tandem coverage revenue_net --lang zh

Which events every KPI needs: docs/guides/data.md.

Exit codes: 0 printed, 1 refused by the gateway, 2 wrong use, 4 gateway not reached.
"""
QUALITY_EPILOG = """
Examples:

  tandem quality                       of the last whole month

  tandem quality --period 2026-Q3 --kpi revenue_net --kpi win_rate

Exit codes: 0 printed, 1 refused by the gateway, 2 wrong use, 4 gateway not reached.
"""


def show_coverage(
    kpi: Annotated[str, typer.Argument(help="Id of the KPI.")],
    *,
    lang: LanguageOption = "en",
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Tell which events a KPI needs, which of them have arrived, and since when it can be read."""
    with gateway_session(url, token, roles=_ROLES) as gateway:
        answer = gateway.get(f"/v1/kpis/{segment(kpi)}/coverage")
    if json:
        say_json(answer)
    else:
        _print_coverage(screen(), answer, lang)


def show_quality(
    *,
    period: Annotated[
        str | None, typer.Option(help="2026, 2026-Q3 or 2026-10; default: the last whole month.")
    ] = None,
    kpi: Annotated[list[str] | None, typer.Option(help="Only this KPI; may be repeated.")] = None,
    lang: LanguageOption = "en",
    json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Tell what is wrong, late, unknown or changed in the data behind the figures."""
    asked = {"period": period, "kpi": kpi}
    with gateway_session(url, token, roles=_ROLES) as gateway:
        answer, watermark = gateway.get_fresh(
            "/v1/quality", {name: value for name, value in asked.items() if value}
        )
    if json:
        say_json(answer | {"watermark": watermark})
    else:
        _print_quality(screen(), answer | {"watermark": watermark}, lang)


def _print_coverage(console: Console, answer: Any, lang: Language) -> None:
    rows = []
    for event in answer["events"]:
        name = ".".join(event["type"].split(".")[3:5])
        for source in event["sources"]:
            days = source["first_on"], source["last_on"]
            rows.append((name, source["source"], f"{source['events']:,}", *days))
        if not event["sources"]:
            rows.append((name, _word("missing", lang), "0", "-", "-"))
    title = f"{answer['name'][lang]} ({answer['kpi']})"
    columns = ("event", "source", "events", "first", "last")
    _print_table(console, title, columns=columns, rows=rows, lang=lang)
    since = answer["coverage_from"]
    console.print(f"{_word('readable', lang)}: {since}" if since else _word("not_yet", lang))


def _print_quality(console: Console, answer: Any, lang: Language) -> None:
    state = _word("complete" if answer["complete"] else "incomplete", lang)
    console.print(f"{_word('period', lang)} {answer['period']}: {state}")
    console.print(f"{_word('watermark', lang)}: {answer['watermark'] or '-'}")
    if answer["restatements"] is None:
        console.print(_word("unread", lang))
    for name, columns, rows in _sections(answer):
        if rows:
            _print_table(console, _word(name, lang), columns=columns, rows=rows[:_SHOWN], lang=lang)
            if len(rows) > _SHOWN:
                console.print(f"… {len(rows) - _SHOWN} {_word('more', lang)}")


def _sections(answer: Any) -> Iterable[tuple[str, tuple[str, ...], Sequence[tuple[str, ...]]]]:
    """Each section's name, columns and rows; those without rows are not shown."""
    yield (
        "sources",
        ("source", "events", "last", "recorded"),
        [
            (s["source"], f"{s['events']:,}", s["last_on"], s["last_recorded_at"])
            for s in answer["sources"]
        ],
    )
    for name, columns in (
        ("problems", ("kind", "problem", "facts")),
        ("held_back", ("topic", "reason", "events", "subjects")),
        ("stopped", ("topic", "partition", "reason")),
    ):
        yield name, columns, [tuple(str(row[c]) for c in columns) for row in answer[name]]
    yield (
        "gaps",
        ("kpi", "needs"),
        [
            (line["kpi"], ", ".join(".".join(name.split(".")[3:5]) for name in line["missing"]))
            for line in answer["coverage"]
            if line["coverage_from"] is None
        ],
    )
    yield (
        "unknown",
        ("kpi", "dimension", "share"),
        [(one["kpi"], one["dimension"], _share(one["share"])) for one in answer["unknown"]],
    )
    yield "restatements", ("kpi", "then", "now", "share"), list(_restatements(answer))


def _restatements(answer: Any) -> Iterator[tuple[str, ...]]:
    for one in answer["restatements"] or ():
        if one["share"] != 0:
            told = {"unit": one["unit"], "currency": answer["currency"]}
            values = figure(told, one["value_then"]), figure(told, one["value_now"])
            yield one["kpi"], *values, _share(one["share"])


def _print_table(
    console: Console,
    title: str,
    *,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    lang: Language,
) -> None:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(_word(name, lang))
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _word(name: str, lang: Language) -> str:
    return _WORDS[name][lang]


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.1f} %"

"""The page in one language: KPIs with their events, and events with their KPIs and mappings."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from events.asyncapi.words import Words
from events.types import EventData
from metrics.engine.catalogue import Catalogue
from metrics.engine.kpi import Kpi
from metrics.query.coverage import needed_events

Language = Literal["en", "zh"]
Mappings = Mapping[str, Sequence[str]]
"""Short name of a type to the names of the ready mappings that bring it in."""

_HEADS: Final[dict[Language, dict[str, tuple[str, ...]]]] = {
    "en": {
        "kpis": ("KPI", "name", "needs", "can be cut by"),
        "events": ("event", "says", "ready mapping", "for"),
    },
    "zh": {
        "kpis": ("指标", "名称", "所需事件", "可细分维度"),
        "events": ("事件", "含义", "现成映射", "用于"),
    },
}
_TITLES: Final[dict[Language, dict[str, str]]] = {
    "en": {"kpis": "## By KPI", "events": "## By event"},
    "zh": {"kpis": "## 按指标", "events": "## 按事件"},
}


def short_name(of: type[EventData]) -> str:
    """`deal.won`, whatever its version."""
    return ".".join(of.wire_type.split(".")[3:5])


def page(language: Language, *, catalogue: Catalogue, mappings: Mappings, words: Words) -> str:
    """The whole page, ending with a line break."""
    kpis = list(catalogue)
    return "\n".join(
        [
            Path(__file__).with_name(f"intro.{language}.md").read_text(encoding="utf-8"),
            *_table("kpis", language, (_kpi_row(kpi, language) for kpi in kpis)),
            "",
            *_table("events", language, _event_rows(kpis, language, mappings, words=words)),
            "",
        ]
    )


def _table(name: str, language: Language, rows: Iterable[Sequence[str]]) -> Iterator[str]:
    head = _HEADS[language][name]
    yield _TITLES[language][name]
    yield ""
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"


def _kpi_row(kpi: Kpi, language: Language) -> tuple[str, ...]:
    needs = ", ".join(f"`{short_name(of)}`" for of in needed_events(kpi))
    return f"`{kpi.id}`", kpi.name[language], needs, ", ".join(kpi.dimensions)


def _event_rows(
    kpis: Sequence[Kpi], language: Language, mappings: Mappings, *, words: Words
) -> Iterator[tuple[str, ...]]:
    needing: dict[type[EventData], list[str]] = {}
    for kpi in kpis:
        for of in needed_events(kpi):
            needing.setdefault(of, []).append(kpi.id)
    for of in sorted(needing, key=short_name):
        name = short_name(of)
        says = (inspect.getdoc(of) or "").splitlines()[0]
        if language == "zh":
            says = words.events[name][1]
        ready = ", ".join(f"[{one}](imports/{one}.yaml)" for one in mappings.get(name, ()))
        yield f"`{name}`", says, ready, ", ".join(needing[of])

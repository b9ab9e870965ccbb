"""Formulas in words, in English and Chinese, of definitions whose author wrote none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from metrics.definitions.terms import Part
from metrics.definitions.written import Unit

Language = Literal["en", "zh"]

_LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
_AND: Final[Mapping[Language, str]] = {"en": " or ", "zh": "或"}
_TIMES: Final[Mapping[Unit, Mapping[Language, str]]] = {
    "points": {"en": "100 x ", "zh": "100 x "},
    "ppm": {"en": "1,000,000 x ", "zh": "1,000,000 x "},
}
_AT: Final[Mapping[str, Mapping[Language, str]]] = {
    "start": {"en": " at the start of the period", "zh": "(期初)"},
    "end": {"en": " at the end of the period", "zh": "(期末)"},
}
_DIMENSION: Final[Mapping[str, str]] = {
    "owner": "负责人",
    "team": "团队",
    "channel": "渠道",
    "segment": "客户群",
    "sector": "行业",
    "region": "区域",
    "product": "产品",
    "pipeline": "管道",
    "project": "项目",
    "process": "流程",
    "reason": "原因",
}


def formula_of(
    above: Sequence[Part], below: Sequence[Part] = (), *, unit: Unit = "count"
) -> dict[str, str]:
    """A sum, or one over another."""
    found: dict[str, str] = {}
    for language in _LANGUAGES:
        text = _sum(above, language)
        if below:
            over = {"en": " / ", "zh": "÷"}[language]
            times = _TIMES.get(unit, {}).get(language, "")
            text = f"{times}{_closed(text, above)}{over}{_closed(_sum(below, language), below)}"
        found[language] = text
    return found


def percentile_formula(part: Part, percent: int) -> dict[str, str]:
    """The median or another percentile of what moments carry."""
    lasted = part.word.lasted
    assert lasted is not None
    where = {language: _where(part, language) for language in _LANGUAGES}
    if percent == 50:
        return {"en": f"median {lasted[0]}{where['en']}", "zh": f"{lasted[1]}的中位数{where['zh']}"}
    return {
        "en": f"percentile {percent} of the {lasted[0]}{where['en']}",
        "zh": f"{lasted[1]}的第{percent}百分位数{where['zh']}",
    }


def _closed(text: str, parts: Sequence[Part]) -> str:
    return f"({text})" if len(parts) > 1 else text


def _sum(parts: Sequence[Part], language: Language) -> str:
    text = ""
    for place, part in enumerate(parts):
        if part.sign < 0:
            text += {"en": " - ", "zh": "-"}[language]
        elif place:
            text += {"en": " + ", "zh": "+"}[language]
        text += _told(part, language)
    return text.strip()


def _told(part: Part, language: Language) -> str:
    name = part.word.name[_LANGUAGES.index(language)]
    if part.quantity == "money":
        name = {"en": f"amount of {name}", "zh": f"{name}金额"}[language]
    name += _where(part, language)
    if part.at is not None:
        name += _AT[part.at][language]
    if part.trailing_days is not None:
        days = part.trailing_days
        name += {"en": f" in {days} days up to the end", "zh": f"(截至期末{days}天)"}[language]
    return name


def _where(part: Part, language: Language) -> str:
    """What is filtered, in brackets."""
    if not part.where:
        return ""
    told = [
        f"{name}: {_AND['en'].join(members)}"
        if language == "en"
        else f"{_DIMENSION[name]}: {_AND['zh'].join(members)}"
        for name, members in part.where
    ]
    return f" ({'; '.join(told)})" if language == "en" else f"({'; '.join(told)})"

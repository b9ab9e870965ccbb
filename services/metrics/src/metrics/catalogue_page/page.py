"""The page in one language: all KPIs at a glance, then each with all that its declaration says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from metrics.data_guide.page import Language, short_name
from metrics.engine.catalogue import Catalogue
from metrics.engine.certainty import certainty_of
from metrics.engine.cohort import Curve, Funnel
from metrics.engine.expectation import Model
from metrics.engine.kpi import Kpi, Quantile, Ratio
from metrics.engine.measure import Reading
from metrics.query.coverage import needed_events, outcomes_of

_HEAD: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("KPI", "name", "unit", "better", "class", "periods"),
    "zh": ("指标", "名称", "单位", "方向", "类别", "周期"),
}
_LINES: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("periods", "can be cut by", "null when", "interval", "made of", "source"),
    "zh": ("周期", "可细分维度", "空值原因", "置信区间", "所需事件", "出处"),
}
_BETTER: Final = {"up": "↑", "down": "↓", "neither": "○"}
_ZH: Final = {
    "money": "金额",
    "ratio": "比率",
    "days": "天",
    "hours": "小时",
    "minutes": "分钟",
    "points": "分",
    "ppm": "百万分率",
    "count": "个数",
    "day": "日",
    "week": "周",
    "month": "月",
    "quarter": "季",
    "year": "年",
}
"""Units and periods; classes stay as the intro explains them."""


def page(language: Language, *, catalogue: Catalogue) -> str:
    """The whole page, ending with a line break."""
    intro = Path(__file__).with_name(f"intro.{language}.md").read_text(encoding="utf-8")
    return "\n".join([intro, *_table(catalogue, language), *_sections(catalogue, language)])


def _table(catalogue: Catalogue, language: Language) -> Iterator[str]:
    for row in (_HEAD[language], ["---"] * len(_HEAD[language])):
        yield f"| {' | '.join(row)} |"
    for kpi in catalogue:
        row = (
            f"[`{kpi.id}`](#{kpi.id})",
            kpi.name[language],
            _said(kpi.unit, language),
            _BETTER[kpi.better],
            kpi.kind,
            _periods(kpi, language),
        )
        yield f"| {' | '.join(row)} |"
    yield ""


def _sections(catalogue: Catalogue, language: Language) -> Iterator[str]:
    for kpi in catalogue:
        yield f'## <a id="{kpi.id}"></a>{kpi.name[language]} `{kpi.id}`'
        yield ""
        yield f"{kpi.formula[language]}  "
        yield f"{_said(kpi.unit, language)} {_BETTER[kpi.better]}, {kpi.kind}, v{kpi.version}"
        yield ""
        told = (
            _periods(kpi, language),
            ", ".join(kpi.dimensions),
            ", ".join(f"`{reason}`" for reason in null_reasons(kpi)),
            _interval(kpi, language),
            ", ".join(f"`{short_name(of)}`" for of in needed_events(kpi)),
            kpi.source,
        )
        for name, text in zip(_LINES[language], told, strict=True):
            yield f"- {name}: {text}"
        yield ""


def _said(word: str, language: Language) -> str:
    return _ZH[word] if language == "zh" else word


def _periods(kpi: Kpi, language: Language) -> str:
    return ("、" if language == "zh" else ", ").join(_said(g.value, language) for g in kpi.grains)


def _interval(kpi: Kpi, language: Language) -> str:
    certainty = certainty_of(kpi)
    why = certainty.why[language]
    if certainty.method is not None:
        return f"`{certainty.method}`, {why}"
    return f"none: {why}" if language == "en" else f"无, {why}"


def null_reasons(kpi: Kpi) -> list[str]:
    """Why a value of the KPI can be undefined."""
    match kpi:
        case Ratio():
            terms = (*kpi.numerator.terms, *kpi.denominator.terms)
            has_target = any(term.reading is Reading.SCOPE_OF_PERIOD for term in terms)
            found = ["immature"] if kpi.matures else []
            found += ["not_covered"] if outcomes_of(kpi) else []
            found += ["incomplete"] if kpi.every_day or outcomes_of(kpi) else []
            found += [kpi.unset] if has_target else []
            found += ["no_denominator", *(["below_floor"] if kpi.floor else [])]
            return list(dict.fromkeys(found))
        case Quantile():
            return ["below_floor"]
        case Curve() | Funnel():
            return ["immature", "no_denominator"]
        case Model():
            return ["immature", "below_floor", "holdout_error"]
        case _:
            return ["incomplete"]

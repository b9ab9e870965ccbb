"""A verdict as a person reads it: the sentence first, then a waterfall, then the reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from unicodedata import east_asian_width

from metrics.diagnosis.evidence import Evidence
from metrics.diagnosis.payload import Diagnosis
from metrics.diagnosis.robustness import Flip
from metrics.diagnosis.sentence import MINOR_DIGITS, amount, sentence
from metrics.diagnosis.views import TotalView
from metrics.diagnosis.words import (
    CHECKS,
    CLASSES,
    EVIDENCE,
    FACTORS,
    VERDICTS,
    Language,
    said,
)

BAR: Final = 40
"""Characters over which the waterfall is drawn."""


def report(
    diagnosis: Diagnosis, language: Language, *, labels: Mapping[str, str] | None = None
) -> str:
    """`labels` are the names of slices (channels, bands) in that language."""
    named = labels or {}
    blocks = [
        [sentence(diagnosis, language, labels=named)],
        _waterfall(diagnosis, language),
        _classes(diagnosis, language),
        _drill(diagnosis, language, named),
        _evidence(diagnosis, language, named),
        _actions(diagnosis, language, named),
        _flips(diagnosis, language),
        [_policy(diagnosis, language)],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _waterfall(diagnosis: Diagnosis, language: Language) -> list[str]:
    """In exact money: the lines add up to the last one."""
    if diagnosis.baseline is None or diagnosis.current is None:
        return []
    zh = language is Language.ZH
    rows = [(said(FACTORS, f.node, language), f.amount) for f in diagnosis.factors if f.amount]
    rows.sort(key=lambda row: row[1])
    start = diagnosis.baseline.revenue
    levels = [start]
    for _, step in rows:
        levels.append(levels[-1] + step)
    low, high = min(levels), max(levels)
    lines = [("基期" if zh else "baseline", start, "")]
    for (name, step), one, other in zip(rows, levels, levels[1:], strict=False):
        lines.append((name, step, _bar((one, other), low, high)))
    lines.append(("本期" if zh else "this period", diagnosis.current, ""))
    return _columns((name, _money(minor, bool(bar)), bar) for name, minor, bar in lines)


def _bar(step: tuple[int, int], low: int, high: int) -> str:
    start, end = min(step), max(step)
    scale = BAR / max(high - low, 1)
    offset = round((start - low) * scale)
    return " " * offset + "█" * max(1, round((end - low) * scale) - offset)


def _money(minor: int, signed: bool) -> str:  # noqa: FBT001  one flag, one caller
    major = minor / 10**MINOR_DIGITS
    return (f"{major:+,.2f}" if signed else f"{major:,.2f}").replace("-", "−")


def _columns(rows: Iterable[tuple[str, str, str]]) -> list[str]:
    """The first column to the left, the second to the right; wide characters count twice."""
    all_rows = list(rows)
    widths = [max(_width(row[i]) for row in all_rows) for i in (0, 1)]
    return [
        (
            f"{name}{' ' * (widths[0] - _width(name))}  "
            f"{' ' * (widths[1] - _width(number))}{number}  {rest}"
        ).rstrip()
        for name, number, rest in all_rows
    ]


def _width(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _classes(diagnosis: Diagnosis, language: Language) -> list[str]:
    rows = [
        (
            said(CLASSES, total.node, language),
            amount(total.amount, language),
            f"{_interval(total, language)}  {total.blame:.0%}",
        )
        for total in diagnosis.classes
        if total.low or total.high
    ]
    zh = language is Language.ZH
    head = (
        "归属（90% 区间，占损失的比例）：" if zh else "Whose (90% interval, share of the losses):"
    )
    return [head, *_columns(rows)] if rows else []


def _interval(total: TotalView, language: Language) -> str:
    return f"[{amount(total.low, language)}, {amount(total.high, language)}]"


def _drill(diagnosis: Diagnosis, language: Language, labels: Mapping[str, str]) -> list[str]:
    zh = language is Language.ZH
    lines = []
    for one in diagnosis.drill:
        for element in one.elements:
            slices = " × ".join(labels.get(name, name) for name in element.slice if name)
            factor = said(FACTORS, element.factor, language) if element.factor else ""
            what = " × ".join(filter(None, (slices, factor)))
            lines.append(f"- {what}: {amount(round(element.amount_minor), language)}")
    return [("集中在：" if zh else "Where it sits:"), *lines] if lines else []


def _evidence(diagnosis: Diagnosis, language: Language, labels: Mapping[str, str]) -> list[str]:
    lines = [_witness(one, language, labels) for one in diagnosis.evidence]
    return [("证据：" if language is Language.ZH else "Evidence:"), *lines] if lines else []


def _witness(one: Evidence, language: Language, labels: Mapping[str, str]) -> str:
    zh = language is Language.ZH
    name = said(EVIDENCE, one.kpi, language)
    place = f" ({labels.get(one.slice, one.slice)})" if one.slice else ""
    moved = f"{_value(one, one.baseline, language)} → {_value(one, one.current, language)}"
    score = "" if one.z is None else f", z {one.z:+.1f}".replace("-", "−")
    says = ""
    if one.supports:
        says = (" 支持：" if zh else ", supports ") + said(CLASSES, one.supports.value, language)
    if one.contradicts:
        word = " 反对：" if zh else ", contradicts "
        says = word + said(CLASSES, one.contradicts.value, language)
    return f"- {name}{place} {moved}{score}{says}"


def _value(one: Evidence, value: float, language: Language) -> str:
    if one.kpi == "market_size":
        return amount(round(value), language).removeprefix("+")
    return f"{value:.1%}" if one.is_share else f"{value:.4g}"


def _actions(diagnosis: Diagnosis, language: Language, labels: Mapping[str, str]) -> list[str]:
    zh = language is Language.ZH
    lines = [
        f"- {action.text[language.value]}"
        + (f" ({labels.get(action.slice, action.slice)})" if action.slice else "")
        + f": {amount(action.recoverable, language).removeprefix('+')}"
        for action in diagnosis.actions
    ]
    return [("可挽回：" if zh else "What could come back:"), *lines] if lines else []


def _flips(diagnosis: Diagnosis, language: Language) -> list[str]:
    lines = [f"- {_flip(flip, language)}" for flip in diagnosis.flips_when]
    head = "结论会改变，如果：" if language is Language.ZH else "It would be another verdict:"
    return [head, *lines] if lines else []


def _flip(flip: Flip, language: Language) -> str:
    at = f" > {flip.above:.2f}" if flip.above is not None else ""
    at = f" < {flip.below:.2f}" if flip.below is not None else at
    verdict = said(VERDICTS, flip.verdict, language)
    return f"{said(CHECKS, flip.check, language)}{at}: {verdict}"


def _policy(diagnosis: Diagnosis, language: Language) -> str:
    rules = diagnosis.rules
    moment = diagnosis.as_of.isoformat(timespec="seconds")
    if language is Language.ZH:
        return (
            f"规则版本 {rules.version}，市场弹性 {rules.elasticity:g}，"
            f"指标目录 {diagnosis.catalogue_version}，截至 {moment}"
        )
    return (
        f"Rules version {rules.version}, market elasticity {rules.elasticity:g}, "
        f"catalogue {diagnosis.catalogue_version}, as of {moment}"
    )

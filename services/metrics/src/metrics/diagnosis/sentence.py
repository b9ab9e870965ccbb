"""A verdict in two or three sentences, in English or Chinese."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from events.money import minor_digits
from metrics.diagnosis.actions import ADVICE
from metrics.diagnosis.payload import Diagnosis
from metrics.diagnosis.rules import JUDGED, Owner
from metrics.diagnosis.views import TotalView
from metrics.diagnosis.words import (
    CHANGES,
    CLASSES,
    CONFIDENCE,
    FACTORS,
    HELPS,
    NOT_FIRST,
    REASONS,
    RESULTS,
    Language,
    said,
    slice_name,
)

MAIN_SHARE: Final = 0.67
"""The factors named are the fewest that carry so much of their class's loss."""
_ENGLISH: Final = ((10_000_000, 1_000_000, "M"), (1_000, 1_000, "k"))
_CHINESE: Final = ((100_000_000, 100_000_000, " 亿"), (10_000, 10_000, " 万"))
"""From which size on an amount is told in which unit, and what the unit is called."""


_TOLD_PLAINLY: Final = {"watermark", "events", "targets"}


def amount(minor: int, language: Language, currency: str) -> str:
    """In thousands or millions for English, in 万 or 亿 for Chinese, always with its sign."""
    digits = minor_digits(currency)
    major = minor / 10**digits
    for since, unit, name in _CHINESE if language is Language.ZH else _ENGLISH:
        # What is rounded up to the next unit is told in it.
        if round(abs(major), 1) >= since:
            return f"{_signed(major / unit, 1)}{name}"
    return _signed(major, digits)


def sentence(diagnosis: Diagnosis, language: Language) -> str:
    """What changed, by whom, what to do first, and how sure that is; or why it is not told."""
    if diagnosis.delta is None:
        return _refusal(diagnosis, language)
    change = _change(diagnosis, language)
    if not diagnosis.names_a_cause:
        return change + _nobody(diagnosis, language)
    return change + _cause(diagnosis, language) + _advice(diagnosis, language)


def main_factors(diagnosis: Diagnosis, owner: Owner) -> list[TotalView]:
    """The fewest of the class that carry two thirds of what it lost, the largest first."""
    lost = sorted(
        (factor for factor in diagnosis.factors if factor.owner is owner and factor.amount < 0),
        key=lambda factor: factor.amount,
    )
    whole = sum(factor.amount for factor in lost)
    chosen: list[TotalView] = []
    for factor in lost:
        if sum(one.amount for one in chosen) <= MAIN_SHARE * whole:
            break
        chosen.append(factor)
    return chosen


def _signed(number: float, digits: int) -> str:
    return f"{number:+,.{digits}f}".replace("-", "−")


def _change(diagnosis: Diagnosis, language: Language) -> str:
    assert diagnosis.baseline is not None
    assert diagnosis.delta is not None
    by = amount(diagnosis.delta, language, diagnosis.currency)
    against = said(CHANGES, diagnosis.baseline.kind.value, language)
    percent = "" if diagnosis.relative is None else f" {abs(diagnosis.relative):.1%}"
    result = said(RESULTS, diagnosis.lens, language)
    if language is Language.ZH:
        if not diagnosis.delta:
            return f"{result}{against}持平。"
        verb = "下降" if diagnosis.delta < 0 else "上升"
        return f"{result}{against}{verb}{percent}（{by}）。"
    if not diagnosis.delta:
        return f"{result} did not change {against}. "
    verb = "fell" if diagnosis.delta < 0 else "rose"
    return f"{result} {verb}{percent} {against} ({by}). "


def _cause(diagnosis: Diagnosis, language: Language) -> str:
    zh = language is Language.ZH
    names = ("与" if zh else " and ").join(
        said(CLASSES, owner.value, language) for owner in diagnosis.order
    )
    factors = [factor for owner in diagnosis.order for factor in main_factors(diagnosis, owner)]
    parts = ("、" if zh else ", ").join(_factor(f, diagnosis, language) for f in factors)
    others = sorted(
        (
            one
            for one in diagnosis.classes
            if one.owner in JUDGED and one.owner not in diagnosis.order
        ),
        key=lambda one: one.amount,
    )
    told = [parts, *(_class(one, diagnosis, language) for one in others if one.low or one.high)]
    return (
        f"主因在{names}：{'；'.join(told)}。" if zh else f"Main cause: {names}: {'; '.join(told)}. "
    )


def _factor(total: TotalView, diagnosis: Diagnosis, language: Language) -> str:
    name = said(FACTORS, total.node, language)
    return f"{name} {amount(total.amount, language, diagnosis.currency)}"


def _class(total: TotalView, diagnosis: Diagnosis, language: Language) -> str:
    name = said(CLASSES, total.node, language)
    text = f"{name} {amount(total.amount, language, diagnosis.currency)}"
    if total.low <= 0 <= total.high:
        text += "（不显著）" if language is Language.ZH else " (not significant)"
    return text


def _advice(diagnosis: Diagnosis, language: Language) -> str:
    zh = language is Language.ZH
    main = {f.node for owner in diagnosis.order for f in main_factors(diagnosis, owner)}
    briefs = [
        ADVICE[action.factor].brief[language.value].format(slice=slice_name(action.slice, language))
        for action in diagnosis.actions
        if action.factor in main
    ]
    steps = _steps(list(dict.fromkeys(briefs))[:2], language)
    against = said(NOT_FIRST, diagnosis.verdict, language) if diagnosis.verdict in NOT_FIRST else ""
    assert diagnosis.confidence is not None
    sure = said(CONFIDENCE, diagnosis.confidence.value, language)
    told = ("；" if zh else "; ").join(filter(None, (steps, against)))
    return f"{told}。置信度：{sure}。" if zh else f"{told}. Confidence: {sure}."


def _steps(briefs: Sequence[str], language: Language) -> str:
    if language is Language.ZH:
        return f"建议先{briefs[0]}，再{briefs[1]}" if len(briefs) == 2 else f"建议{briefs[0]}"
    text = ", then ".join(briefs)
    return f"Advice: {text}"


def _nobody(diagnosis: Diagnosis, language: Language) -> str:
    if diagnosis.reason:
        return _refusal(diagnosis, language)
    if language is Language.ZH:
        return "未见超出正常波动的下降，不作归因。"
    return "There is no fall beyond the usual variation: nobody is to blame."


def _refusal(diagnosis: Diagnosis, language: Language) -> str:
    why = said(REASONS, diagnosis.reason, language)
    helps = [_help(name, detail, language) for name, detail in diagnosis.helps.items()]
    if language is Language.ZH:
        wanted = f"若有以下数据则有帮助：{'、'.join(helps)}。" if helps else ""
        return f"不作判断：{why}。{wanted}"
    wanted = f" What would help: {', '.join(helps)}." if helps else ""
    return f"No verdict: {why}.{wanted}"


def _help(name: str, detail: str, language: Language) -> str:
    """What data would help, and how much of it there is and should be."""
    zh, what = language is Language.ZH, said(HELPS, name, language)
    if not detail:
        return what
    if name in _TOLD_PLAINLY:
        return f"{what} {detail}"
    there, _, needed = detail.partition(" < ")
    if needed:
        detail = f"现有 {there}，至少 {needed}" if zh else f"{there}, at least {needed} needed"
    return f"{what}（{detail}）" if zh else f"{what} ({detail})"

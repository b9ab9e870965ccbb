"""A verdict as a person reads it: the sentence first, then a waterfall, then the reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from unicodedata import east_asian_width

from events.money import minor_digits
from metrics.diagnosis.drill import Element
from metrics.diagnosis.evidence import Evidence
from metrics.diagnosis.payload import Diagnosis
from metrics.diagnosis.robustness import Flip
from metrics.diagnosis.rules import DEFAULT_OWNERS
from metrics.diagnosis.sentence import amount, sentence
from metrics.diagnosis.views import TotalView
from metrics.diagnosis.words import (
    CHECKS,
    CLASSES,
    DIMENSIONS,
    EVIDENCE,
    FACTORS,
    VERDICTS,
    Language,
    member,
    said,
    slice_name,
)

BAR: Final = 40
"""Characters over which the waterfall is drawn."""
MOST_ELEMENTS: Final = 8
"""Places of a loss that are named; the data have all of them."""
_MONEY: Final = {"channel_cpl"}
_RATIOS: Final = {"market_share", "channel_roi", "stickiness"}
"""Evidence that is money, or a ratio though no share of things that are counted."""
_WHOLE_FROM: Final = 1_000


def report(diagnosis: Diagnosis, language: Language) -> str:
    """The sentence, a waterfall in exact money, then what speaks for it and what to do."""
    telling = _Telling(diagnosis, language)
    blocks = [
        [sentence(diagnosis, language)],
        telling.waterfall(),
        telling.classes(),
        telling.drill(),
        telling.evidence(),
        telling.actions(),
        telling.flips(),
        telling.policy(),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


@dataclass(frozen=True)
class _Telling:
    """One diagnosis in one language."""

    diagnosis: Diagnosis
    language: Language

    def waterfall(self) -> list[str]:
        """In exact money: the lines add up to the last one."""
        diagnosis = self.diagnosis
        if diagnosis.baseline is None or diagnosis.current is None:
            return []
        rows = [(self._said(FACTORS, f.node), f.amount) for f in diagnosis.factors if f.amount]
        rows.sort(key=lambda row: row[1])
        start = diagnosis.baseline.amount
        levels = [start]
        for _, step in rows:
            levels.append(levels[-1] + step)
        low, high = min(levels), max(levels)
        lines = [(self._in("baseline", "基期"), self._exact(start), "")]
        for (name, step), one, other in zip(rows, levels, levels[1:], strict=False):
            lines.append((name, self._exact(step, signed=True), _bar((one, other), low, high)))
        lines.append((self._in("this period", "本期"), self._exact(diagnosis.current), ""))
        return _columns(lines)

    def classes(self) -> list[str]:
        """Below the floors nothing is said of anybody, not even how likely it is."""
        if self.diagnosis.missing:
            return []
        rows = [
            (self._said(CLASSES, total.node), self._about(total.amount), self._surely(total))
            for total in self.diagnosis.classes
            if total.low or total.high
        ]
        head = self._in(
            "Whose (90% interval, share of the losses):", "归属（90% 区间，占损失的比例）："
        )
        return [head, *_columns(rows)] if rows else []

    def drill(self) -> list[str]:
        found = [
            self._element(one.dimensions, element)
            for one in self.diagnosis.drill
            for element in one.elements
        ]
        return self._listed("Where it sits:", "集中在：", found[:MOST_ELEMENTS])

    def evidence(self) -> list[str]:
        return self._listed(
            "Evidence:", "证据：", [self._witness(one) for one in self.diagnosis.evidence]
        )

    def actions(self) -> list[str]:
        """Each advice once, with all the losses that it is for."""
        losses: dict[str, list[str]] = {}
        for action in self.diagnosis.actions:
            what = self._placed(self._said(FACTORS, action.factor), action.slice)
            back = self._about(action.recoverable).removeprefix("+")
            losses.setdefault(action.text[self.language.value], []).append(f"{what} {back}")
        comma = self._in(", ", "、")
        lines = [f"{text}{self._colon}{comma.join(parts)}" for text, parts in losses.items()]
        return self._listed("What could come back:", "可挽回：", lines)

    def flips(self) -> list[str]:
        lines = [self._flip(flip) for flip in self.diagnosis.flips_when]
        return self._listed("It would be another verdict:", "结论会改变，如果：", lines)

    def policy(self) -> list[str]:
        diagnosis, rules = self.diagnosis, self.diagnosis.rules
        moment = diagnosis.as_of.isoformat(timespec="seconds")
        moved = [
            f"{self._said(FACTORS, factor)} → {self._said(CLASSES, owner.value)}"
            for factor, owner in rules.owners.items()
            if owner is not DEFAULT_OWNERS.get(factor)
        ]
        others = self._in("; otherwise owned: ", "；另行归属：") + ", ".join(moved) if moved else ""
        return [
            self._in(
                f"Amounts in {diagnosis.currency}. Rules version {rules.version}, market "
                f"elasticity {rules.elasticity:g}{others}, catalogue "
                f"{diagnosis.catalogue_version}, as of {moment}",
                f"金额单位 {diagnosis.currency}，规则版本 {rules.version}，市场弹性 "
                f"{rules.elasticity:g}{others}，指标目录 {diagnosis.catalogue_version}，"
                f"截至 {moment}",
            )
        ]

    @property
    def _colon(self) -> str:
        return self._in(": ", "：")

    def _in(self, en: str, zh: str) -> str:
        return zh if self.language is Language.ZH else en

    def _said(self, words: dict[str, tuple[str, str]], name: str) -> str:
        return said(words, name, self.language)

    def _slice(self, name: str) -> str:
        return slice_name(name, self.language)

    def _placed(self, what: str, name: str) -> str:
        if not name:
            return what
        return f"{what}{self._in(f' ({self._slice(name)})', f'（{self._slice(name)}）')}"

    def _about(self, minor: float) -> str:
        return amount(round(minor), self.language, self.diagnosis.currency)

    def _exact(self, minor: float, *, signed: bool = False) -> str:
        digits = minor_digits(self.diagnosis.currency)
        major = minor / 10**digits
        return f"{major:{'+' if signed else ''},.{digits}f}".replace("-", "−")

    def _listed(self, en: str, zh: str, lines: Iterable[str]) -> list[str]:
        told = [f"- {line}" for line in lines]
        return [self._in(en, zh), *told] if told else []

    def _surely(self, total: TotalView) -> str:
        """Its interval; and its share of the losses where somebody is named."""
        named = total.blame and self.diagnosis.names_a_cause
        blame = f"  {total.blame:.0%}" if named else ""
        return f"[{self._about(total.low)}, {self._about(total.high)}]{blame}"

    def _element(self, dimensions: tuple[str, ...], element: Element) -> str:
        if element.factor:
            names = [self._slice(name) for name in element.slice if name]
            what = [*names, self._said(FACTORS, element.factor)]
        else:
            what = [
                f"{self._said(DIMENSIONS, dimension)} {member(dimension, name, self.language)}"
                for dimension, name in zip(dimensions, element.slice, strict=True)
            ]
        return f"{' × '.join(what)}{self._colon}{self._about(element.amount_minor)}"

    def _witness(self, one: Evidence) -> str:
        comma = self._in(", ", "，")
        name = self._said(EVIDENCE, one.kpi) + (comma + self._slice(one.slice) if one.slice else "")
        moved = f"{self._value(one, one.baseline)} → {self._value(one, one.current)}"
        score = "" if one.z is None else f"{comma}z {one.z:+.1f}".replace("-", "−")
        says = ""
        if one.supports:
            says = self._in(", supports ", "，支持：") + self._said(CLASSES, one.supports.value)
        if one.contradicts:
            owner = self._said(CLASSES, one.contradicts.value)
            says = self._in(", contradicts ", "，反对：") + owner
        return f"{name}{self._colon}{moved}{score}{says}"

    def _value(self, one: Evidence, value: float) -> str:
        if one.kpi == "market_size":
            return self._about(value).removeprefix("+")
        if one.kpi in _MONEY:
            return self._exact(value)
        if one.is_share or one.kpi in _RATIOS:
            return f"{value:.1%}"
        return f"{value:,.0f}" if abs(value) >= _WHOLE_FROM else f"{value:.3g}"

    def _flip(self, flip: Flip) -> str:
        at = f" > {flip.above:.2f}" if flip.above is not None else ""
        at = f" < {flip.below:.2f}" if flip.below is not None else at
        return (
            f"{self._said(CHECKS, flip.check)}{at}{self._colon}{self._said(VERDICTS, flip.verdict)}"
        )


def _bar(step: tuple[int, int], low: int, high: int) -> str:
    start, end = min(step), max(step)
    scale = BAR / max(high - low, 1)
    offset = round((start - low) * scale)
    return " " * offset + "█" * max(1, round((end - low) * scale) - offset)


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

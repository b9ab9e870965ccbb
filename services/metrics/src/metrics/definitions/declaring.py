"""From what somebody wrote to a KPI of the engine's classes, checked like a declaration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from metrics.definitions.formulas import formula_of, percentile_formula
from metrics.definitions.refusals import DefinitionRefused
from metrics.definitions.terms import (
    MOST_TERMS,
    Part,
    Quantity,
    are_share,
    common_dimensions,
    common_quantity,
    counts_of,
    narrowed,
    read_terms,
    select,
    sum_of,
    word_of,
)
from metrics.definitions.written import Unit, Written
from metrics.engine.calendar import Grain
from metrics.engine.kpi import Amount, Kpi, Quantile, Ratio
from metrics.engine.measure import Count, Histogram, Sum

SOURCE: Final = "own definition"
RESERVED: Final = frozenset({"stream", "vocabulary", "definitions"})
"""Paths below /v1/kpis that are no KPI."""
_PERCENTILE_FLOOR: Final = 5
"""Fewer values say more about one deal than about us."""
_TIMES: Final[Mapping[Unit, int]] = {"ratio": 1, "points": 100, "ppm": 1_000_000}
_MINUTES_OF_HOUR: Final = 60

_AMOUNT_UNITS: Final[Mapping[Quantity, tuple[Unit, ...]]] = {
    "things": ("count",),
    "pieces": ("count",),
    "money": ("money",),
    "minutes": ("minutes", "hours"),
}
"""Units of a sum, and of a mean of so much for each thing."""


def declare(kpi_id: str, written: Written, *, version: int) -> Kpi:
    """The KPI that a definition declares. Raises DefinitionRefused."""
    return _Declaring(kpi_id, written, version).kpi()


@dataclass(frozen=True)
class _Declaring:
    kpi_id: str
    written: Written
    version: int

    def kpi(self) -> Kpi:
        written = self.written
        ratio = written.numerator is not None or written.denominator is not None
        given = [written.value is not None, ratio, written.percentile is not None]
        if sum(given) != 1:
            raise DefinitionRefused(
                "a KPI is either a value, or a numerator over a denominator, or a percentile",
                field="value",
                hint="give exactly one of value, numerator with denominator, percentile",
            )
        if written.percentile is not None:
            return self._quantile()
        return self._ratio() if ratio else self._amount()

    def _amount(self) -> Amount:
        written = self.written
        for field in ("matures_after_days", "floor"):
            if getattr(written, field) is not None:
                raise DefinitionRefused(
                    "a plain sum has none: it is 0 where nothing happened",
                    field=field,
                    hint="leave it out, or define a numerator and a denominator",
                )
        parts = self._parts("value")
        quantity = common_quantity(parts, field="value")
        self._refuse_unit(_AMOUNT_UNITS[quantity], of=f"a sum of {quantity}")
        return Amount(
            **self._common(parts, formula_of(parts)),
            value=sum_of(parts),
            n=counts_of(parts),
            per=written.unit,
            divided_by=_MINUTES_OF_HOUR if written.unit == "hours" else 1,
            ageing=len(parts) == 1 and parts[0].word.ageing and parts[0].at == "end",
        )

    def _ratio(self) -> Ratio:
        written = self.written
        above, below = self._parts("numerator"), self._parts("denominator")
        over = common_quantity(above, field="numerator")
        under = common_quantity(below, field="denominator")
        shares = self._refuse_unit_of_ratio(over, under)
        against = any(part.sign < 0 for part in above)
        countable = shares and over in ("things", "pieces") and are_share(above, below)
        return Ratio(
            **self._common([*above, *below], formula_of(above, below, unit=written.unit)),
            numerator=sum_of(above),
            denominator=_priced(above, below) if over == "money" and not shares else sum_of(below),
            n=None if under == "things" else counts_of(below),
            per=written.unit,
            rate=countable and not against,
            balance=countable and against,
            times=_TIMES.get(written.unit, 1),
            divided_by=_MINUTES_OF_HOUR if written.unit == "hours" else 1,
            floor=written.floor or 0,
            unset="no_denominator",
            matures_after_days=self._matures_after([*above, *below]),
            only_past_days=any(part.word.ahead for part in (*above, *below)),
        )

    def _quantile(self) -> Quantile:
        written = self.written
        wanted = written.percentile
        assert wanted is not None
        word = word_of(wanted.of, field="percentile.of")
        if word.lasted is None:
            raise DefinitionRefused(
                f"{word.kind} has no duration to take a percentile of",
                field="percentile.of",
                hint="GET /v1/kpis/vocabulary says which kinds do",
            )
        self._refuse_unit((word.lasted_in,), of=f"a percentile of {word.lasted_in}")
        if written.matures_after_days is not None:
            raise DefinitionRefused(
                "a percentile does not mature", field="matures_after_days", hint="leave it out"
            )
        kind, where = select(word, wanted.where, of_all=written.where or {}, field="percentile")
        part = Part(
            field="percentile.of",
            word=word,
            kind=kind,
            sign=1,
            summed=False,
            at=None,
            trailing_days=None,
            where=where,
        )
        return Quantile(
            **self._common([part], percentile_formula(part, wanted.percent)),
            values=Histogram(kind),
            floor=_PERCENTILE_FLOOR if written.floor is None else max(1, written.floor),
            percentile=wanted.percent,
            per=written.unit,
            sketched=word.lasted_in == "minutes",
            censored=_not_yet(part),
            still_open=word.still_open and narrowed(word.still_open, where),
        )

    def _parts(self, field: str) -> list[Part]:
        """The terms of one side. Raises DefinitionRefused."""
        written = self.written
        terms = getattr(written, field)
        if terms is None:
            other = "numerator" if field == "denominator" else "denominator"
            raise DefinitionRefused(
                f"there is a {other} and no {field}",
                field=field,
                hint=f"add the {field}; a plain sum is a `value`",
            )
        sides = (written.value, written.numerator, written.denominator)
        if sum(len(side) for side in sides if side) > MOST_TERMS:
            raise DefinitionRefused(
                f"the definition has more than {MOST_TERMS} terms",
                field=field,
                hint="define its parts as KPIs of their own",
            )
        return read_terms(terms, field=field, where=written.where or {})

    def _common(self, parts: Sequence[Part], formula: Mapping[str, str]) -> dict[str, Any]:
        """What all classes of KPIs have."""
        written = self.written
        grains = tuple(Grain)
        own = written.formula
        return {
            "id": self.kpi_id,
            "name": written.name.model_dump(),
            "better": written.better,
            "grains": grains[grains.index(written.grain) :],
            "dimensions": self._dimensions(parts),
            "formula": formula if own is None else own.model_dump(),
            "source": SOURCE,
            "version": self.version,
        }

    def _dimensions(self, parts: Sequence[Part]) -> tuple[str, ...]:
        common = common_dimensions(parts)
        given = self.written.dimensions
        if given is None:
            return common
        for place, name in enumerate(given):
            field = f"dimensions.{place}"
            lacking = next((part for part in parts if name not in part.kind.dimensions), None)
            if lacking is not None:
                raise DefinitionRefused(
                    f"{lacking.word.kind} cannot be cut by that dimension",
                    field=field,
                    hint=f"all terms can be cut by: {', '.join(common) or 'nothing'}",
                )
            if name in given[:place]:
                raise DefinitionRefused(
                    "the dimension is named twice", field=field, hint="name it once"
                )
        return tuple(given)

    def _refuse_unit(self, units: Sequence[Unit], *, of: str) -> None:
        if self.written.unit not in units:
            raise DefinitionRefused(
                f"{of} is not told in {self.written.unit}",
                field="unit",
                hint=f"it is told in: {', '.join(units)}",
            )

    def _refuse_unit_of_ratio(self, over: Quantity, under: Quantity) -> bool:
        """Whether it is a share of like numbers; else it is a mean for each thing."""
        units: list[Unit] = list(_TIMES) if over == under else []
        if under == "things":
            units += _AMOUNT_UNITS[over]
        if not units:
            raise DefinitionRefused(
                f"{over} for each of {under} have no unit that we could tell",
                field="denominator",
                hint=f"divide by {over}, or by a count of something",
            )
        self._refuse_unit(units, of=f"{over} over {under}")
        return self.written.unit in _TIMES

    def _matures_after(self, parts: Sequence[Part]) -> int:
        """How long a cohort is waited for: at least until all its terms have settled."""
        slowest = max(parts, key=lambda part: part.word.settles_after_days)
        settled, given = slowest.word.settles_after_days, self.written.matures_after_days
        if given is not None and given < settled:
            raise DefinitionRefused(
                f"{slowest.word.kind} can still come {settled} days later",
                field="matures_after_days",
                hint=f"say {settled} or more, or leave it out",
            )
        return settled if given is None else given


def _not_yet(part: Part) -> Sum | None:
    """What a percentile has no value of yet, where it is one of a part of something."""
    wider = part.word.part_of
    if len(wider) != 1:
        return None
    return Count(narrowed(wider[0], part.where)) - Count(part.kind)


def _priced(above: Sequence[Part], below: Sequence[Part]) -> Sum:
    """What a mean amount is divided by: without those whose amount has no price."""
    total = sum_of(below)
    for part in below:
        if any(_same(part, other) for other in above):
            total = total - part.unpriced if part.sign > 0 else total + part.unpriced
    return total


def _same(one: Part, other: Part) -> bool:
    """Whether both are about the same moments."""
    return (one.kind, one.at, one.trailing_days) == (other.kind, other.at, other.trailing_days)

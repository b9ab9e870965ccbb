"""A verdict as it is handed out: whole, in minor units, and as plain data.

Invariant: the contributions are integers that sum to `delta`; `residual` shows it. No field
names a person: slices are channels, bands and dimensions, owners are departments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Literal

from metrics.diagnosis.actions import Action
from metrics.diagnosis.baseline import BaselineKind
from metrics.diagnosis.drill import Drill
from metrics.diagnosis.evidence import Evidence
from metrics.diagnosis.robustness import Confidence, Flip
from metrics.diagnosis.rules import Owner, Rules
from metrics.diagnosis.views import ContributionView, TotalView

Lens = Literal["revenue", "profit"]
Data = dict[str, "Data"] | list["Data"] | str | int | float | bool | None
"""What JSON can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The period that the current one is compared with."""

    kind: BaselineKind
    amount: int
    season: float
    """What the volume of the previous period was multiplied by; 1 for other baselines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """`verdict` is sales, operations, market, mixed, insufficient_data or no_material_change."""

    tenant: str
    lens: Lens
    """What is judged: revenue, or what costs have left of it; amounts are of that."""
    scope: str
    period: str
    grain: str
    """Of the period that was judged: wider than asked for where that had too few facts."""
    currency: str
    verdict: str
    reason: str
    helps: Mapping[str, str]
    """What data would help, where nobody is named."""
    order: tuple[Owner, ...] = ()
    confidence: Confidence | None = None
    probability: float | None = None
    baseline: Compared | None = None
    current: int | None = None
    delta: int | None = None
    relative: float | None = None
    contributions: tuple[ContributionView, ...] = ()
    factors: tuple[TotalView, ...] = ()
    classes: tuple[TotalView, ...] = ()
    residual: int = 0
    evidence: tuple[Evidence, ...] = ()
    actions: tuple[Action, ...] = ()
    drill: tuple[Drill, ...] = ()
    flips_when: tuple[Flip, ...] = ()
    missing: Mapping[str, tuple[int, int]]
    """Below its floor: what there is, what there should be."""
    rules: Rules
    """Owner map, elasticity, floors and thresholds, with their version."""
    catalogue_version: str
    as_of: datetime

    @property
    def names_a_cause(self) -> bool:
        return bool(self.order)

    def data(self) -> dict[str, Data]:
        """As JSON would have it; the same diagnosis always gives the same text."""
        whole = data_of(self)
        assert isinstance(whole, dict)
        return whole | {"floors": data_of(self.rules.floors)}


def data_of(value: object) -> Data:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: data_of(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): data_of(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [data_of(one) for one in value]
    assert value is None or isinstance(value, str | int | float | bool)
    return value

"""What other KPIs say of the departments, always in the same order.

Contributions say where the change sits; evidence suggests why. A department's KPI that
worsened beyond chance supports that it is the cause; one that improved contradicts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from metrics.diagnosis.drill import PERSONS
from metrics.diagnosis.figures import Figures
from metrics.diagnosis.rules import Owner, Rules
from metrics.diagnosis.statistics import Z90, discoveries, newcombe, p_value

MARKET_MOVED: Final = 0.01
"""A market's size is reported, not sampled; from this relative change on it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Whom a KPI speaks of."""

    owner: Owner
    falls: bool = True
    """Whether a fall of it, and not a rise, speaks for this owner as the cause."""


WITNESSES: Final = {
    "win_rate": Witness(owner=Owner.SALES),
    "lead_conversion": Witness(owner=Owner.SALES),
    "lead_conversion_soon": Witness(owner=Owner.SALES),
    "sales_csat": Witness(owner=Owner.SALES),
    "sales_cycle_days": Witness(owner=Owner.SALES, falls=False),
    "first_response_min": Witness(owner=Owner.SALES, falls=False),
    "lost_service": Witness(owner=Owner.SALES, falls=False),
    "lost_price": Witness(owner=Owner.SALES, falls=False),
    "user_retention": Witness(owner=Owner.OPERATIONS),
    "customer_retention": Witness(owner=Owner.OPERATIONS),
    "dau": Witness(owner=Owner.OPERATIONS),
    "mau": Witness(owner=Owner.OPERATIONS),
    "stickiness": Witness(owner=Owner.OPERATIONS),
    "channel_cpl": Witness(owner=Owner.OPERATIONS, falls=False),
    "channel_roi": Witness(owner=Owner.OPERATIONS),
    "csat": Witness(owner=Owner.OPERATIONS),
    "first_pass_yield": Witness(owner=Owner.OPERATIONS),
    "project_on_time": Witness(owner=Owner.OPERATIONS),
    "market_size": Witness(owner=Owner.MARKET),
    # Sales that fall less than the market does: a share that grows speaks for the market.
    "market_share": Witness(owner=Owner.MARKET, falls=False),
    "lost_competitor": Witness(owner=Owner.MARKET, falls=False),
    "lost_no_budget": Witness(owner=Owner.MARKET, falls=False),
}
"""In the order of the list. `lost_…` are shares of lost deals by the reason given. Leads that
led to a sale tell fewer sales, and how many of them did so soon slower ones.
"""


BY_CHANNEL: Final = frozenset({"win_rate", "lead_conversion", "lead_conversion_soon"})
"""Told by channel, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A KPI in both periods, as it was read.

    With counts it is a share and gets Newcombe's interval; else `low` and `high` are the
    90 % interval of the difference, where the reader knows one.
    """

    kpi: str
    slice: str = ""
    baseline: float
    current: float
    baseline_count: int | None = None
    current_count: int | None = None
    low: float | None = None
    high: float | None = None
    link: str = ""
    """Where the facts behind it are listed. Raises ValueError where that names a person."""

    def __post_init__(self) -> None:
        if f"{PERSONS}:" in self.link:
            raise ValueError(f"a diagnosis has no place for {PERSONS}: it never names a person")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    kpi: str
    slice: str
    baseline: float
    current: float
    delta: float
    low: float | None
    high: float | None
    z: float | None
    supports: Owner | None
    contradicts: Owner | None
    is_share: bool
    """Between 0 and 1, of counts; else in the KPI's own unit."""
    link: str


def evidence(
    readings: Sequence[Reading], before: Figures, after: Figures, *, rules: Rules
) -> tuple[Evidence, ...]:
    """All readings with what the figures themselves say, in fixed order.

    A reading of the caller replaces that of the figures: it has a link to its facts.
    """
    given = {(reading.kpi, reading.slice): reading for reading in readings}
    own = {(reading.kpi, reading.slice): reading for reading in _of_figures(before, after)}
    order = {kpi: rank for rank, kpi in enumerate(WITNESSES)}
    known = [reading for key, reading in (own | given).items() if key[0] in order]
    known.sort(key=lambda reading: (order[reading.kpi], reading.slice))
    intervals = [_interval(reading) for reading in known]
    scores = [_z(reading, *interval) for reading, interval in zip(known, intervals, strict=True)]
    tested = [i for i, z in enumerate(scores) if z is not None and not _is_mixed(known[i])]
    stand = {
        tested[k]
        for k in discoveries([p_value(scores[i] or 0) for i in tested], rules.false_discoveries)
    }
    return tuple(
        _evidence(reading, intervals[i], scores[i], tells=i in stand or _market_moved(reading))
        for i, reading in enumerate(known)
    )


def _of_figures(before: Figures, after: Figures) -> list[Reading]:
    """Win rates within each channel, and the size of the market."""
    found = []
    for name in sorted(before.funnels.keys() & after.funnels.keys()):
        old, new = before.funnels[name], after.funnels[name]
        if old.decided and new.decided:
            found.append(
                Reading(
                    kpi="win_rate",
                    slice=name,
                    baseline=old.won / old.decided,
                    current=new.won / new.decided,
                    baseline_count=old.decided,
                    current_count=new.decided,
                )
            )
    if before.market_minor and after.market_minor:
        sizes = float(before.market_minor), float(after.market_minor)
        found.append(Reading(kpi="market_size", baseline=sizes[0], current=sizes[1]))
    return found


def _interval(reading: Reading) -> tuple[float | None, float | None]:
    if reading.baseline_count and reading.current_count:
        return newcombe(
            (reading.baseline, reading.baseline_count), (reading.current, reading.current_count)
        )
    return reading.low, reading.high


def _z(reading: Reading, low: float | None, high: float | None) -> float | None:
    """The change in standard errors: half the interval's side towards zero is one of Z90."""
    delta = reading.current - reading.baseline
    if low is None or high is None:
        return None
    towards_zero = delta - low if delta > 0 else high - delta
    return Z90 * delta / towards_zero if towards_zero > 0 else None


def _is_mixed(reading: Reading) -> bool:
    """A rate over all channels moves with their mix: it speaks of nobody."""
    return reading.kpi in BY_CHANNEL and not reading.slice


def _market_moved(reading: Reading) -> bool:
    moved = abs(reading.current - reading.baseline) >= MARKET_MOVED * reading.baseline
    return reading.kpi == "market_size" and moved


def _evidence(
    reading: Reading,
    interval: tuple[float | None, float | None],
    z: float | None,
    *,
    tells: bool,
) -> Evidence:
    witness = WITNESSES[reading.kpi]
    delta = reading.current - reading.baseline
    against = (delta < 0) == witness.falls
    said = tells and delta != 0
    return Evidence(
        kpi=reading.kpi,
        slice=reading.slice,
        baseline=reading.baseline,
        current=reading.current,
        delta=delta,
        low=interval[0],
        high=interval[1],
        z=z,
        supports=witness.owner if said and against else None,
        contradicts=witness.owner if said and not against else None,
        is_share=bool(reading.baseline_count and reading.current_count),
        link=reading.link,
    )

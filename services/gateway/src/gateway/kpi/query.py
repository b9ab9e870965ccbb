"""What one KPI question is, so that two spellings of it share one answer.

Invariant: equal keys get byte-equal answers. The gateway orders parameters and
drops repeated filters; it does not interpret them beyond finding the last day
that an answer looks at. What they mean, and whether they are valid, metrics says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

_MULTIPLE: Final = frozenset({"by", "filter"})
_NEVER_KEPT: Final = frozenset({"rates_on", "target"})
"""Rates and targets that are published change no KPI, so nobody would tell us that the answer is
another.
"""
_OF_TODAY: Final = frozenset({("view", "current"), ("currency", "current")})
"""Neither does it change a KPI that somebody goes to another team, or that another day begins."""
_MOST_PARAMETERS: Final = 50
_LONGEST_QUERY: Final = 2000
_KPI_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,79}")
_PERIOD: Final = re.compile(r"(\d{4})(?:-(?:Q([1-4])|W(\d{2})|(\d{2})(?:-(\d{2}))?))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class KpiQuery:
    """One question to one KPI; `parameters` as `canonical` orders them."""

    kpi: str
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def target(self) -> bytes:
        """Path and query as sent to metrics."""
        path = f"/v1/kpis/{quote(self.kpi, safe='')}"
        return (f"{path}?{urlencode(self.parameters)}" if self.parameters else path).encode()

    @property
    def ends_before(self) -> date | None:
        """The first day that the answer does not look at; None when that is not known."""
        given = dict(self.parameters)
        try:
            if "to" in given:
                return date.fromisoformat(given["to"])
            if "period" in given:
                return _end_of(given["period"])
        except (ValueError, OverflowError):
            return None
        return None


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """A question as asked by callers who may see the same: `scope` is their teams."""

    query: KpiQuery
    scope: str


def read_query(kpi: str, raw_query: bytes) -> KpiQuery | None:
    """The question in canonical form, or None when its answer is not to be kept in memory.

    A parameter given twice with different values stays as it is sent for metrics
    to refuse, except the repeatable ones.
    """
    if not _KPI_ID.fullmatch(kpi) or len(raw_query) > _LONGEST_QUERY:
        return None
    try:
        pairs = parse_qsl(
            raw_query.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(raw_query),
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError:
        return None
    names = [name for name, _ in pairs if name not in _MULTIPLE]
    if len(names) != len(set(names)) or _NEVER_KEPT & set(names) or _OF_TODAY & set(pairs):
        return None
    return KpiQuery(kpi, canonical(pairs))


def canonical(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Sorted, each once; but `by` in the order given, for that is the order of an answer's rows."""
    given = list(pairs)
    cuts = [pair for pair in given if pair[0] == "by"]
    return (*sorted({pair for pair in given if pair[0] != "by"}), *cuts)


def _end_of(period: str) -> date | None:
    found = _PERIOD.fullmatch(period)
    if found is None:
        return None
    year, quarter, week, month, day = (int(part) if part else None for part in found.groups())
    assert year is not None
    if week:
        return date.fromisocalendar(year, week, 7) + timedelta(days=1)
    if month and day:
        return date(year, month, day) + timedelta(days=1)
    last = date(year, month or (quarter * 3 if quarter else 12), 28)
    return (last + timedelta(days=4)).replace(day=1)

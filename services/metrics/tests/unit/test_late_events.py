"""What comes late changes the periods that it dates or windows into, and no other (oracle 16)."""

from __future__ import annotations

import random
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_histories import BASE, History, plain
from memory_shelf import MemoryShelf, company_sums, folded, readings

from events import Event
from metrics.engine.calendar import Grain
from metrics.engine.company import Company, date_of, micros_of
from metrics.engine.reading import rows_of
from metrics.engine.row import Row
from metrics.engine.sums import Known
from metrics.kpis import CATALOGUE
from metrics.query.differences import differing
from metrics.query.question import Asked, Question, read_question

NEW_YORK = Company(time_zone="America/New_York", base_currency=BASE)
NOW = Known(NEW_YORK, micros_of(datetime(2028, 1, 1, tzinfo=UTC)), complete=True)
MAKERS = ("deal", "order", "cost", "project", "survey", "process_run", "time", "lead", "user")
KPIS = (
    *("revenue_net", "win_rate", "decision_rate", "sales_cycle_days", "avg_deal_value"),
    *("pipeline_open", "pipeline_weighted", "stage_conversion", "lead_conversion", "channel_roi"),
    *("customer_retention", "purchase_frequency", "net_revenue_retention", "clv_observed"),
    *("repeat_purchase_rate", "operating_cost", "utilization", "first_pass_yield", "csat"),
    *("project_on_time", "project_acceptance", "user_retention"),
)
LOOKS_AHEAD: Final = {"clv_observed": 366, "repeat_purchase_rate": 181}
"""Days that a cohort is followed: a late purchase changes the cohort of the buyer's first one.
Leads and users are followed, too, but there the events themselves name the day that it began.
"""
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@settings(max_examples=6)
@given(st.integers(0, 2**40))
def test_16_only_periods_that_a_late_event_reaches_are_restated(seed: int) -> None:
    history = History(seed, facts=25, of=MAKERS)
    late = _a_last_event(history, random.Random(seed))
    before = folded([[event for event in history.events if event is not late]], NEW_YORK)
    after = folded([history.events], NEW_YORK)
    reached = _earliest_day(late, history.events)
    for kpi in KPIS:
        asked = _question(kpi)
        was, is_now = _rows(before, asked), _rows(after, asked)
        listed = list(differing(asked, was, is_now))
        for one in listed:
            day = reached - timedelta(days=LOOKS_AHEAD.get(kpi, 0))
            assert date_of(one.period.end) > day, (kpi, one.period.label, late.type)
        # What was published, with the listed differences, is what is told now.
        restated = {row.period: row for row in was} | {one.period: one.after for one in listed}
        assert list(restated.values()) == is_now


def _a_last_event(history: History, rnd: random.Random) -> Event:
    """One that no other of its stream follows, so that its absence leaves no gap."""
    last: dict[tuple[str, str], Event] = {}
    for event in sorted(history.events, key=lambda e: e.sequence):
        last[event.source, event.subject] = event
    fitting = [e for e in last.values() if "voided" not in e.type]
    return rnd.choice(fitting or list(last.values()))


def _earliest_day(late: Event, events: list[Event]) -> date:
    """The first day that any event of the same subject names, in whatever time zone."""
    told: list[Any] = plain(
        e for e in events if (e.source, e.subject) == (late.source, late.subject)
    )
    days = ISO_DAY.findall(msgspec.json.encode(told).decode())
    return min(date.fromisoformat(day) for day in days) - timedelta(days=1)


def _question(kpi: str) -> Question:
    grains = CATALOGUE[kpi].grains
    grain = Grain.MONTH if Grain.MONTH in grains else grains[-1]
    asked = Asked(grain=grain, start=date(2023, 1, 1), end=date(2026, 1, 1))
    return read_question(kpi, asked, catalogue=CATALOGUE, company=NEW_YORK, today=0)


def _rows(shelf: MemoryShelf, asked: Question) -> list[Row]:
    whole = company_sums(shelf, asked, NOW)
    sums = next(readings(shelf, asked, NOW))
    return list(rows_of(asked.kpi, sums, by=(), filtered=(), known=NOW, whole=whole))

"""Short stories: a few events, and the values that follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from kpi_histories import BASE, PIPELINE
from memory_shelf import MemoryShelf, folded, readings

from events import Dimensions, Event, EventData, Money
from events.types.pipeline import DealCreated, DealState, DealWon
from metrics.engine.calendar import Grain
from metrics.engine.company import Company, micros_of
from metrics.engine.reading import rows_of
from metrics.engine.row import Row
from metrics.engine.sums import Known
from metrics.kpis import CATALOGUE
from metrics.query.question import Asked, read_question

NEW_YORK = Company(time_zone="America/New_York", base_currency=BASE)
SHOP = "/shop/a"
LATER = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2024, 3, 4, 17, tzinfo=UTC)
"""Noon of a Monday in New York."""


def event(
    data: EventData, sequence: int, at: datetime, *, source: str = PIPELINE, subject: str = ""
) -> Event:
    return Event.of(
        data,
        source=source,
        sequence=sequence,
        occurred_at=at,
        recorded_at=at,
        subject=subject or data.subject,
        id=f"{source}{subject or data.subject}{sequence}",
    )


def sold(
    name: str, minor: int, at: datetime, *, currency: str = "USD", rate: str | None = None
) -> Iterator[Event]:
    """A deal of one team, won an hour after it was created."""
    state = DealState(
        deal_id=name,
        pipeline="standard",
        stage="first",
        stage_rank=0,
        status="open",
        episode=1,
        created_at=at,
        dimensions=Dimensions(team="north"),
        amount=Money(amount_minor=minor, currency=currency, rate=rate),
    )
    yield event(DealCreated(deal=state), 1, at)
    won = msgspec.structs.replace(state, status="won", closed_at=at + timedelta(hours=1))
    yield event(DealWon(deal=won), 2, at + timedelta(hours=1))


def read(
    shelf: MemoryShelf,
    kpi: str,
    grain: str,
    *,
    by: str | None = None,
    span: tuple[date, date] = (date(2024, 1, 1), date(2025, 1, 1)),
    now: datetime = LATER,
    company: Company = NEW_YORK,
) -> list[Row]:
    known = Known(company, micros_of(now), complete=True)
    asked = Asked(grain=Grain(grain), start=span[0], end=span[1], by=[by] if by else [])
    question = read_question(kpi, asked, catalogue=CATALOGUE, company=company, today=0)
    sums = next(readings(shelf, question, known))
    return list(rows_of(question.kpi, sums, by=question.by, filtered=(), known=known))


def one(events: Sequence[Event], kpi: str, period: str = "year", **more: Any) -> Row:
    [row] = read(folded([events], more.pop("company", NEW_YORK)), kpi, period, **more)
    return row

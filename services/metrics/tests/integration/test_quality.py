"""The data-quality page tells what is wrong, late, unknown or changed, as brute force finds it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kpi_histories import History

from events import Event
from events.money import Money
from events.types import Dimensions
from events.types.partner import OrderPaid, PaymentRefunded
from metrics.engine.calendar import parse_period
from metrics.kpis import CATALOGUE
from metrics.query.quality import Quality, read_quality
from metrics.query.source import Source

SOURCE = "/partners/shop"
MAY = datetime(2025, 5, 10, 12, tzinfo=UTC)
JUNE = datetime(2025, 6, 1, 11, tzinfo=UTC)


def order(number: int, minor: int, *, known_at: datetime = MAY, **members: str) -> Event:
    data = OrderPaid(
        order_id=f"o{number}",
        amount=Money(amount_minor=minor, currency="USD"),
        dimensions=Dimensions(**members),
    )
    return Event.of(data, source=SOURCE, sequence=1, occurred_at=MAY, recorded_at=known_at)


async def quality(service: Any, **params: Any) -> Any:
    async with service.caller("boss") as boss:
        response = await boss.get("/v1/quality", params=params)
    assert response.status_code == 200, response.text
    return response.json()


def line(rows: Sequence[Any], **wanted: str) -> Any:
    (found,) = (row for row in rows if wanted.items() <= row.items())
    return found


async def test_what_came_after_the_end_of_the_month_is_its_restatement(service: Any) -> None:
    await service.feed([order(1, 600), order(2, 300)])
    await service.feed([order(3, 100, known_at=JUNE)])
    await service.merge()
    page = await quality(service, period="2025-05")
    assert (page["period"], page["from_on"], page["to_on"]) == (
        "2025-05",
        "2025-05-01",
        "2025-06-01",
    )
    revenue = line(page["restatements"], kpi="revenue_net")
    assert (revenue["value_then"], revenue["value_now"], revenue["share"]) == (900, 1000, 0.1)
    assert line(page["restatements"], kpi="operating_cost")["share"] == 0


async def test_what_is_too_much_to_take_back_is_read_for_a_kpi_by_name(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metrics.api.quality.MOST_DELTAS", 0)
    await service.feed([order(1, 600), order(2, 400, known_at=JUNE)])
    assert (await quality(service, period="2025-05"))["restatements"] is None
    named = await quality(service, period="2025-05", kpi="revenue_net")
    assert line(named["restatements"], kpi="revenue_net")["share"] == 0.4


async def test_members_that_are_not_known_are_a_share_of_what_is_counted(service: Any) -> None:
    await service.feed([order(1, 600, channel="web"), order(2, 300, channel="web"), order(3, 1)])
    page = await quality(service, period="2025-05", kpi="revenue_net")
    channel = line(page["unknown"], dimension="channel")
    assert (channel["n"], channel["unknown"]) == (3, 1)
    assert channel["share"] == pytest.approx(1 / 3)
    assert line(page["unknown"], dimension="team")["share"] == 1
    assert {row["kpi"] for row in page["unknown"]} == {"revenue_net"}
    assert [row["kpi"] for row in page["coverage"]] == ["revenue_net"]


@pytest.mark.parametrize("period", ["2024-05", "2024-Q2", "2024"])
async def test_the_page_covers_every_kpi_whatever_its_class(service: Any, period: str) -> None:
    await service.feed(History(41, facts=60).events)
    page = await quality(service, period=period)
    assert [one["kpi"] for one in page["coverage"]] == [kpi.id for kpi in CATALOGUE]
    grain = parse_period(period).grain
    by_grain = [k.id for k in CATALOGUE if grain in k.grains and k.kind != "model"]
    assert [one["kpi"] for one in page["restatements"]] == by_grain
    assert page["unknown"]
    assert all(0 < one["share"] <= 1 for one in page["unknown"])


async def test_kpis_that_are_read_together_say_what_each_says_alone(service: Any) -> None:
    await service.feed(History(41, facts=300).events)
    page = await quality(service, period="2024-05")
    assert any(one["share"] for one in page["restatements"])
    async with service.caller("boss") as boss:
        for one in page["restatements"]:
            response = await boss.get(f"/v1/kpis/{one['kpi']}", params={"period": "2024-05"})
            [row] = response.json()["periods"][0]["rows"]
            assert one["value_now"] == row["value"], one
    for kpi in {one["kpi"] for one in page["unknown"]}:
        alone = await quality(service, period="2024-05", kpi=kpi)
        assert alone["unknown"] == [one for one in page["unknown"] if one["kpi"] == kpi]
        assert alone["restatements"] == [line(page["restatements"], kpi=kpi)]


async def test_a_page_of_all_kpis_asks_for_each_dimension_and_not_for_each_kpi(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[Any] = []

    async def logged(source: Source, *args: Any, **more: Any) -> Quality:
        with source.connection.query_logger(statements.append):
            return await read_quality(source, *args, **more)

    monkeypatch.setattr("metrics.api.quality.read_quality", logged)
    await service.feed(History(41, facts=300).events)
    await quality(service, period="2024-05")
    dimensions = {name for kpi in CATALOGUE for name in kpi.dimensions}
    # Each KPI by each of its dimensions takes some three, where it is asked for by itself.
    alone = 3 * sum(len(kpi.dimensions) for kpi in CATALOGUE)
    assert len(dimensions) < len(statements) < alone / 4


async def test_sources_tell_when_they_last_spoke(service: Any) -> None:
    await service.feed([order(1, 600), order(2, 300, known_at=MAY + timedelta(hours=2))])
    (source,) = (await quality(service))["sources"]
    assert (source["source"], source["events"]) == (SOURCE, 2)
    assert datetime.fromisoformat(source["last_recorded_at"]) == MAY + timedelta(hours=2)
    assert source["last_on"] == "2025-05-10"


async def test_facts_with_problems_are_counted_by_problem(service: Any) -> None:
    refund = PaymentRefunded(
        refund_id="r1",
        source_type="order",
        source_id="nobody's",
        amount=Money(amount_minor=5, currency="USD"),
    )
    await service.feed(
        [Event.of(refund, source=SOURCE, sequence=1, occurred_at=MAY, recorded_at=MAY)]
    )
    assert line((await quality(service))["problems"], kind="order") == {
        "kind": "order",
        "problem": "refund_without_sale",
        "facts": 1,
    }


async def test_events_that_wait_and_partitions_that_stand_are_told(service: Any) -> None:
    await service.know_until(MAY)
    assert (await quality(service))["complete"]
    await service.pool.execute(
        "INSERT INTO consumer_parked (consumer, topic, partition, record_offset, source, subject,"
        " reason, detail, hint, record_headers, logged_at)"
        " VALUES ('metrics', 'partner', 0, 7, 's', 'a', 'gap', 'd', 'h', '', now()),"
        "        ('metrics', 'partner', 0, 8, 's', 'a', 'gap', 'd', 'h', '', now()),"
        "        ('another', 'partner', 0, 8, 's', 'a', 'gap', 'd', 'h', '', now())"
    )
    await service.pool.execute("UPDATE consumer_positions SET stopped = 'too many'")
    page = await quality(service)
    assert not page["complete"]
    assert page["held_back"] == [{"topic": "partner", "reason": "gap", "events": 2, "subjects": 1}]
    assert [row["reason"] for row in page["stopped"]] == ["too many"]


@pytest.mark.parametrize(
    ("role", "teams", "params", "status"),
    [
        ("sales_lead", ("EAST",), {}, 403),
        ("boss", (), {"period": "2199"}, 422),
        ("boss", (), {"period": "soon"}, 422),
        ("boss", (), {"kpi": "none"}, 404),
    ],
)
async def test_the_page_is_refused(
    service: Any, role: str, teams: tuple[str, ...], params: dict[str, str], status: int
) -> None:
    async with service.caller(role, *teams) as caller:
        response = await caller.get("/v1/quality", params=params)
    assert response.status_code == status
    assert response.json()["hint"]

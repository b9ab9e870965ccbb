"""The verdict by the API: a bad quarter is found with its true cause, or nobody is named."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bad_quarter import BAD, QUARTERS, Company
from metrics_service import running

from events import Event, EventData, Money
from events.types.ops import CostRecorded
from events.types.pipeline import DealWon
from events.types.process import ProcessRunCompleted

PERIOD = "2024-Q1"
LATER = datetime(2024, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Known:
    """A company whose whole history is in a database."""

    company: Company
    url: str
    folder: Path

    async def diagnosed(self, *, watermark: datetime = LATER, **params: Any) -> Any:
        """The verdict, and the revenue of the period and of the four quarters before it."""
        quarters = {"from": "2023-01-01", "to": "2024-04-01", "grain": "quarter"}
        async with running(self.url, self.folder) as service:
            await service.know_until(watermark)
            async with service.caller("boss") as client:
                answer = await client.get("/v1/diagnosis", params={"period": PERIOD} | params)
                revenue = await client.get("/v1/kpis/revenue_net", params=quarters)
        assert answer.status_code == 200, answer.text
        named = [name for name in self.company.people if name in answer.text]
        assert not named, "it never names a person"
        values = [period["rows"][0]["value"] for period in revenue.json()["periods"]]
        return answer.json(), values

    async def choose(self, rules: dict[str, Any]) -> None:
        """Put the company's first rules of its own in force."""
        async with running(self.url, self.folder) as service, service.caller("boss") as client:
            seen = {"If-Match": '"1"'}
            answer = await client.put("/v1/diagnosis/rules", json=rules, headers=seen)
        assert answer.status_code == 200, answer.text


Knowing = Callable[[Company], Awaitable[Known]]


@pytest.fixture(scope="module")
def knowing(
    module_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Knowing:
    """Folds a company's history once, however many tests ask about it."""
    folder = tmp_path_factory.mktemp("identity")
    known: dict[tuple[str, int], Known] = {}

    async def of(company: Company) -> Known:
        key = company.fault, len(company.events)
        if key not in known:
            url = module_database("metrics")
            async with running(url, folder) as service:
                for start in range(0, len(company.events), 500):
                    await service.feed(company.events[start : start + 500])
            known[key] = Known(company, url, folder)
        return known[key]

    return of


@pytest.mark.parametrize(
    ("fault", "verdict", "factor"),
    [
        ("mix", "operations", "mix"),
        ("win_rate", "sales", "win_rate"),
        ("market", "market", "market"),
    ],
)
async def test_the_true_cause_is_named(
    knowing: Knowing, fault: str, verdict: str, factor: str
) -> None:
    told, revenue = await (await knowing(Company(fault=fault))).diagnosed()
    assert told["verdict"] == verdict, told["text"]["en"]
    worst = min(told["factors"], key=lambda one: one["amount"])
    assert worst["node"] == factor
    assert told["delta"] == revenue[4] - revenue[0]
    assert sum(one["amount"] for one in told["contributions"]) == told["delta"]
    assert told["text"]["zh"]
    [lost] = [one for one in told["evidence"] if one["kpi"] == "lost_price"]
    assert (lost["baseline"], lost["current"]) == (1.0, 1.0)
    assert lost["link"].endswith("&filter=reason:price")
    [cycle] = [one for one in told["evidence"] if one["kpi"] == "sales_cycle_days"]
    assert cycle["low"] < cycle["delta"] < cycle["high"]


async def test_a_scope_is_diagnosed_from_what_is_its_own(knowing: Knowing) -> None:
    company = Company(fault="win_rate")
    told, revenue = await (await knowing(company)).diagnosed(scope="region:North")
    assert min(told["factors"], key=lambda one: one["amount"])["node"] == "win_rate"
    new = sum(funnel_of(company, "North", 2024)) - sum(funnel_of(company, "North", 2023))
    of_new = [one for one in told["contributions"] if one["slice"] in {"referral", "ads"}]
    assert sum(one["amount"] for one in of_new) == pytest.approx(new, abs=len(of_new))
    assert abs(told["delta"]) < abs(revenue[4] - revenue[0])
    assert told["scope"] == "region:North"


async def test_a_scope_of_two_dimensions_is_read_from_facts_as_one_is_from_cells(
    knowing: Knowing,
) -> None:
    known = await knowing(Company(fault="win_rate"))
    one, _ = await known.diagnosed(scope="channel:ads")
    both, _ = await known.diagnosed(scope=["channel:ads", "region:North", "region:South"])
    assert (both["verdict"], both["delta"]) == (one["verdict"], one["delta"])
    # Intervals are drawn, and each scope draws its own.
    for part, told in {
        "contributions": ("node", "slice", "owner", "amount"),
        "evidence": ("kpi", "slice", "baseline", "current"),
    }.items():
        of_both, of_one = ([[row[t] for t in told] for row in d[part]] for d in (both, one))
        assert of_both == of_one
        assert len(of_one) > 3


def funnel_of(company: Company, region: str, year: int) -> list[int]:
    """What deals of the region brought in the first quarter of a year."""
    return [
        event.data.deal.amount.amount_minor
        for event in company.events
        if isinstance(event.data, DealWon)
        and event.data.deal.dimensions.region == region
        and event.data.deal.amount is not None
        and event.data.deal.closed_at is not None
        and event.data.deal.closed_at.year == year
        and event.data.deal.closed_at.month <= 3
    ]


async def test_evidence_is_compared_with_what_the_verdict_is(knowing: Knowing) -> None:
    known = await knowing(Company(fault="win_rate"))
    told, revenue = await known.diagnosed(baseline="unseasonal")
    assert told["baseline"]["amount"] == revenue[3]
    [share] = [one for one in told["evidence"] if one["kpi"] == "market_share"]
    assert share["baseline"] == pytest.approx(revenue[3] / 1_000_000_000)


async def test_a_young_company_says_its_season_and_a_quiet_one_is_nobodys_fault(
    knowing: Knowing,
) -> None:
    known = await knowing(Company(fault="season", quarters=3))
    fell, revenue = await known.diagnosed()
    before, now = revenue[3:]
    assert (fell["baseline"]["kind"], fell["delta"]) == ("unseasonal", now - before)
    assert fell["verdict"] != "no_material_change"
    refused, _ = await known.diagnosed(baseline="seasonal")
    assert (refused["reason"], refused["helps"]) == ("no_baseline", {"season": ""})
    quiet_winter = [70.0] * 3 + [100.0] * 9
    await known.choose({"season": quiet_winter})
    for baseline in ({}, {"baseline": "seasonal"}):
        told, _ = await known.diagnosed(watermark=LATER, **baseline)
        assert told["verdict"] == "no_material_change", told["text"]["en"]
        assert told["baseline"] == {
            "kind": "seasonal",
            "amount": round(before * 0.7),
            "season": pytest.approx(0.7),
        }
        assert told["delta"] == now - round(before * 0.7)
        assert sum(one["amount"] for one in told["contributions"]) == told["delta"]
        assert (told["rules"]["version"], told["rules"]["season"]) == ("2", quiet_winter)
    unseasonal, _ = await known.diagnosed(baseline="unseasonal")
    assert unseasonal["verdict"] == fell["verdict"]


async def test_nobody_is_named_before_the_period_is_over_or_on_too_few_facts(
    knowing: Knowing,
) -> None:
    told, _ = await (await knowing(Company(fault="mix", deals=20))).diagnosed()
    assert (told["verdict"], told["reason"]) == ("insufficient_data", "below_floor")
    early = datetime(2024, 3, 1, tzinfo=UTC)
    running_, _ = await (await knowing(Company(fault="mix"))).diagnosed(watermark=early)
    assert (running_["verdict"], running_["reason"]) == ("insufficient_data", "period_incomplete")


async def test_a_company_chooses_its_own_rules_and_they_are_shown_with_the_verdict(
    new_database: Callable[[str], str], tmp_path: Path
) -> None:
    async with running(new_database("metrics"), tmp_path) as service:
        await service.know_until(LATER)
        async with service.caller("boss") as client:
            ours = await client.get("/v1/diagnosis/rules")
            assert (ours.headers["etag"], ours.json()["rules"]["owners"]["mix"]) == (
                '"1"',
                "operations",
            )
            chosen = {"owners": {"mix": "sales"}, "elasticity": 0.5, "floors": {"won": 5}}
            blind = await client.put("/v1/diagnosis/rules", json=chosen)
            assert blind.status_code == 428
            seen = {"If-Match": ours.headers["etag"]}
            theirs = await client.put("/v1/diagnosis/rules", json=chosen, headers=seen)
            assert theirs.status_code == 200, theirs.text
            assert theirs.json()["rules"]["floors"] | {"won": 5} == theirs.json()["rules"]["floors"]
            late = await client.put("/v1/diagnosis/rules", json={}, headers=seen)
            assert late.status_code == 412
            wrong = await client.put(
                "/v1/diagnosis/rules",
                json={"owners": {"luck": "sales"}},
                headers={"If-Match": '"2"'},
            )
            assert wrong.status_code == 422
            assert "market" in wrong.text
            for season in ([1.0] * 11, [1.0] * 11 + [0.0], [1.0] * 13):
                odd = await client.put(
                    "/v1/diagnosis/rules", json={"season": season}, headers={"If-Match": '"2"'}
                )
                assert odd.status_code == 422
                assert odd.json()["errors"][0]["field"].startswith("season"), odd.text
            versions = (await client.get("/v1/diagnosis/rules/versions")).json()["items"]
            assert [one["version"] for one in versions] == [2, 1]
            verdict = (await client.get("/v1/diagnosis", params={"period": PERIOD})).json()
            assert verdict["rules"]["version"] == "2"
            assert verdict["rules"]["owners"]["mix"] == "sales"
        async with service.caller("sales_rep", "north") as client:
            refused = await client.put("/v1/diagnosis/rules", json={}, headers=seen)
            assert refused.status_code == 403


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"period": "2024-W09"}, "query.period"),
        ({"period": "soon"}, "query.period"),
        ({"period": PERIOD, "scope": "owner:ann"}, "query.scope"),
        ({"period": PERIOD, "scope": "planet:mars"}, "query.filter"),
        ({"period": PERIOD, "scope": "region:North", "lens": "profit"}, "query.lens"),
    ],
)
async def test_what_cannot_be_diagnosed_is_refused_with_the_field(
    new_database: Callable[[str], str], tmp_path: Path, params: dict[str, str], field: str
) -> None:
    async with running(new_database("metrics"), tmp_path) as service:
        await service.know_until(LATER)
        async with service.caller("boss") as client:
            refused = await client.get("/v1/diagnosis", params=params)
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["field"] == field


async def test_profit_is_revenue_less_what_was_spent(knowing: Knowing) -> None:
    company = Company(fault="", deals=120)
    company.events += list(costs_of_runs())
    company.events.sort(key=lambda event: (event.recordedtime, event.sequence))
    told, revenue = await (await knowing(company)).diagnosed(lens="profit")
    assert (told["lens"], told["verdict"]) == ("profit", "operations"), told["text"]["en"]
    assert told["current"] == revenue[4] - 30_000_000
    assert told["baseline"]["amount"] == revenue[0] - 10_000_000
    dearer = [one for one in told["factors"] if one["node"] == "unit_cost"]
    assert [(one["owner"], one["amount"]) for one in dearer] == [("operations", -20_000_000)]
    assert sum(one["amount"] for one in told["contributions"]) == told["delta"]


def costs_of_runs() -> Iterator[Event]:
    """Fifty runs a quarter of a year; of the last one each costs three times as much."""
    for number, (year, quarter) in enumerate(QUARTERS):
        at = datetime(year, quarter * 3 + 2, 10, 12, tzinfo=UTC)
        minor = 30_000_000 if (year, quarter) == BAD else 10_000_000
        cost = CostRecorded(
            cost_id=f"c{number}",
            kind="operating",
            category="staff",
            incurred_on=at.date(),
            amount=Money(amount_minor=minor, currency="USD"),
            process="delivery",
        )
        yield spoken(cost, at)
        for run in range(50):
            done = ProcessRunCompleted(
                run_id=f"r{number}-{run}", process="delivery", started_at=at, touch_minutes=5
            )
            yield spoken(done, at)


def spoken(data: EventData, at: datetime) -> Event:
    return Event.of(
        data,
        source="/erp/a",
        sequence=1,
        occurred_at=at,
        recorded_at=at,
        id=f"{data.subject}:{at.isoformat()}",
    )


async def test_without_any_cost_nobody_is_judged_by_profit(knowing: Knowing) -> None:
    company = Company(fault="mix", deals=40)
    told, _ = await (await knowing(company)).diagnosed(lens="profit")
    assert (told["verdict"], told["reason"]) == ("insufficient_data", "events_missing")
    assert told["helps"] == {"events": "cost.recorded"}

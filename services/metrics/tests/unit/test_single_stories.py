"""Few events, and what must follow from them (numbers as in tests/README.md)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kpi_histories import BASE, OPS
from kpi_stories import NEW_YORK, NOON, SHOP, event, one, read
from memory_shelf import folded

from events import Dimensions, Event, Money, Owner
from events.types import ops, partner, pipeline
from metrics.engine.company import Company
from metrics.engine.quantiles import quantile

OPEN = pipeline.DealState(
    deal_id="d",
    pipeline="standard",
    stage="first",
    stage_rank=0,
    status="open",
    episode=1,
    created_at=NOON,
    owners=[Owner(owner_id="ann", weight_bp=10_000)],
    dimensions=Dimensions(team="north"),
    amount=Money(amount_minor=9_900, currency="USD"),
)


def won(at: datetime, deal: pipeline.DealState = OPEN, *, sequence: int = 2) -> Event:
    state = msgspec.structs.replace(deal, status="won", closed_at=at)
    return event(pipeline.DealWon(deal=state), sequence, at)


def created(deal: pipeline.DealState = OPEN) -> Event:
    return event(pipeline.DealCreated(deal=deal), 1, deal.created_at)


def refund(minor: int, at: datetime, *, sale: str = "d", subject: str = "r") -> Event:
    money = Money(amount_minor=minor, currency="USD")
    data = partner.PaymentRefunded(
        refund_id=subject, source_type="deal", source_id=sale, amount=money
    )
    return event(data, 1, at, source=SHOP)


def test_15_a_voided_event_never_happened() -> None:
    order = partner.OrderPaid(order_id="o", amount=Money(amount_minor=700, currency="USD"))
    paid = event(order, 1, NOON, source=SHOP)
    void = event(
        partner.EventVoided(event_id=paid.id, reason="mistake"), 2, NOON, source=SHOP, subject="o"
    )
    assert one([paid], "revenue_net").value == 700
    assert folded([[paid, void]], NEW_YORK).cells == {}
    again = event(
        partner.EventVoided(event_id=void.id, reason="mistake"), 3, NOON, source=SHOP, subject="o"
    )
    assert one([paid, void, again], "revenue_net").value == 700


def test_15_won_reopened_and_won_again_leaves_one_sale_on_the_last_date() -> None:
    april, june = NOON + timedelta(days=30), NOON + timedelta(days=90)
    back = msgspec.structs.replace(OPEN, episode=2)
    reopened = event(pipeline.DealReopened(deal=back), 3, april)
    events = [created(), won(april), reopened, won(june, back, sequence=4)]
    rows = read(folded([events], NEW_YORK), "revenue_net", "quarter")
    assert [row.n for row in rows] == [0, 1, 0, 0]
    months = {
        row.period.label: row.value
        for row in read(folded([events], NEW_YORK), "revenue_net", "month")
    }
    assert (months["2024-04"], months["2024-06"]) == (0, 9_900)


def test_18_a_refund_falls_on_its_own_day_and_a_full_one_uncounts_the_conversion() -> None:
    lead = pipeline.LeadOrigin(lead_id="l", captured_at=NOON, dimensions=Dimensions(team="north"))
    deal = msgspec.structs.replace(OPEN, lead=lead)
    sold = [created(deal), won(NOON + timedelta(days=1), deal)]
    part, whole = refund(9_899, NOON + timedelta(days=60)), refund(9_900, NOON + timedelta(days=60))
    assert one([*sold, part], "lead_conversion").numerator == 1
    assert one([*sold, whole], "lead_conversion").numerator == 0
    months = {
        row.period.label: row.value
        for row in read(folded([[*sold, whole]], NEW_YORK), "revenue_net", "month")
    }
    assert (months["2024-03"], months["2024-05"]) == (9_900, -9_900)


@pytest.mark.parametrize(("back", "buyers", "value"), [(400, 1, 600), (1_000, 0, None)])
def test_18_a_cohort_loses_at_its_sale_what_went_back_and_its_buyer_if_all_did(
    back: int, buyers: int, value: int | None
) -> None:
    order = partner.OrderPaid(
        order_id="o", customer_id="ann", amount=Money(amount_minor=1_000, currency="USD")
    )
    returned = partner.PaymentRefunded(
        refund_id="r",
        source_type="order",
        source_id="o",
        amount=Money(amount_minor=back, currency="USD"),
    )
    later = NOON + timedelta(days=60)
    told = [event(order, 1, NOON, source=SHOP), event(returned, 1, later, source=SHOP)]
    march, now = (date(2024, 3, 1), date(2024, 4, 1)), datetime(2026, 1, 1, tzinfo=UTC)
    cohort = one(told, "clv_observed", "month", span=march, now=now)
    assert (cohort.value, cohort.denominator) == (value, buyers)
    assert one(told, "cac", "month", span=march, now=now).denominator == buyers
    may = (date(2024, 5, 1), date(2024, 6, 1))
    in_months = [one(told, "revenue_net", "month", span=s).value for s in (march, may)]
    assert in_months == [1_000, -back]


def test_7_who_buys_without_a_name_is_revenue_and_nobodys_customer() -> None:
    def paid(name: str, customer: str | None, days: int) -> Event:
        order = partner.OrderPaid(
            order_id=name, customer_id=customer, amount=Money(amount_minor=700, currency="USD")
        )
        return event(order, 1, NOON + timedelta(days=days), source=SHOP)

    events = [paid("a", "ann", 0), paid("b", None, 1), paid("c", None, 20), paid("d", "ann", 200)]
    assert (one(events, "revenue_net").value, one(events, "revenue_net").n) == (2_800, 4)
    year = {kpi: one(events, kpi) for kpi in ("repeat_purchase_rate", "cac")}
    assert (year["repeat_purchase_rate"].numerator, year["repeat_purchase_rate"].n) == (0, 1)
    assert year["cac"].denominator == 1
    autumn = (date(2024, 7, 1), date(2024, 10, 1))
    kept = one(events, "customer_retention", "quarter", span=autumn)
    assert (kept.numerator, kept.denominator) == (1, 1)
    following = (date(2025, 1, 1), date(2026, 1, 1))
    renewed = one(events, "net_revenue_retention", span=following)
    assert renewed.denominator == 1_400


@pytest.mark.parametrize(
    ("zone", "local", "day"),
    [
        ("Asia/Shanghai", "2024-03-31T23:30:00", "2024-03-31"),
        ("Asia/Shanghai", "2024-03-31T23:59:59.999", "2024-03-31"),
        ("Asia/Shanghai", "2024-04-01T00:00:00", "2024-04-01"),
        ("America/New_York", "2024-03-10T23:30:00", "2024-03-10"),  # 23 hours long
        ("America/New_York", "2024-03-10T03:30:00", "2024-03-10"),
        ("America/New_York", "2024-11-03T23:59:59.999", "2024-11-03"),  # 25 hours long
        ("America/New_York", "2024-11-04T00:00:00", "2024-11-04"),
    ],
)
def test_19_a_sale_counts_on_the_day_that_the_company_has(zone: str, local: str, day: str) -> None:
    company = Company(time_zone=zone, base_currency=BASE)
    at = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    deal = msgspec.structs.replace(OPEN, created_at=at)
    shelf = folded([[created(deal), won(at, deal)]], company)
    sold = [row.period.label for row in read(shelf, "revenue_net", "day", company=company) if row.n]
    assert sold == [day]


def test_20_what_has_no_rate_is_counted_and_not_priced() -> None:
    foreign = msgspec.structs.replace(
        OPEN, deal_id="e", amount=Money(amount_minor=5, currency="EUR")
    )
    nothing = msgspec.structs.replace(OPEN, deal_id="f", amount=None)
    events = [created(), won(NOON), created(foreign), won(NOON, foreign)]
    events += [created(nothing), won(NOON, nothing)]
    revenue, average = one(events, "revenue_net"), one(events, "avg_deal_value")
    assert (revenue.value, revenue.n, revenue.unpriced_count) == (9_900, 3, 2)
    assert (average.value, average.n, average.unpriced_count) == (9_900, 1, 2)


def test_21_owners_share_every_unit() -> None:
    thirds = [
        Owner(owner_id=name, weight_bp=w)
        for name, w in (("ann", 3_333), ("bob", 3_333), ("cid", 3_334))
    ]
    deal = msgspec.structs.replace(
        OPEN, owners=thirds, amount=Money(amount_minor=100, currency="USD")
    )
    shelf = folded([[created(deal), won(NOON, deal)]], NEW_YORK)
    rows = read(shelf, "revenue_net", "year", by="owner")
    assert {row.members[0]: row.value for row in rows} == {"ann": 33, "bob": 33, "cid": 34}
    assert [row.n for row in rows] == [0.3333, 0.3333, 0.3334]


def test_22_undefined_is_null_with_a_reason_and_zero_is_zero() -> None:
    nothing = one([], "win_rate")
    assert (nothing.value, nothing.reason) == (None, "no_denominator")
    lost = event(
        pipeline.DealLost(
            deal=msgspec.structs.replace(OPEN, status="lost", closed_at=NOON), reason="price"
        ),
        2,
        NOON,
    )
    none_won = one([created(), lost], "win_rate")
    assert (none_won.value, none_won.reason, none_won.n) == (0, None, 1)
    assert one([], "revenue_attainment").reason == "no_target"
    assert one([created(), won(NOON)], "sales_cycle_days").reason == "below_floor"
    assert one([], "lead_conversion", now=NOON).reason == "immature"


@pytest.mark.parametrize("kpi", ["revenue_net", "pipeline_open"])
def test_22_of_days_to_come_nothing_is_known_and_of_a_day_that_runs_nothing_yet_is_zero(
    kpi: str,
) -> None:
    """The week begins with 4 March 2024, in New York at 05:00 UTC."""
    week = (date(2024, 3, 4), date(2024, 3, 11))
    midnight = datetime(2024, 3, 4, 5, tzinfo=UTC)
    to_come = one([], kpi, "week", span=week, now=midnight - timedelta(seconds=1))
    begun = one([], kpi, "week", span=week, now=midnight)
    assert (to_come.value, to_come.reason) == (None, "incomplete")
    assert (begun.value, begun.reason) == (0, None)
    paid = partner.OrderPaid(order_id="o", amount=Money(amount_minor=700, currency="USD"))
    early = event(paid, 1, NOON, source=SHOP)
    told = one([early], "revenue_net", "week", span=week, now=midnight - timedelta(days=9))
    assert told.value == 700, "what is told of days to come counts"


def test_22_a_cohort_matures_ninety_days_after_its_end_to_the_second() -> None:
    end = datetime(2024, 4, 1, 4, tzinfo=UTC) + timedelta(days=90)
    span = (date(2024, 3, 1), date(2024, 4, 1))
    before, after = (
        one([], "lead_conversion", "month", span=span, now=now)
        for now in (end - timedelta(microseconds=1), end)
    )
    assert (before.reason, after.reason) == ("immature", "no_denominator")


def test_a_project_that_is_due_today_is_not_late_yet() -> None:
    project = ops.ProjectState(
        project_id="p",
        stage="execute",
        created_at=NOON,
        baselines=[ops.Baseline(due_on=date(2024, 3, 8))],
    )
    events = [event(ops.ProjectBaselined(project=project), 1, NOON, source=OPS)]
    due_day = datetime(2024, 3, 8, 20, tzinfo=UTC)
    assert one(events, "project_on_time", now=due_day).reason == "no_denominator"
    assert one(events, "project_on_time", now=due_day + timedelta(days=1)).value == 0


def test_a_project_counts_for_who_has_it_when_its_due_day_ends() -> None:
    def project(owner: str) -> ops.ProjectState:
        return ops.ProjectState(
            project_id="p",
            stage="execute",
            created_at=NOON,
            owner_id=owner,
            baselines=[ops.Baseline(due_on=date(2024, 3, 8))],
        )

    evening = datetime(2024, 3, 9, 4, 59, tzinfo=UTC)
    events = [event(ops.ProjectBaselined(project=project("ann")), 1, NOON, source=OPS)]
    for sequence, (owner, at) in enumerate(
        (("bob", evening), ("cid", evening + timedelta(minutes=1))), start=2
    ):
        changed = ops.ProjectDetailsChanged(project=project(owner))
        events.append(event(changed, sequence, at, source=OPS))
    assert one(events, "project_on_time", by="owner").members == ("bob",)


def test_a_running_target_asks_for_the_working_days_so_far() -> None:
    target = pipeline.TargetSet(
        target_id="t",
        kpi="revenue_net",
        scope="company",
        period="2024-03",
        value=21_000,
        currency="USD",
    )
    events = [created(), won(NOON), event(target, 1, NOON)]
    # March 2024 has 21 working days; the 5th is the third of them.
    running = one(events, "revenue_attainment", "month", span=(date(2024, 3, 1), date(2024, 4, 1)),
                  now=datetime(2024, 3, 5, 20, tzinfo=UTC))  # fmt: skip
    assert (running.numerator, running.denominator, running.value) == (9_900, 3_000, 3.3)
    over = one(events, "revenue_attainment", "month", span=(date(2024, 3, 1), date(2024, 4, 1)))
    assert over.denominator == 21_000


@given(st.dictionaries(st.integers(-5, 400), st.integers(1, 4), min_size=1))
def test_23_the_median_is_that_of_the_values_written_out(bins: dict[int, int]) -> None:
    values = sorted(value for value, times in bins.items() for _ in range(times))
    half = len(values) // 2
    middle = values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2
    assert quantile({value: times * 10_000 for value, times in bins.items()}) == middle

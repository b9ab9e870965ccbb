"""Single stories of feedback, work and projects: each says one thing that must hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from math import sqrt
from typing import Any, Literal

import msgspec
import pytest
from kpi_histories import CUSTOMER, OPS
from kpi_stories import NEW_YORK, NOON, SHOP, event, one, read
from memory_shelf import folded

from events import Dimensions, Event, Money
from events.types import campaign, customer, market, ops, partner, process

DAY = timedelta(days=1)


def dollars(minor: int) -> Money:
    return Money(amount_minor=minor, currency="USD")


def answers(scores: Sequence[int], kind: Literal["csat", "nps"], scale: int) -> Iterator[Event]:
    for number, score in enumerate(scores):
        data = partner.SurveyResponded(
            survey_id=f"s{number}", kind=kind, score=score, scale_max=scale, touchpoint="sales"
        )
        yield event(data, 1, NOON, source=SHOP)


def test_content_is_who_gives_four_fifths_of_the_scale_or_more() -> None:
    for scale, just_enough in ((5, 4), (10, 8), (7, 6)):
        scores = [just_enough] * 6 + [just_enough - 1] * 4
        told = list(answers(scores, "csat", scale))
        assert one(told, "csat").value == 0.6
        assert one(told, "sales_csat").value == 0.6


def test_few_answers_say_nothing() -> None:
    assert one(list(answers([5] * 9, "csat", 5)), "csat").reason == "below_floor"
    assert one(list(answers([5] * 10, "csat", 5)), "csat").value == 1
    assert one(list(answers([9] * 29, "nps", 10)), "nps").reason == "below_floor"
    assert one(list(answers([9] * 30, "nps", 10)), "nps").value == 100


def test_the_net_promoter_score_has_the_interval_of_a_difference_of_shares() -> None:
    score = one(list(answers([10] * 20 + [8] * 10 + [3] * 10, "nps", 10)), "nps")
    assert (score.value, score.numerator, score.n) == (25, 10, 40)
    p, d = 20 / 40, 10 / 40
    reach = 100 * 1.959963984540054 * sqrt((p + d - (p - d) ** 2) / 40)
    assert score.interval == pytest.approx((25 - reach, 25 + reach))


def test_a_score_to_five_is_no_net_promoter_score() -> None:
    told = list(answers([5] * 40, "nps", 5))
    assert one(told, "nps").n == 0
    assert {fact.state.kind for fact in folded([told], NEW_YORK).states().values()} == {"nps"}


def ticket(*steps: bool) -> list[Event]:
    """Opened, and on each following day resolved (true) or reopened."""
    state = customer.TicketState(ticket_id="t", status="open", opened_at=NOON)
    told = [event(customer.TicketOpened(ticket=state), 1, NOON, source=CUSTOMER)]
    for sequence, resolved in enumerate(steps, start=2):
        at = NOON + DAY * (sequence - 1)
        if resolved:
            done = msgspec.structs.replace(state, status="resolved", resolved_at=at)
            told.append(event(customer.TicketResolved(ticket=done), sequence, at, source=CUSTOMER))
        else:
            told.append(event(customer.TicketReopened(ticket=state), sequence, at, source=CUSTOMER))
    return told


@pytest.mark.parametrize(
    ("steps", "flawless", "completed"),
    [((), 0, 0), ((True,), 1, 1), ((True, False), 0, 0), ((True, False, True), 0, 1)],
)
def test_a_ticket_is_a_run_of_support_and_reopened_it_was_done_again(
    steps: tuple[bool, ...], flawless: int, completed: int
) -> None:
    row = one(ticket(*steps), "first_pass_yield")
    assert (row.numerator, row.denominator) == (flawless, completed)
    assert one(ticket(*steps), "error_rate").n == 0


def run(run_id: str, **more: Any) -> Event:
    data = process.ProcessRunCompleted(
        run_id=run_id, process="pack", started_at=NOON, opportunities=50, touch_minutes=20, **more
    )
    return event(data, 1, NOON, source=SHOP)


def defect(run_id: str, sequence: int) -> Event:
    data = process.DefectReported(
        defect_id="e", found_in="process_run", found_in_id=run_id, severity="minor"
    )
    return event(data, sequence, NOON + 40 * DAY, source=SHOP)


def test_a_defect_counts_on_the_day_of_its_run_and_moves_with_a_second_report() -> None:
    told = [run("a"), run("b", dimensions=Dimensions(team="north")), defect("a", 1)]
    months = read(folded([told], NEW_YORK), "error_rate", "month")
    assert {row.period.label: row.value for row in months if row.n} == {"2024-03": 10_000}
    told.append(defect("b", 2))
    by_team = read(folded([told], NEW_YORK), "error_rate", "year", by="team")
    assert {row.members[0]: row.value for row in by_team} == {"north": 20_000, "unknown": 0}


def test_time_saved_leaves_out_runs_of_processes_without_baseline_and_counts_them() -> None:
    known = process.ProcessBaselined(
        process="pack", valid_from=date(2024, 3, 4), baseline_minutes=35, unit_cost=dollars(900)
    )
    before = process.ProcessRunCompleted(
        run_id="c", process="pack", started_at=NOON, touch_minutes=500
    )
    spent = ops.CostRecorded(
        cost_id="c",
        kind="operating",
        amount=dollars(1_350),
        incurred_on=date(2024, 3, 5),
        process="pack",
    )
    told = [
        run("a", units=2),
        run("b"),
        event(before, 1, NOON - DAY, source=SHOP),
        event(known, 1, NOON, source=OPS),
        event(spent, 1, NOON, source=OPS),
    ]
    saved = one(told, "time_saved")
    # 2 x 35 - 20 and 35 - 20 minutes; the run of the day before had no baseline.
    assert (saved.value, saved.numerator, saved.n, saved.unpriced_count) == (65 / 60, 65, 2, 1)
    reduced = one(told, "cost_reduction")
    assert (reduced.value, reduced.denominator, reduced.n) == (0.5, 2_700, 2)


def test_costs_of_a_campaign_are_told_by_it_or_by_the_books_and_replaced_by_their_id() -> None:
    state = campaign.CampaignState(campaign_id="k", starts_on=NOON.date())

    def cost(minor: int, sequence: int) -> Event:
        data = campaign.CampaignCostRecorded(
            campaign=state, cost_id="fair", amount=dollars(minor), incurred_on=NOON.date()
        )
        return event(data, sequence, NOON, source=OPS)

    booked = ops.CostRecorded(
        cost_id="c",
        kind="acquisition",
        amount=dollars(101),
        incurred_on=NOON.date(),
        campaign_id="k",
    )
    leads = [
        customer.LeadState(lead_id=f"l{n}", status="new", captured_at=NOON, dimensions=Dimensions())
        for n in range(2)
    ]
    told = [cost(500, 1), cost(200, 2), event(booked, 1, NOON, source=OPS)]
    told += [event(customer.LeadCaptured(lead=lead), 1, NOON, source=CUSTOMER) for lead in leads]
    # 301 / 2, a half to the even one.
    assert one(told, "channel_cpl").value == 150


def test_the_highest_revision_of_a_market_counts_whoever_reports_it() -> None:
    def size(minor: int, revision: int, report: str) -> Event:
        data = market.MarketSizeReported(
            report_id=report,
            scope="company",
            period="2024-Q1",
            size=dollars(minor),
            revision=revision,
        )
        return event(data, 1, NOON, source=SHOP)

    order = partner.OrderPaid(order_id="o", amount=dollars(250))
    told = [event(order, 1, NOON, source=SHOP), size(1_000, 2, "first"), size(9_999, 1, "later")]
    quarters = read(folded([told], NEW_YORK), "market_share", "quarter")
    assert [row.value for row in quarters] == [0.25, None, None, None]
    assert quarters[1].reason == "no_denominator"


def project(*steps: tuple[int, dict[str, Any]], source: str = OPS) -> list[Event]:
    """Baselined to take 10 days and cost 1,000; then on the days given it changes."""
    state = ops.ProjectState(
        project_id="p",
        stage="execute",
        created_at=NOON,
        baselines=[ops.Baseline(due_on=(NOON + 9 * DAY).date(), budget=dollars(1_000))],
    )
    told = [event(ops.ProjectBaselined(project=state), 1, NOON, source=source)]
    for sequence, (day, change) in enumerate(steps, start=2):
        state = msgspec.structs.replace(state, **change)
        data = ops.ProjectProgressReported(project=state)
        told.append(event(data, sequence, NOON + day * DAY, source=source))
    return told


def spi(told: list[Event], day: int) -> float | int | None:
    """At the end of so many days after the start, the first day being 0."""
    monday = (NOON + day * DAY).date() + DAY * 1
    return one(told, "spi_t", "week", span=(monday - 7 * DAY, monday)).value


def test_the_earned_schedule_is_interpolated_and_frozen_when_the_project_is_completed() -> None:
    half = (5, {"progress_bp": 5_000})
    # The seventh day ends: half of ten days is earned.
    assert spi(project(half), 6) == 5 / 7
    for days, late in ((9, False), (12, True), (6, False)):
        done = (days, {"stage": "closed", "completed_at": NOON + days * DAY})
        told = project(half, done)
        assert spi(told, 27) == spi(told, 55) == 10 / (days + 1)
        assert (10 / (days + 1) < 1) is late
        assert one(told, "project_on_time").value == (0 if late else 1)


def test_at_completion_the_whole_budget_is_earned_and_a_reopening_takes_it_back() -> None:
    spent = ops.CostRecorded(
        cost_id="c",
        kind="project",
        amount=dollars(800),
        incurred_on=NOON.date(),
        project_id="p",
    )
    cost = event(spent, 1, NOON, source=OPS)
    half = (5, {"progress_bp": 5_000})
    done = (6, {"completed_at": NOON + 6 * DAY})
    again = (8, {"completed_at": None})
    assert one([cost, *project(half)], "cpi").value == 500 / 800
    assert one([cost, *project(half, done)], "cpi").value == 1_000 / 800
    assert one([cost, *project(half, done, again)], "cpi").value == 500 / 800
    reported = (5, {"earned_value_minor": 720})
    assert one([cost, *project(reported)], "cpi").value == 720 / 800


@pytest.mark.parametrize(
    ("found", "severity", "accepted"),
    [
        (timedelta(0), "critical", 0),
        (30 * DAY - timedelta(microseconds=1), "critical", 0),
        (30 * DAY, "critical", 1),
        (timedelta(microseconds=-1), "critical", 1),
        (DAY, "major", 1),
    ],
)
def test_a_critical_defect_within_thirty_days_spoils_the_acceptance(
    found: timedelta, severity: Literal["major", "critical"], accepted: int
) -> None:
    completed = NOON + 5 * DAY
    done = (5, {"completed_at": completed, "accepted_first_time": True})
    data = process.DefectReported(
        defect_id="e", found_in="project", found_in_id="p", severity=severity
    )
    told = [*project(done, source=SHOP), event(data, 1, completed + found, source=SHOP)]
    row = one(told, "project_acceptance")
    assert (row.numerator, row.denominator) == (accepted, 1)


def test_projects_are_not_judged_before_thirty_days_have_passed() -> None:
    done = (5, {"completed_at": NOON + 5 * DAY, "accepted_first_time": True})
    span = (date(2024, 3, 1), date(2024, 4, 1))
    end = NOON.replace(month=4, day=1, hour=4) + 30 * DAY
    early, later = (
        one(project(done), "project_acceptance", "month", span=span, now=now)
        for now in (end - timedelta(microseconds=1), end)
    )
    assert (early.reason, later.value) == ("immature", 1)

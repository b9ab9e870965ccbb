"""What a KPI needs follows from its definition, and so does since when it can be read."""

from __future__ import annotations

import pytest

from events.types.pipeline import DealLost, DealWon
from metrics.consuming import TOPICS
from metrics.kpis import CATALOGUE
from metrics.query.coverage import moment_kinds, needed_events, readable_since

WON = "com.tandem.pipeline.deal.won.v1"
LOST = "com.tandem.pipeline.deal.lost.v1"
PAID = "com.tandem.partner.order.paid.v1"
REFUNDED = "com.tandem.partner.payment.refunded.v1"
ACTIVE = "com.tandem.partner.activity.recorded.v1"
RUN = "com.tandem.ops.process_run.completed.v1"
BASELINE = "com.tandem.ops.process.baselined.v1"
TARGET = "com.tandem.pipeline.target.set.v1"


@pytest.mark.parametrize("kpi", [kpi.id for kpi in CATALOGUE])
def test_every_moment_of_every_kpi_names_events_that_we_read(kpi: str) -> None:
    for kind in moment_kinds(CATALOGUE[kpi]):
        assert kind.events, f"{kind} does not say because of which events it is said"
        assert {of.topic for of in kind.events} <= set(TOPICS)


def test_a_company_with_nothing_but_files_and_web_hooks_gets_every_kpi() -> None:
    own_only = {of.wire_type for k in CATALOGUE for of in needed_events(k) if not of.from_partners}
    assert own_only == set()


def test_a_rate_needs_the_events_of_both_of_its_parts() -> None:
    assert needed_events(CATALOGUE["win_rate"]) == [DealLost, DealWon]


@pytest.mark.parametrize(
    ("kpi", "first", "since"),
    [
        ("revenue_net", {}, None),
        ("revenue_net", {WON: 5, PAID: 3}, 3),
        ("revenue_net", {REFUNDED: 1}, None),
        ("revenue_net", {REFUNDED: 1, PAID: 3}, 3),
        ("win_rate", {LOST: 1}, None),
        ("win_rate", {LOST: 1, WON: 4}, 4),
        ("revenue_attainment", {WON: 4}, None),
        ("revenue_attainment", {WON: 4, TARGET: 9}, 4),
        ("dau", {ACTIVE: 4}, 4),
        ("time_saved", {RUN: 4}, None),
        ("time_saved", {RUN: 4, BASELINE: 9}, 4),
    ],
)
def test_a_kpi_can_be_read_from_the_day_on_which_its_last_part_began(
    kpi: str, first: dict[str, int], since: int | None
) -> None:
    assert readable_since(CATALOGUE[kpi], first) == since

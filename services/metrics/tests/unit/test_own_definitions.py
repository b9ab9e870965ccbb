"""The language of own KPIs: a definition is a KPI that answers, or is refused by field."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_histories import BASE, History
from memory_shelf import MemoryShelf, folded, sums_from_facts
from pydantic import ValidationError

from metrics.catalogues import broken_in, catalogue_of, text_of
from metrics.definitions import DefinitionRefused, definition_of, kpi_of
from metrics.definitions.declaring import declare
from metrics.definitions.vocabulary import VOCABULARY
from metrics.definitions.written import Written
from metrics.engine.catalogue import Catalogue
from metrics.engine.company import Company, micros_of
from metrics.engine.dimension import DIMENSIONS
from metrics.engine.kpi import Kpi
from metrics.engine.reading import rows_of
from metrics.engine.sums import Known
from metrics.facts import moments_of
from metrics.kpis import CATALOGUE
from metrics.query.question import Asked, Question, read_question

NAME = {"en": "A KPI", "zh": "一个指标"}

PRIVATE = {
    "market.size": "a target: said for one period and scope",
    "target.": "a target: said for one period and scope",
    "process.": "a price: it has to be multiplied",
    "buyer.value": "kept by age: its sum over all ages never settles",
    "buyer.base_active": "said for exactly one period",
    "buyer.base_buyer": "said for exactly one period",
    "buyer.period_sale": "said for exactly one period",
    "buyer.renewable": "said for exactly one period",
    "buyer.renewed": "said for exactly one period",
    "prospect.stale": "said for exactly one period",
    "user.stayed": "said for exactly one period",
    "user.last_seen": "said for exactly one period",
    "deal.expected": "kept by stage and expected closing",
    "deal.stage_": "kept by stage",
    "deal.reached": "kept by stage",
    "project.schedule": "minutes of a plan, which make sense against the clock alone",
    "project.running": "minutes of a day while a project runs",
    "project.clock": "what makes running minutes elapsed ones",
}
"""Kinds of moments that users have no use for, and why."""


def written(**said: Any) -> Written:
    return Written.model_validate({"name": NAME, "unit": "ratio", "better": "up", **said})


def declared(**said: Any) -> Kpi:
    return declare("own", written(**said), version=1)


def test_every_kind_of_moment_is_described_or_private_for_a_reason() -> None:
    for name in CATALOGUE.layout.kinds:
        private = any(name.startswith(prefix) for prefix in PRIVATE)
        assert private != (name in VOCABULARY), (
            f"describe {name} in definitions/vocabulary.py, or say here why it is no use to users"
        )
    for word in VOCABULARY.values():
        for english, chinese in (word.name, word.dated, word.lasted or ("a", "字")):
            assert english.isascii()
            assert not chinese.isascii()


def test_whatever_can_be_shared_by_weight_is_said_to_be() -> None:
    company = Company(time_zone="Europe/Berlin", base_currency=BASE)
    shared: dict[str, set[str]] = {}
    for seed in range(12):
        shelf = folded([History(seed, facts=60).events], company)
        for ref, fact in shelf.states().items():
            for moment in moments_of(ref.kind, fact.state, company):
                found = {
                    n for n, m in zip(DIMENSIONS, moment.cut, strict=True) if isinstance(m, tuple)
                }
                shared.setdefault(moment.kind.name, set()).update(found)
    for name, word in VOCABULARY.items():
        assert shared.get(name, set()) <= set(word.shared), name


SAME: dict[str, dict[str, Any]] = {
    "win_rate": {
        "grain": "week",
        "numerator": [{"count": "deal.won"}],
        "denominator": [{"count": "deal.won"}, {"count": "deal.lost"}],
    },
    "decision_rate": {
        "grain": "week",
        "numerator": [{"count": "deal.won"}, {"count": "deal.lost"}],
        "denominator": [{"count": "deal.open", "at": "start"}, {"count": "deal.created"}],
    },
    "avg_deal_value": {
        "grain": "week",
        "unit": "money",
        "numerator": [{"sum": "deal.won"}],
        "denominator": [{"count": "deal.won"}],
    },
    "sales_cycle_days": {"grain": "week", "unit": "days", "percentile": {"of": "deal.won"}},
    "pipeline_open": {"grain": "day", "unit": "money", "value": [{"sum": "deal.open"}]},
    "lead_conversion": {
        "grain": "week",
        "numerator": [{"count": "lead.converted"}],
        "denominator": [{"count": "lead.captured"}],
    },
    "repeat_purchase_rate": {
        "numerator": [{"count": "buyer.repeated"}],
        "denominator": [{"count": "buyer.new"}],
    },
    "operating_cost": {"unit": "money", "value": [{"sum": "cost.operating"}]},
    "cac": {
        "unit": "money",
        "numerator": [{"sum": "cost.acquisition"}],
        "denominator": [{"count": "buyer.new"}],
    },
    "csat": {
        "grain": "week",
        "numerator": [{"count": "survey.csat_satisfied"}],
        "denominator": [{"count": "survey.csat_responded"}],
        "floor": 10,
    },
    "nps": {
        "unit": "points",
        "numerator": [
            {"count": "survey.nps_promoter"},
            {"minus": {"count": "survey.nps_detractor"}},
        ],
        "denominator": [{"count": "survey.nps_responded"}],
        "floor": 30,
    },
    "dau": {"grain": "day", "unit": "count", "value": [{"count": "user.on_day"}]},
    "mau": {"grain": "day", "unit": "count", "value": [{"count": "user.in_month"}]},
    "project_on_time": {
        "numerator": [{"count": "project.on_time"}],
        "denominator": [{"count": "project.due"}],
    },
    "first_response_min": {
        "grain": "day",
        "unit": "minutes",
        "percentile": {"of": "lead.contacted"},
        "floor": 1,
    },
}
"""KPIs of the release, as a user would define them."""


@pytest.mark.parametrize("kpi_id", list(SAME))
def test_what_the_release_declares_can_be_defined(kpi_id: str) -> None:
    theirs = CATALOGUE[kpi_id]
    said: dict[str, Any] = {"better": theirs.better, **SAME[kpi_id]}
    ours = declared(**said, dimensions=list(theirs.dimensions))
    assert type(ours) is type(theirs)
    told = {**vars(theirs), "id": "own", "name": NAME, "source": ours.source}
    ignored = {"formula", "grains", "unset"}
    for name, value in vars(ours).items():
        if name not in ignored:
            assert value == told[name], name
    assert set(theirs.grains) <= set(ours.grains)


def count(term: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"unit": "count", "value": [term or {"count": "deal.won"}], **more}


LEVEL_OVER_DAYS = {"count": "deal.open", "trailing_days": 9}
ELSEWHERE = {"count": "deal.won", "where": {"project": ["x"]}}

REFUSED = [
    ({}, "value"),
    ({"value": [{"count": "deal.won"}], "percentile": {"of": "deal.won"}}, "value"),
    ({"numerator": [{"count": "deal.won"}]}, "denominator"),
    ({"denominator": [{"count": "deal.won"}]}, "numerator"),
    ({"value": [{"count": "deal.wun"}]}, "value.0.count"),
    ({"value": [{"count": "market.size"}]}, "value.0.count"),
    ({"value": [{"count": "deal.won"}, {"minus": {"sum": "deal.lost"}}]}, "value.1.minus.sum"),
    ({"unit": "count", "value": [{"count": "deal.won"}, {"sum": "order.paid"}]}, "value.1"),
    ({"unit": "count", "value": [{"minus": {"count": "deal.won"}}]}, "value"),
    ({"unit": "money", "value": [{"count": "deal.won"}]}, "unit"),
    ({"unit": "count", "value": [{"count": "deal.won", "at": "end"}]}, "value.0.at"),
    (count(LEVEL_OVER_DAYS), "value.0.trailing_days"),
    (count(floor=3), "floor"),
    (count(dimensions=["project"]), "dimensions.0"),
    (count(dimensions=["team", "team"]), "dimensions.1"),
    (count(where={"owner": ["ann"]}), "where.owner"),
    (count({"count": "order.paid"}, where={"product": ["p"]}), "where.product"),
    (count(ELSEWHERE), "value.0.where.project"),
    (
        {
            "unit": "count",
            "where": {"region": ["W"]},
            "value": [{"count": "deal.won", "where": {"region": ["E"]}}],
        },
        "value.0.where.region",
    ),
    (count({"count": "user.on_day"}, where={"channel": ["app"]}), "where.channel"),
    ({"unit": "days", "percentile": {"of": "deal.lost"}}, "percentile.of"),
    ({"unit": "ratio", "percentile": {"of": "deal.won"}}, "unit"),
    ({"numerator": [{"count": "deal.won"}], "denominator": [{"sum": "deal.won"}]}, "denominator"),
    (
        {
            "numerator": [{"count": "lead.converted"}],
            "denominator": [{"count": "lead.captured"}],
            "matures_after_days": 30,
        },
        "matures_after_days",
    ),
    ({"unit": "count", "value": [{"count": "deal.won"}] * 9}, "value"),
]


@pytest.mark.parametrize(("said", "field"), REFUSED)
def test_what_no_kpi_can_be_is_refused_with_the_field_and_a_mend(
    said: dict[str, Any], field: str
) -> None:
    with pytest.raises(DefinitionRefused) as refused:
        declared(**said)
    assert refused.value.field == field
    assert refused.value.hint


def test_refusals_name_what_there_is_instead() -> None:
    assert hint_of(value=[{"count": "deal.wun"}]).startswith("near to it: deal.won, ")
    hint = hint_of(unit="count", value=[{"count": "lead.captured"}], dimensions=["pipeline"])
    assert hint.endswith("owner, team, channel, segment, sector, region, product")
    assert "team, channel" in hint_of(
        unit="count", value=[{"count": "deal.won"}], where={"owner": ["ann"]}
    )


def hint_of(**said: Any) -> str:
    with pytest.raises(DefinitionRefused) as refused:
        declared(**said)
    return refused.value.hint or ""


@pytest.mark.parametrize(
    "term",
    [
        {},
        {"count": "deal.won", "sum": "deal.won"},
        {"count": "deal.won", "minus": {"count": "deal.lost"}},
        {"minus": {"count": "deal.lost"}, "at": "end"},
        {"minus": {"minus": {"count": "deal.lost"}}},
        {"count": "deal.won", "every": "day"},
        {"count": "deal.won", "where": {"region": []}},
        {"count": "deal.won", "trailing_days": 0},
    ],
)
def test_a_term_says_one_thing(term: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        written(value=[term])


def test_formulas_are_told_in_both_languages() -> None:
    kpi = declared(
        unit="points",
        numerator=[{"count": "deal.won"}],
        denominator=[{"count": "deal.won"}, {"count": "deal.lost"}],
        where={"region": ["West", "East"]},
    )
    assert kpi.formula == {
        "en": "100 x deals won (region: East or West)"
        " / (deals won (region: East or West) + deals lost (region: East or West))",
        "zh": "100 x 赢单(区域: East或West)÷(赢单(区域: East或West)+输单(区域: East或West))",
    }
    value = declared(
        unit="money",
        value=[{"sum": "order.paid", "trailing_days": 28}, {"minus": {"sum": "sale.refunded"}}],
    )
    assert value.formula["en"] == (
        "amount of orders paid in 28 days up to the end - amount of refunds"
    )
    stock = declared(unit="count", value=[{"count": "deal.open", "at": "start"}])
    assert stock.formula["zh"] == "在途商机(期初)"
    slow = declared(unit="days", percentile={"of": "deal.won", "percent": 90})
    assert slow.formula["en"] == ("percentile 90 of the days from the first contact to the closing")


def test_what_a_later_release_lacks_is_broken_and_the_others_go_on() -> None:
    good = definition_of("good", written(unit="count", value=[{"count": "deal.won"}]), version=1)
    gone = definition_of("gone", written(unit="count", value=[{"count": "deal.won"}]), version=4)
    gone = {**gone, "value": [{"count": "deal.dreamt_of"}]}
    taken = definition_of("nps", written(unit="count", value=[{"count": "deal.won"}]), version=1)
    odd = {**good, "id": "odd", "unit": "furlongs"}
    text = text_of([good, gone, taken, odd])
    catalogue = catalogue_of(text)
    assert [kpi.id for kpi in catalogue] == [*(kpi.id for kpi in CATALOGUE), "good"]
    reasons = {one.id: one.reason for one in broken_in(text)}
    assert reasons.keys() == {"gone", "nps", "odd"}
    assert reasons["gone"].startswith("value.0.count: there is no such kind of moments")


NAMES = st.sampled_from([*VOCABULARY, "deal.wun", "target.revenue_net", ""])
MEMBERS = st.dictionaries(
    st.sampled_from(DIMENSIONS), st.lists(st.text(max_size=3), max_size=3), max_size=2
)
PLAIN_TERMS = st.fixed_dictionaries(
    {},
    optional={
        "count": NAMES,
        "sum": NAMES,
        "at": st.sampled_from(["start", "end"]),
        "trailing_days": st.integers(0, 40),
        "where": MEMBERS,
    },
)
LIKELY_TERMS = st.one_of(
    st.fixed_dictionaries({"count": NAMES}),
    st.fixed_dictionaries({"sum": NAMES}),
    st.fixed_dictionaries({"count": NAMES, "where": MEMBERS}),
    st.fixed_dictionaries({"minus": PLAIN_TERMS}),
    PLAIN_TERMS,
)
TERMS = st.lists(LIKELY_TERMS, max_size=4)
BODIES = st.fixed_dictionaries(
    {
        "unit": st.sampled_from(["money", "ratio", "points", "count", "minutes", "hours", "days"]),
        "better": st.sampled_from(["up", "down", "neither", "sideways"]),
    },
    optional={
        "value": TERMS,
        "numerator": TERMS,
        "denominator": TERMS,
        "percentile": st.fixed_dictionaries({"of": NAMES}, optional={"where": MEMBERS}),
        "where": MEMBERS,
        "grain": st.sampled_from(["day", "month", "year", "eon"]),
        "dimensions": st.lists(st.sampled_from(DIMENSIONS), max_size=3),
        "matures_after_days": st.integers(-1, 400),
        "floor": st.integers(-1, 50),
    },
)


@settings(max_examples=400)
@given(body=BODIES)
def test_every_definition_is_a_kpi_that_the_catalogue_takes_or_is_refused_by_field(
    body: dict[str, Any],
) -> None:
    kpi = kpi_or_refusal(body)
    if isinstance(kpi, DefinitionRefused):
        assert kpi.field
        assert kpi.hint
    if not isinstance(kpi, Kpi):
        return
    assert all(kpi.formula.values())
    catalogue = Catalogue([kpi])
    for by in (None, *kpi.dimensions):
        question = ask(kpi, catalogue, by=by)
        sums = sums_from_facts(told(), question, KNOWN)
        rows = list(rows_of(kpi, sums, by=question.by, filtered=(), known=KNOWN))
        assert by or len(rows) == len(question.periods)
        assert all((row.value is None) == (row.reason is not None) for row in rows)


def kpi_or_refusal(body: dict[str, Any]) -> Kpi | DefinitionRefused | ValidationError:
    try:
        return kpi_of(definition_of("own", written(**body), version=1))
    except (ValidationError, DefinitionRefused) as refused:
        return refused


COMPANY = Company(time_zone="Europe/Berlin", base_currency=BASE)
KNOWN = Known(COMPANY, micros_of(datetime(2025, 6, 1, tzinfo=UTC)), complete=True)


@cache
def told() -> MemoryShelf:
    return folded([History(7, facts=40).events], COMPANY)


def ask(kpi: Kpi, catalogue: Catalogue, *, by: str | None) -> Question:
    asked = Asked(
        grain=kpi.grains[-1],
        start=date(2024, 1, 1),
        end=date(2025, 1, 1),
        by=[by] if by else [],
    )
    return read_question(kpi.id, asked, catalogue=catalogue, company=COMPANY, today=0)

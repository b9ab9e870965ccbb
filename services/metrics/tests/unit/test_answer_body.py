"""The body of an answer is what its documented model would say."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

from msgspec import structs

from metrics.api.answer_body import answer_body
from metrics.api.views import KpiAnswer, head_of
from metrics.engine.calendar import Grain
from metrics.engine.company import Company, day_number
from metrics.engine.row import Row
from metrics.engine.sums import Known
from metrics.kpis import CATALOGUE
from metrics.query.answer import Answer
from metrics.query.comparison import Comparison
from metrics.query.question import Asked, Question, read_question
from metrics.query.targets import Targets

COMPANY = Company(time_zone="Asia/Shanghai", base_currency="CNY")
KNOWN = Known(COMPANY, None, complete=False)
DAY = date(2024, 2, 1)


def asked(**more: Any) -> Question:
    asked = Asked(
        grain=Grain.MONTH, start=DAY, end=date(2024, 4, 1), filters=["channel:网店"], **more
    )
    return read_question(
        "win_rate", asked, catalogue=CATALOGUE, company=COMPANY, today=day_number(DAY)
    )


def rows_of(question: Question) -> list[Row]:
    empty = Row(
        period=question.periods[0],
        members=("a",),
        value=None,
        numerator=0,
        denominator=0,
        n=0,
        interval=None,
        unpriced_count=1.5,
        reason="no_denominator",
        mature=False,
    )
    full = Row(
        period=question.periods[0],
        members=('张"伟',),
        value=0.1,
        numerator=1,
        denominator=10,
        n=10,
        interval=(0.01, 1e-17),
        unpriced_count=0,
        reason=None,
        mature=True,
        censored=3,
        shrunken=0.25,
    )
    return [empty, full]


def body_of(question: Question, rows: list[Row], **beside: Any) -> Any:
    answer = Answer(question=question, rows=rows, known=KNOWN, watermark=None)
    head = head_of(answer, currency="CNY", catalogue_version="1")
    said = {"comparison": None, "targets": None, "next_cursor": None} | beside
    return json.loads(answer_body(head, rows, question, **said))


def as_documented(body: Any) -> Any:
    """Through the model; it refuses what it does not know, and whatever is missing."""
    answer = KpiAnswer.model_validate_json(json.dumps(body))
    return json.loads(answer.__pydantic_serializer__.to_json(answer, by_alias=True))


def test_rows_are_told_as_documented() -> None:
    question = asked(by=["team"], as_of=date(2025, 1, 1))
    body = body_of(question, rows_of(question), next_cursor="more")
    assert as_documented(body) == body
    [period] = body["periods"]
    assert (period["period"], period["from_on"], period["to_on"]) == (
        "2024-02",
        "2024-02-01",
        "2024-03-01",
    )
    assert [row["dimensions"] for row in period["rows"]] == [{"team": "a"}, {"team": '张"伟'}]
    assert body["next_cursor"] == "more"


def test_periods_with_nobody_in_them_are_told() -> None:
    body = body_of(asked(by=["team"]), [])
    assert as_documented(body) == body
    assert [(period["period"], period["rows"]) for period in body["periods"]] == [
        ("2024-02", []),
        ("2024-03", []),
    ]


def test_what_values_are_shown_beside_is_told() -> None:
    question = asked()
    rows = [structs.replace(row, members=()) for row in rows_of(question)[1:]]
    before = replace(question.periods[0], start=question.periods[0].start - 31)
    comparison = Comparison(periods={question.periods[0]: before}, rows={(before, ()): rows[0]})
    targets = Targets(question, KNOWN, {})
    body = body_of(question, rows, comparison=comparison, targets=targets)
    assert as_documented(body) == body
    [period] = body["periods"]
    assert period["compared_from_on"] == "2024-01-01"
    assert (period["rows"][0]["previous"], period["rows"][0]["change"]) == (0.1, 0)
    assert period["rows"][0]["against_target"]["reason"] == "no_target"

"""Answers to surveys of all kinds and scales: replaced, withdrawn, voided."""

from __future__ import annotations

from events.types import partner
from kpi_histories.teller import PARTNERS, Teller


def survey(teller: Teller, number: int) -> None:
    """One answer or several, since few say nothing."""
    for place in range(teller.rnd.choice([1, 1, 4, 9])):
        _answer(teller, f"s{number}-{place}")


def _answer(teller: Teller, survey_id: str) -> None:
    rnd, source = teller.rnd, teller.rnd.choice(PARTNERS)
    if rnd.random() < 0.2:
        survey_id = teller.shared_id()
    at = teller.instant()
    for _ in range(rnd.choice([1, 1, 1, 2])):
        scale = rnd.choice([5, 7, 10, 10, 10, 11])
        data = partner.SurveyResponded(
            survey_id=survey_id,
            kind=rnd.choice(["csat", "csat", "nps", "nps", "ces"]),
            score=rnd.randrange(scale + (2 if rnd.random() < 0.1 else 1)),
            scale_max=scale,
            touchpoint=rnd.choice(["sales", "sales", "support", None]),
            owner_id=rnd.choice(["ann", "bob", None]),
            dimensions=teller.dimensions(),
        )
        teller.say(data, source, at)
        at = teller.later(at)
        if rnd.random() < 0.1:
            teller.say(partner.SurveyWithdrawn(survey_id=survey_id), source, at)
    teller.maybe_void(source, survey_id)

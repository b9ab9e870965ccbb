"""Answers to surveys: how content somebody was, on the day of the answer.

A second answer to the same survey replaces the first; one that was withdrawn counts
nowhere. Scores are compared on the scale that they were given on.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from events.types import UNKNOWN
from events.types.partner import SurveyResponded, SurveyWithdrawn
from metrics.engine.company import Company
from metrics.engine.dimension import Cut, cut_of
from metrics.engine.entry import Entry
from metrics.engine.moment import Moment, MomentKind

SURVEY_DIMENSIONS: Final = ("owner", "team", "channel", "segment", "sector", "process")
"""The process is the point at which the answer was asked for."""


def _kind(name: str) -> MomentKind:
    return MomentKind(
        name=name, cube="survey", dimensions=SURVEY_DIMENSIONS, events=(SurveyResponded,)
    )


CSAT_RESPONDED: Final = _kind("survey.csat_responded")
CSAT_SATISFIED: Final = _kind("survey.csat_satisfied")
SALES_CSAT_RESPONDED: Final = _kind("survey.sales_csat_responded")
SALES_CSAT_SATISFIED: Final = _kind("survey.sales_csat_satisfied")
NPS_RESPONDED: Final = _kind("survey.nps_responded")
NPS_PROMOTER: Final = _kind("survey.nps_promoter")
NPS_DETRACTOR: Final = _kind("survey.nps_detractor")

SALES_TOUCHPOINT: Final = "sales"
_NPS_SCALE: Final = 10
_PROMOTER_FROM, _DETRACTOR_UNTIL = 9, 6

_KINDS: Final = (
    *(CSAT_RESPONDED, CSAT_SATISFIED, SALES_CSAT_RESPONDED, SALES_CSAT_SATISFIED),
    *(NPS_RESPONDED, NPS_PROMOTER, NPS_DETRACTOR),
)


class Survey(msgspec.Struct, frozen=True, array_like=True):
    """The last answer; without an instant there is none."""

    responded: int | None = None
    kind: Literal["csat", "nps", "ces"] = "ces"
    score: int = 0
    scale_max: int = 1
    touchpoint: str | None = None
    cut: Cut = ()


class SurveyKind:
    """See `FactKind`."""

    name = "survey"
    empty = Survey()

    def says(self, kind: MomentKind) -> bool:
        return kind in _KINDS

    def apply(self, state: Survey, entry: Entry, /, *, key: str, company: Company) -> Survey:  # noqa: ARG002 - as FactKind
        data = entry.data
        if isinstance(data, SurveyWithdrawn):
            return Survey()
        if not isinstance(data, SurveyResponded):
            return state
        cut = cut_of(
            owner=data.owner_id or UNKNOWN,
            team=data.dimensions.team or UNKNOWN,
            channel=data.dimensions.channel or UNKNOWN,
            segment=data.dimensions.segment or UNKNOWN,
            sector=data.dimensions.sector or UNKNOWN,
            process=data.touchpoint or UNKNOWN,
        )
        return Survey(entry.occurred, data.kind, data.score, data.scale_max, data.touchpoint, cut)

    def moments(self, state: Survey, company: Company, /) -> list[Moment]:
        if state.responded is None or self.problems(state):
            return []
        on = company.day(state.responded)
        return [Moment(kind, on, state.cut) for kind in _said_by(state)]

    def problems(self, state: Survey, /) -> tuple[str, ...]:
        if state.score > state.scale_max:
            return ("score_beyond_its_scale",)
        if state.kind == "nps" and state.scale_max != _NPS_SCALE:
            return ("nps_not_on_a_scale_to_10",)
        return ()


def _said_by(state: Survey) -> list[MomentKind]:
    if state.kind == "nps":
        said = [NPS_RESPONDED]
        if state.score >= _PROMOTER_FROM:
            said.append(NPS_PROMOTER)
        elif state.score <= _DETRACTOR_UNTIL:
            said.append(NPS_DETRACTOR)
        return said
    if state.kind != "csat":
        return []
    # Four of five, on whatever scale.
    satisfied = 5 * state.score >= 4 * state.scale_max
    said = [CSAT_RESPONDED, *([CSAT_SATISFIED] if satisfied else [])]
    if state.touchpoint == SALES_TOUCHPOINT:
        said += [SALES_CSAT_RESPONDED, *([SALES_CSAT_SATISFIED] if satisfied else [])]
    return said

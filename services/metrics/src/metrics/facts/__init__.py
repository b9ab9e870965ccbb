"""The kinds of facts that KPIs are made of.

Events of other kinds are kept in the journal, so that a later catalogue finds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from metrics.engine.company import Company
from metrics.engine.fact import FactKind
from metrics.engine.moment import Moment
from metrics.engine.told import ToldKind, records_until
from metrics.facts.buyer.kind import BuyerKind
from metrics.facts.campaign import CampaignKind
from metrics.facts.capacity import CapacityKind
from metrics.facts.cost import CostFactKind
from metrics.facts.customer import CustomerKind
from metrics.facts.deal import DealKind
from metrics.facts.fx import FxRateKind
from metrics.facts.lead import LeadKind
from metrics.facts.market import MarketKind
from metrics.facts.order import OrderKind
from metrics.facts.organisation import PersonKind, TeamKind
from metrics.facts.process import ProcessKind
from metrics.facts.process_run import ProcessRunKind
from metrics.facts.project import ProjectKind
from metrics.facts.survey import SurveyKind
from metrics.facts.target import TargetKind
from metrics.facts.ticket import TicketKind
from metrics.facts.time_log import TimeLogKind
from metrics.facts.user import UserKind

__all__ = ["ALL_KINDS", "BUYERS", "FACT_KINDS", "FOLD_VERSION", "TOLD_KINDS", "moments_of"]

FOLD_VERSION: Final = 13
"""Add one when facts are folded, kept, or say something else: all is then built anew."""

FACT_KINDS: Final[Mapping[str, FactKind[Any]]] = {
    kind.name: kind
    for kind in (
        *(CustomerKind(), DealKind(), OrderKind(), LeadKind(), TargetKind()),
        *(SurveyKind(), MarketKind()),
        *(CostFactKind(), CampaignKind(), ProjectKind(), TimeLogKind(), CapacityKind()),
        *(ProcessRunKind(), TicketKind(), ProcessKind()),
        *(UserKind(), FxRateKind(), PersonKind(), TeamKind()),
    )
}
"""Folded from events."""

BUYERS: Final = BuyerKind()
TOLD_KINDS: Final[Mapping[str, ToldKind]] = {BUYERS.name: BUYERS}
"""Told by other facts."""

ALL_KINDS: Final[Mapping[str, FactKind[Any] | ToldKind]] = {**FACT_KINDS, **TOLD_KINDS}

_FOR_EVER: Final = 2**62


def moments_of(kind: str, state: Any, company: Company) -> list[Moment]:
    """What a kept fact says."""
    if kind in TOLD_KINDS:
        return TOLD_KINDS[kind].moments_of(records_until(state.entries, _FOR_EVER), company)
    return FACT_KINDS[kind].moments(state, company)

"""The kinds of facts that KPIs are made of.

Events of other kinds are kept in the journal, so that a later catalogue finds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from metrics.engine.fact import FactKind
from metrics.facts.cost import CostFactKind
from metrics.facts.deal import DealKind
from metrics.facts.lead import LeadKind
from metrics.facts.order import OrderKind
from metrics.facts.project import ProjectKind
from metrics.facts.target import TargetKind

__all__ = ["FACT_KINDS", "FOLD_VERSION"]

FOLD_VERSION: Final = 4
"""Add one when facts are folded, kept, or say something else: all is then built anew."""

FACT_KINDS: Final[Mapping[str, FactKind[Any]]] = {
    kind.name: kind
    for kind in (DealKind(), OrderKind(), LeadKind(), CostFactKind(), ProjectKind(), TargetKind())
}

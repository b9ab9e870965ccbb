"""Which catalogue a generation of figures is read and written with.

A generation's catalogue is the KPIs that the release declares and those that users had
defined when it was made. A process knows the generations that its own release would
make in the same way; of all others it keeps its hands off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from metrics.definitions import Broken, Definition, DefinitionNotUnderstood, kpis_of
from metrics.engine.catalogue import Catalogue
from metrics.engine.company import Company
from metrics.engine.kpi import Kpi
from metrics.engine.working_hours import USUAL
from metrics.facts import FOLD_VERSION
from metrics.kpis import CATALOGUE
from metrics.kpis.diagnosis import DIAGNOSIS_INPUTS
from metrics.store.generation import NO_DEFINITIONS, GenerationChanged, Held, Terms

_REMEMBERED: Final = 16
"""Catalogues kept at hand: those of the generations side by side, and a few before them."""


@lru_cache(maxsize=_REMEMBERED)
def catalogue_of(definitions: str) -> Catalogue:
    """The KPIs of this release and those of some definitions (a JSON list) that it can read.

    Raises DefinitionNotUnderstood.
    """
    own, _ = _read(definitions)
    return Catalogue((*CATALOGUE, *own), inputs=DIAGNOSIS_INPUTS) if own else CATALOGUE


def broken_in(definitions: str) -> list[Broken]:
    """Those of some definitions that this release can make no KPI of.

    Raises DefinitionNotUnderstood.
    """
    return _read(definitions)[1]


def _read(definitions: str) -> tuple[list[Kpi], list[Broken]]:
    kept = msgspec.json.decode(definitions, type=list[dict[str, Any]])
    return kpis_of(kept, taken={kpi.id for kpi in CATALOGUE})


def text_of(definitions: Sequence[Definition]) -> str:
    """Definitions as a generation keeps them."""
    return msgspec.json.encode(definitions, order="sorted").decode()


def terms_of(company: Company, definitions: str = NO_DEFINITIONS) -> Terms:
    """The terms under which this release makes figures. Raises DefinitionNotUnderstood."""
    version = f"{catalogue_of(definitions).version}.{FOLD_VERSION}"
    if company.working_hours != USUAL:
        version += "." + hashlib.sha256(repr(company.working_hours).encode()).hexdigest()[:8]
    if company.first_month != 1:
        version += f".month{company.first_month}"
    if definitions != NO_DEFINITIONS:
        version += "." + hashlib.sha256(definitions.encode()).hexdigest()[:8]
    return Terms(company.time_zone, company.base_currency, version, definitions)


def catalogue_for(terms: Terms, company: Company) -> Catalogue | None:
    """The catalogue of figures made under these terms; None when they are not those of this
    release and company.
    """
    try:
        known = terms_of(company, terms.definitions)
    except DefinitionNotUnderstood:
        return None
    return catalogue_of(terms.definitions) if terms == known else None


def catalogue_held(held: Held, company: Company) -> Catalogue:
    """The catalogue to write to the live generation with. Raises GenerationChanged."""
    catalogue = catalogue_for(held.terms, company)
    if catalogue is None:
        raise GenerationChanged(held.generation)
    return catalogue


@lru_cache(maxsize=_REMEMBERED)
def company_for(terms: Terms, like: Company) -> Company:
    """The company as figures made under these terms have it, in all else like another: terms
    that differ in what they only tell by their version are none that we can read.
    """
    return Company(
        time_zone=terms.time_zone,
        base_currency=terms.base_currency,
        working_hours=like.working_hours,
        first_month=like.first_month,
    )

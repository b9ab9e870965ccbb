"""Definitions as they are kept: JSON, with the form that they are written in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from chassis.faults import faults_of
from metrics.definitions.declaring import declare
from metrics.definitions.refusals import DefinitionNotUnderstood, DefinitionRefused
from metrics.definitions.written import Written
from metrics.engine.kpi import Kpi

Definition = Mapping[str, Any]
"""A KPI as its author wrote it, with id, version and form: what JSON can hold."""

FORM: Final = 1
"""Add one when definitions are read otherwise: an older release then leaves them alone."""
_OURS: Final = ("id", "version", "form")


class Broken(NamedTuple):
    """A definition that this release cannot make a KPI of, and why."""

    id: str
    reason: str


def definition_of(kpi_id: str, written: Written, *, version: int) -> Definition:
    """What is kept of a definition."""
    said = written.model_dump(mode="json", exclude_none=True)
    return {**said, "id": kpi_id, "version": version, "form": FORM}


def written_in(definition: Definition) -> Mapping[str, Any]:
    """What its author wrote."""
    return {name: said for name, said in definition.items() if name not in _OURS}


def kpi_of(definition: Definition) -> Kpi:
    """The KPI that a definition declares.

    Raises DefinitionNotUnderstood when its form is of a later release, DefinitionRefused
    when it says what this release does not have (any more).
    """
    if definition.get("form") != FORM:
        raise DefinitionNotUnderstood(
            f"the definition of {definition.get('id')} has a form of a later release"
        )
    try:
        written = Written.model_validate(written_in(definition))
    except ValidationError as error:
        fault = faults_of(error.errors())[0]
        raise DefinitionRefused(fault.reason, field=fault.field, hint=fault.hint or "") from None
    return declare(definition["id"], written, version=definition["version"])


def kpis_of(
    definitions: Iterable[Definition], *, taken: Collection[str]
) -> tuple[list[Kpi], list[Broken]]:
    """The KPIs of definitions, and those that are broken: also by a KPI of the release that
    took their id. Raises DefinitionNotUnderstood.
    """
    kpis, broken = [], []
    for definition in definitions:
        kpi_id = definition["id"]
        try:
            kpi = kpi_of(definition)
        except DefinitionRefused as error:
            broken.append(Broken(kpi_id, f"{error.field}: {error.detail}; {error.hint}"))
            continue
        if kpi_id in taken:
            broken.append(Broken(kpi_id, "this release has a KPI of its own with that id"))
            continue
        kpis.append(kpi)
    return kpis, broken

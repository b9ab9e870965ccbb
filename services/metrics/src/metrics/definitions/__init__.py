"""KPIs that users define: a small declarative language over what facts say.

A definition is read into the engine's own classes, so that such a KPI is equal to those
of the release in every respect. Definitions are kept for ever, with who wrote them; what
a later release cannot read any more is listed as broken, and the others go on.
"""

from metrics.definitions.kept import (
    FORM,
    Broken,
    Definition,
    definition_of,
    kpi_of,
    kpis_of,
    written_in,
)
from metrics.definitions.refusals import DefinitionNotUnderstood, DefinitionRefused

__all__ = [
    "FORM",
    "Broken",
    "Definition",
    "DefinitionNotUnderstood",
    "DefinitionRefused",
    "definition_of",
    "kpi_of",
    "kpis_of",
    "written_in",
]

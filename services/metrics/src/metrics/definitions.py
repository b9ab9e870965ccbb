"""KPIs that users define: what a definition means.

No form of definitions is understood yet. A generation that has some was made by a
later release, and is left to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metrics.engine.kpi import Kpi

Definition = Mapping[str, Any]
"""A KPI as its author wrote it: what JSON can hold."""


class DefinitionNotUnderstood(Exception):
    """What a definition means is not known to this release."""


def kpi_of(definition: Definition) -> Kpi:
    """The KPI that a definition declares. Raises DefinitionNotUnderstood."""
    raise DefinitionNotUnderstood(f"the definition of {definition.get('id')} has an unknown form")

"""What is refused about generations of figures."""

from __future__ import annotations

from chassis.errors import Conflict, NotFound
from metrics.store.generation import Generation


class RebuildNotFound(NotFound):
    """There is no such generation of figures, or no longer."""

    title = "rebuild not found"

    def __init__(self, generation: int) -> None:
        super().__init__(
            f"there are no figures of generation {generation}", hint="GET /v1/rebuilds lists them"
        )


class RebuildUnderWay(Conflict):
    """Another build is not finished, or waits to be switched to."""

    title = "another rebuild is under way"


class DefinitionsNotKnown(Conflict):
    """The figures were made by another release, or under other settings."""

    title = "the figures are not of this release"

    def __init__(self, generation: Generation) -> None:
        terms = generation.terms
        super().__init__(
            f"generation {generation.id} was made by another release, or under other settings:"
            f" {terms.time_zone}, {terms.base_currency}, {terms.catalogue_version}",
            hint="start that release with those settings",
        )

"""Where answers come from."""

from __future__ import annotations

from dataclasses import dataclass

from events import Connection
from metrics.engine.catalogue import Catalogue
from metrics.engine.company import Company


@dataclass(frozen=True, kw_only=True)
class Source:
    """One snapshot of the database, read with one catalogue."""

    connection: Connection
    company: Company
    catalogue: Catalogue
    generation: int

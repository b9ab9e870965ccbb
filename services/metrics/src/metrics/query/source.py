"""Where answers come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from events import Connection
from metrics.engine.catalogue import Catalogue
from metrics.engine.company import Company

if TYPE_CHECKING:  # which are read from a source themselves
    from metrics.query.scoped import ScopedFacts


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How many facts, or changes of the ledger, one question may have looked through."""

    facts: int
    changes: int


@dataclass(frozen=True, kw_only=True)
class Source:
    """One snapshot of the database, read with one catalogue."""

    connection: Connection
    company: Company
    catalogue: Catalogue
    generation: int
    limits: Limits | None = None
    """None for what works in the background."""
    scoped: ScopedFacts | None = None
    """Where one request asks many questions of the same facts."""

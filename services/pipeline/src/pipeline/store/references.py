"""Looks up everything that a command names, in one statement.

Invariant: what is not in the answer is not known to this service.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from events import Connection
from events.money import Money
from events.types import Dimensions
from events.types.pipeline import LeadOrigin
from pipeline.domain.occasion import Surroundings
from pipeline.domain.pipeline import Pipeline


@dataclass(kw_only=True)
class Wanted:
    """Names to look up."""

    person_ids: set[str] = field(default_factory=set)
    person_refs: set[str] = field(default_factory=set)
    teams: set[str] = field(default_factory=set)
    products: set[str] = field(default_factory=set)
    pipelines: set[str] = field(default_factory=set)
    customers: set[str] = field(default_factory=set)
    leads: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A person, as far as a deal needs them."""

    id: str
    external_ref: str | None
    team: str | None


@dataclass(frozen=True, slots=True)
class KnownProduct:
    """A product, as far as a deal needs it."""

    code: str
    list_price: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was found. `around` also holds the territories of the people's own teams."""

    people: tuple[KnownPerson, ...]
    products: tuple[KnownProduct, ...]
    pipelines: tuple[Pipeline, ...]
    leads: dict[str, LeadOrigin]
    customers: dict[str, Dimensions]
    territories: dict[str, str | None]

    @property
    def around(self) -> Surroundings:
        """The customers and teams, as commands take them."""
        return Surroundings(customers=self.customers, territories=self.territories)


_LOOK_UP: Final = """
WITH named AS (
    SELECT id, external_ref, team FROM people WHERE id = ANY($1) OR external_ref = ANY($2)
)
SELECT json_build_object(
    'people', (SELECT coalesce(json_agg(named), '[]') FROM named),
    'territories', (
        SELECT coalesce(json_object_agg(code, region), '{}') FROM teams
        WHERE code = ANY($3) OR code IN (SELECT team FROM named)
    ),
    'products', (
        SELECT coalesce(json_agg(json_build_object('code', code, 'list_price', list_price)), '[]')
        FROM products WHERE code = ANY($4)
    ),
    'pipelines', (SELECT coalesce(json_agg(p), '[]') FROM pipelines p WHERE code = ANY($5)),
    'customers', (
        SELECT coalesce(json_object_agg(id, dimensions), '{}') FROM customers WHERE id = ANY($6)
    ),
    'leads', (SELECT coalesce(json_object_agg(id, origin), '{}') FROM leads WHERE id = ANY($7))
)::text"""
_read: Final = msgspec.json.Decoder(Known).decode


async def look_up(connection: Connection, wanted: Wanted) -> Known:
    """Find what is wanted."""
    answer: str = await connection.fetchval(
        _LOOK_UP,
        *(
            _listed(names)
            for names in (
                wanted.person_ids,
                wanted.person_refs,
                wanted.teams,
                wanted.products,
                wanted.pipelines,
                wanted.customers,
                wanted.leads,
            )
        ),
    )
    return _read(answer)


def _listed(names: Iterable[str]) -> list[str]:
    return sorted(names)

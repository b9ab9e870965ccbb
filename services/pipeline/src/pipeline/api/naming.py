"""Turns names in a body into what they stand for, or into an error that names the field."""

from __future__ import annotations

from collections.abc import Sequence

from events.types import Owner
from events.types.pipeline import LeadOrigin
from pipeline.domain.pipeline import Pipeline
from pipeline.errors import CustomerNotKnownYet, LeadNotKnownYet, ReferenceUnknown
from pipeline.store.references import Known, KnownPerson, KnownProduct


class Directory:
    """What was looked up for a batch, by name."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._people = {person.id: person for person in known.people}
        self._refs = {person.external_ref: person for person in known.people}
        self._products = {product.code: product for product in known.products}
        self._pipelines = {pipeline.code: pipeline for pipeline in known.pipelines}

    def pipeline(self, code: str) -> Pipeline:
        """Raises ReferenceUnknown."""
        found = self._pipelines.get(code)
        if found is None:
            raise ReferenceUnknown("pipeline", code, hint="GET /v1/pipelines lists them")
        return found

    def product(self, code: str | None) -> KnownProduct | None:
        """Raises ReferenceUnknown."""
        if code is None:
            return None
        found = self._products.get(code)
        if found is None:
            raise ReferenceUnknown("product", code, hint="GET /v1/products lists them")
        return found

    def team(self, code: str | None) -> str | None:
        """Raises ReferenceUnknown."""
        if code is not None and code not in self._known.territories:
            raise ReferenceUnknown("team", code, hint="GET /v1/teams lists them")
        return code

    def customer(self, customer_id: str | None) -> str | None:
        """Raises CustomerNotKnownYet."""
        if customer_id is not None and customer_id not in self._known.customers:
            raise CustomerNotKnownYet(customer_id)
        return customer_id

    def lead(self, lead_id: str | None) -> LeadOrigin | None:
        """Raises LeadNotKnownYet."""
        if lead_id is None:
            return None
        found = self._known.leads.get(lead_id)
        if found is None:
            raise LeadNotKnownYet(lead_id)
        return found

    def owners(self, owners: Sequence[Owner]) -> tuple[Owner, ...]:
        """The owners as named by id. Raises ReferenceUnknown."""
        for place, owner in enumerate(owners):
            if owner.owner_id not in self._people:
                raise _person_unknown(f"owners.{place}.owner_id", owner.owner_id)
        return tuple(owners)

    def person_by_ref(self, external_ref: str, *, field: str) -> KnownPerson:
        """Raises ReferenceUnknown."""
        found = self._refs.get(external_ref)
        if found is None:
            raise _person_unknown(field, external_ref)
        return found

    def team_of(self, owners: Sequence[Owner]) -> str | None:
        """The team of whoever owns most of the deal; the first of equals."""
        if not owners:
            return None
        main = max(owners, key=lambda owner: owner.weight_bp)
        return self._people[main.owner_id].team


def _person_unknown(field: str, name: str) -> ReferenceUnknown:
    return ReferenceUnknown(field, name, hint="GET /v1/people lists them; add the person first")

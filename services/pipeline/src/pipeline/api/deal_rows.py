"""Rows of a deal import, and how their references are resolved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Literal

import msgspec
from pydantic import Field

from chassis.types import Code, Day, Id, Instant, Note, StrictModel, Text
from events.types import Owner
from pipeline.api.deals import STANDARD
from pipeline.api.fields import MOST_OWNERS, LostReasonText, MoneyBody
from pipeline.api.naming import Directory
from pipeline.domain.deal import Deal
from pipeline.domain.imported import ImportedDeal, Outcome
from pipeline.domain.ownership import share
from pipeline.domain.pipeline import WHOLE_BP, Pipeline, StageType
from pipeline.domain.pricing import Pricing
from pipeline.domain.record import Details, Opening
from pipeline.errors import FieldMismatch
from pipeline.store.references import Wanted


class OwnerRefBody(StrictModel):
    """One owner's part, by the person's external_ref."""

    owner_ref: Id
    weight_bp: Annotated[int, Field(gt=0, le=10_000)]


class DealRow(StrictModel):
    """A deal as another system knew it. Left out means not said: it stays as it is."""

    external_ref: Id
    name: Text | None = None
    pipeline: Code = STANDARD
    stage: Code | None = None
    outcome: Outcome | None = None
    owner_ref: Id | None = None
    owners: Annotated[list[OwnerRefBody] | None, Field(max_length=MOST_OWNERS)] = None
    team: Code | None = None
    customer_id: Id | None = None
    lead_id: Id | None = None
    product: Code | None = None
    channel: Code | None = None
    amount: MoneyBody | None = None
    list_value: MoneyBody | None = None
    expected_close_on: Day | None = None
    created_at: Instant | None = None
    closed_at: Instant | None = None
    lost_reason: LostReasonText | Literal["unknown"] | None = None
    competitor: Code | None = None
    note: Note | None = None

    @property
    def fingerprint(self) -> str:
        """What tells whether the same row came before."""
        said = msgspec.json.encode(self.model_dump(exclude_none=True), order="sorted")
        return blake2b(said, digest_size=16).hexdigest()


def wanted_by(rows: Iterable[DealRow], existing: Iterable[Deal]) -> Wanted:
    """Everything that the rows name, and that the deals to be changed name already."""
    wanted = Wanted()
    for row in rows:
        wanted.pipelines.add(row.pipeline)
        wanted.person_refs.update(owner.owner_ref for owner in row.owners or ())
        for names, name in (
            (wanted.person_refs, row.owner_ref),
            (wanted.teams, row.team),
            (wanted.customers, row.customer_id),
            (wanted.leads, row.lead_id),
            (wanted.products, row.product),
        ):
            if name is not None:
                names.add(name)
    for deal in existing:
        wanted.teams.update(() if deal.team is None else (deal.team,))
        wanted.customers.update(() if deal.customer_id is None else (deal.customer_id,))
    return wanted


def resolved(
    row: DealRow, directory: Directory, *, pricing: Pricing, now: datetime
) -> tuple[ImportedDeal, Pipeline]:
    """The row with its references resolved. Raises what is wrong with it."""
    pipeline = directory.pipeline(row.pipeline)
    fingerprint = row.fingerprint
    moment = row.closed_at or row.created_at or now
    product = directory.product(row.product)
    owners = _owners(row, directory)
    said = Opening(
        details=Details(
            name=row.name,
            customer_id=directory.customer(row.customer_id),
            product=row.product,
            channel=row.channel,
            list_value=None
            if row.list_value is None
            else pricing.settle(row.list_value.money(), at=moment, field="list_value"),
            expected_close_on=row.expected_close_on,
        ),
        amount=None if row.amount is None else pricing.settle(row.amount.money(), at=moment),
        owners=owners,
        team=directory.team(row.team),
        lead=directory.lead(row.lead_id),
        external_ref=row.external_ref,
    )
    list_price = None if product is None else product.list_price
    opening = replace(
        said,
        details=replace(said.details, list_value=said.details.list_value or list_price),
        team=said.team or directory.team_of(owners),
        imported_as=fingerprint,
    )
    imported = ImportedDeal(
        fingerprint=fingerprint,
        outcome=row.outcome or _outcome(row, pipeline),
        opening=opening,
        said=said,
        stage=row.stage,
        created_at=row.created_at,
        closed_at=row.closed_at,
        lost_reason=row.lost_reason,
        competitor=row.competitor,
        note=row.note,
    )
    return imported, pipeline


def _owners(row: DealRow, directory: Directory) -> tuple[Owner, ...]:
    if row.owner_ref is not None and row.owners is not None:
        raise FieldMismatch(
            "owners", "owner_ref and owners both say who owns it", hint="leave one of them out"
        )
    if row.owner_ref is not None:
        person = directory.person_by_ref(row.owner_ref, field="owner_ref")
        return (Owner(owner_id=person.id, weight_bp=WHOLE_BP),)
    return share(
        Owner(
            owner_id=directory.person_by_ref(part.owner_ref, field=f"owners.{place}.owner_ref").id,
            weight_bp=part.weight_bp,
        )
        for place, part in enumerate(row.owners or ())
    )


def _outcome(row: DealRow, pipeline: Pipeline) -> Outcome:
    """What the stage says of a row that does not say it itself."""
    if row.stage is None:
        return "open"
    closing: dict[StageType, Outcome] = {StageType.WON: "won", StageType.LOST: "lost"}
    return closing.get(pipeline.stage(row.stage).type, "open")

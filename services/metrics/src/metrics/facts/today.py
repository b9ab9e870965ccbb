"""What facts say of the members that they have today, instead of those of each day.

A fact keeps who had it when. With its history of members flattened to the last, and teams and
territories as the organisation has them now, it says the same moments with other cuts; no kind
of fact needs to know. Invariant: days, amounts and counts are untouched, so totals are, too.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any, TypeVar

import msgspec

from metrics.facts.buyer.kind import Buyer
from metrics.facts.buyer.records import Active, Dealt, Merged, Ordered
from metrics.facts.deal import Deal
from metrics.facts.organisation import Organisation
from metrics.facts.project import Project

State = TypeVar("State")


def in_todays_members(state: State, organisation: Organisation) -> State:
    """A fact's state as if it had always belonged to those who have it now."""
    return _moved(state, organisation)  # type: ignore[no-any-return]


@singledispatch
def _moved(state: Any, organisation: Organisation) -> Any:
    """Facts that are only known as they were told last have nothing but a cut."""
    if hasattr(state, "cut"):
        return msgspec.structs.replace(state, cut=organisation.cut(state.cut))
    return state


@_moved.register
def _(state: Deal, organisation: Organisation) -> Deal:
    origin = state.origin
    if origin is not None:
        # As the lead itself says: a lead stays with whoever captured it.
        origin = msgspec.structs.replace(origin, cut=organisation.cut(origin.cut))
    return msgspec.structs.replace(
        state, spans=_flattened(state.spans, organisation), origin=origin
    )


@_moved.register
def _(state: Project, organisation: Organisation) -> Project:
    return msgspec.structs.replace(state, spans=_flattened(state.spans, organisation))


@_moved.register
def _(state: Buyer, organisation: Organisation) -> Buyer:
    entries = [
        (second, slot, _moved(told, organisation), times)
        for second, slot, told, times in state.entries
    ]
    return Buyer(entries)


@_moved.register
def _(told: Dealt, organisation: Organisation) -> Dealt:
    cut = told.cut if told.today is None else told.today
    return msgspec.structs.replace(told, cut=organisation.cut(cut))


@_moved.register
def _(told: Ordered, organisation: Organisation) -> Ordered:
    return msgspec.structs.replace(told, cut=organisation.cut(told.cut))


@_moved.register(Active)
@_moved.register(Merged)
def _(told: Active | Merged, _organisation: Organisation) -> Active | Merged:
    return told


def _flattened(spans: tuple[Any, ...], organisation: Organisation) -> tuple[Any, ...]:
    """All stretches with the cut of the last."""
    if not spans:
        return spans
    cut = organisation.cut(spans[-1].cut)
    return tuple(msgspec.structs.replace(span, cut=cut) for span in spans)

"""Own KPIs as they stand: in force, being made, waiting, or what else became of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from chassis.errors import Conflict, Refusal
from events import Connection
from metrics.catalogues import broken_in, text_of
from metrics.definitions import DefinitionNotUnderstood
from metrics.query.question import KpiNotFound
from metrics.store import definitions
from metrics.store.definitions import Change
from metrics.store.generation import Generation, Status, all_generations

_LONGEST_RETRY_SECONDS: Final = 60

State = Literal[
    "waiting", "backfilling", "ready", "in_force", "failed", "set_aside", "broken", "retired"
]
_STATES: Final[dict[Status, State]] = {
    "building": "backfilling",
    "ready": "ready",
    "live": "in_force",
    "failed": "failed",
    "retired": "set_aside",
}
_FIRST: Final = ("in_force", "backfilling", "ready", "failed", "set_aside")
"""Of several generations with a definition, which one tells how it stands."""


class KpiBeingMade(Conflict):
    """A user defined the KPI, and its values are being worked out of history.

    No 503: that would say that we do not answer, and whoever asks for one new KPI again and
    again would have the gateway break the circuit for all others.
    """

    title = "the KPI is being backfilled"
    retryable = True


class KpiNotInForce(Conflict):
    """A user defined the KPI, and it has no values, nor will it have any by itself."""

    title = "the KPI is not in force"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The newest version of an own KPI, and how it stands.

    `generation` are the figures that this is known from; `in_force` is the version that
    has values now, if any.
    """

    change: Change
    state: State
    reason: str | None = None
    generation: Generation | None = None
    in_force: int | None = None


async def standings(connection: Connection) -> list[Standing]:
    """How all own KPIs stand, by id; also those that were retired."""
    made = [
        (one, _versions_in(one))
        for one in await all_generations(connection)
        if one.status != "dropped"
    ]
    return [_standing(change, made) for change in await definitions.newest(connection)]


async def standing_of(connection: Connection, kpi_id: str) -> Standing | None:
    return next((one for one in await standings(connection) if one.change.id == kpi_id), None)


async def why_without_values(connection: Connection, kpi_id: str) -> Refusal:
    """What to tell somebody who asks for a KPI that the figures in force do not have."""
    own = await standing_of(connection, kpi_id)
    if own is None or own.state in ("retired", "in_force"):
        return KpiNotFound(kpi_id)
    progress = f"GET /v1/kpis/{kpi_id}/definition shows how it goes on"
    if own.state == "waiting":
        return KpiBeingMade(
            "it waits until the figures that are being made are in force", hint=progress, percent=0
        )
    if own.state == "backfilling" and own.generation is not None:
        left = own.generation.seconds_left
        seconds = None if left is None else math.ceil(left)
        share = own.generation.share_done
        return KpiBeingMade(
            f"it is being made from history: {share:.0%} of the events are counted",
            hint=progress,
            generation=own.generation.id,
            percent=round(100 * share, 1),
            seconds_left=seconds,
            retry_after=max(1, min(seconds or 2, _LONGEST_RETRY_SECONDS)),
        )
    return KpiNotInForce(own.reason or f"it is {own.state}", hint=progress, state=own.state)


def _versions_in(generation: Generation) -> dict[str, int]:
    kept = msgspec.json.decode(generation.terms.definitions, type=list[dict[str, Any]])
    return {one["id"]: one["version"] for one in kept}


def _standing(change: Change, made: Sequence[tuple[Generation, dict[str, int]]]) -> Standing:
    live = next((versions for one, versions in made if one.status == "live"), {})
    in_force = live.get(change.id)
    if change.definition is None:
        return Standing(change=change, state="retired", in_force=in_force)
    broken = _broken(change)
    if broken is not None:
        return Standing(change=change, state="broken", reason=broken)
    with_it = {
        _STATES[one.status]: one
        for one, versions in made
        if versions.get(change.id) == change.version
    }
    state = next((state for state in _FIRST if state in with_it), None)
    if state is None:
        waits = not change.is_asked
        return Standing(
            change=change,
            state="waiting" if waits else "set_aside",
            reason=None
            if waits
            else "its figures were given up; POST /v1/rebuilds makes them anew",
            in_force=in_force,
        )
    generation = with_it[state]
    return Standing(
        change=change,
        state=state,
        reason=_reason(state, generation),
        generation=generation,
        in_force=in_force,
    )


def _broken(change: Change) -> str | None:
    try:
        found = broken_in(text_of([change.definition] if change.definition else []))
    except DefinitionNotUnderstood as error:
        return str(error)
    return found[0].reason if found else None


def _reason(state: State, generation: Generation) -> str | None:
    switch = f"POST /v1/rebuilds/{generation.id}/switch brings them in force"
    match state:
        case "failed":
            return f"its figures could not be made: {generation.failure}"
        case "set_aside":
            return f"other figures were switched to; {switch}"
        case "ready":
            return f"its figures are made and wait; {switch}"
        case _:
            return None

"""The books as if all had always belonged to those who have it today.

The history is told anew: every event of a deal or project names the owners and dimensions of
its last one, and whatever has owners or a team is in the teams that these owners are in now,
and in the territories that these teams have. What the oracles then find is what `view=current`
must say.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from kpi_oracles.books import Books, Json, Stream

Weighted = list[tuple[str, int]]
MEMBERS = ("owners", "owner_id", "dimensions")
"""What the last event of a deal or project says for all of them."""


def books_of_today(events: list[Json], zone: ZoneInfo, base: str) -> Books:
    books = Books(events, zone, base)
    map_ = _Map(books)
    retold: list[Json] = []
    for stream in books.streams(""):
        retold += [map_.retold(event) for event in _as_told_last(stream)]
    return Books(retold, zone, base)


def _as_told_last(stream: Stream) -> Stream:
    told = stream
    for entity in ("deal", "project"):
        last = [event[entity] for event in told if entity in event][-1:]
        if last:
            members = {key: last[0][key] for key in MEMBERS if key in last[0]}
            told = [
                {**event, entity: {**_without_members(event[entity]), **members}}
                if entity in event
                else event
                for event in told
            ]
    return told


def _without_members(state: Json) -> Json:
    return {key: value for key, value in state.items() if key not in MEMBERS}


class _Map:
    """Who is where today."""

    def __init__(self, books: Books) -> None:
        self._teams = _told_last(books, "pipeline.person.changed", "person_id", "team")
        self._regions = _told_last(books, "pipeline.team.changed", "team", "region")

    def retold(self, event: Json) -> Json:
        family = ".".join(event["type"].split(".")[:2])
        if family in ("ops.time", "ops.capacity"):
            return {**event, "team": self._teams.get(event["person_id"], event.get("team"))}
        if family == "ops.cost":
            return {**self._placed(event), "aimed_at": event}
        if family in ("partner.order", "partner.survey", "ops.process_run"):
            return self._placed(event)
        entity = family.partition(".")[2]
        if entity not in ("deal", "lead", "project", "ticket"):
            return event
        state = self._placed(event[entity])
        if entity == "deal" and state.get("lead"):
            state["lead"] = self._placed(state["lead"])
        return {**event, entity: state}

    def _placed(self, fact: Json) -> Json:
        owners = [] if "ticket_id" in fact else _owners(fact)
        own = fact.get("dimensions", {})
        team, region = own.get("team") or "unknown", own.get("region") or "unknown"
        teams = [(self._teams.get(name, team), weight) for name, weight in owners]
        teams = teams or [(team, 1)]
        regions = [(self._regions.get(name, region), weight) for name, weight in teams]
        return {**fact, "dimensions": {**own, "team": teams, "region": regions}}


def _owners(fact: Json) -> Weighted:
    if fact.get("owner_id"):
        return [(fact["owner_id"], 1)]
    return sorted((owner["owner_id"], owner["weight_bp"]) for owner in fact.get("owners", []))


def _told_last(books: Books, type_: str, name: str, to: str) -> dict[str, str]:
    last = [stream[-1] for stream in books.streams(type_)]
    found: dict[str, str | None] = {}
    for event in sorted(last, key=lambda one: (one["time"], one["source"])):
        found[event[name]] = event.get(to)
    return {one: belongs for one, belongs in found.items() if belongs}

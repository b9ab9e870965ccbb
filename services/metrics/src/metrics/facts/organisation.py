"""Who sells where: the team of each person and the territory of each team, as told last.

They say nothing to the KPIs, whose facts bring the members of their own day. They are for
readers who want to see the past by the organisation of today (see `today`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from events.types.pipeline import PersonChanged, TeamChanged
from metrics.engine.company import Company
from metrics.engine.dimension import NUMBERS, Cut, Member, PerOwner
from metrics.engine.entry import Entry
from metrics.engine.moment import Moment, MomentKind

_OWNER, _TEAM, _REGION = (NUMBERS[name] - 1 for name in ("owner", "team", "region"))


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What one stream said last, and when."""

    at: int
    belongs_to: str | None


class Belonging(msgspec.Struct, frozen=True, array_like=True):
    """What a person or a team belongs to, by the stream that tells it."""

    name: str = ""
    told: dict[str, Told] = {}

    @property
    def to(self) -> str | None:
        """As told last; of several at one instant one, whatever order they came in."""
        last = max(self.told.items(), key=lambda item: (item[1].at, item[0]), default=None)
        return None if last is None else last[1].belongs_to


class _BelongingKind:
    """See `FactKind`."""

    empty = Belonging()

    def says(self, _kind: MomentKind) -> bool:
        return False

    def apply(self, state: Belonging, entry: Entry, /, *, key: str, company: Company) -> Belonging:  # noqa: ARG002 - as FactKind
        data = entry.data
        match data:
            case TeamChanged(region=region):
                told = Told(entry.occurred, region)
            case PersonChanged(team=team):
                told = Told(entry.occurred, team)
            case _:
                return state
        return Belonging(key, {**state.told, entry.stream: told})

    def moments(self, _state: Belonging, _company: Company, /) -> list[Moment]:
        return []

    def problems(self, _state: Belonging, /) -> tuple[str, ...]:
        return ()


class TeamKind(_BelongingKind):
    """Teams, each with its territory."""

    name = "team"


class PersonKind(_BelongingKind):
    """People who can own something, each with a team."""

    name = "person"


@dataclass(frozen=True, kw_only=True)
class Organisation:
    """Teams by person and territories by team; who is in none is not in it."""

    teams: Mapping[str, str] = field(default_factory=dict)
    territories: Mapping[str, str] = field(default_factory=dict)

    def cut(self, cut: Cut) -> Cut:
        """A cut with the teams that its owners are in and the territories that these have.

        Where that is not known, and of what a fact is not cut by, it stays as it is.
        """
        if not cut:
            return cut
        team = self._moved(cut[_OWNER], cut[_TEAM], self.teams)
        region = self._moved(team, cut[_REGION], self.territories)
        members = list(cut)
        members[_TEAM], members[_REGION] = team, region
        return tuple(members)

    @staticmethod
    def _moved(belonging: Member, own: Member, to: Mapping[str, str]) -> Member:
        """What `belonging` belongs to; each that belongs to nothing keeps the fact's own member."""
        if not isinstance(own, str) or belonging is None:
            return own
        if isinstance(belonging, str):
            return to.get(belonging, own)
        moved = PerOwner((to.get(name, own), weight) for name, weight in belonging)
        names = {name for name, _ in moved}
        return names.pop() if len(names) == 1 else moved


def organisation_of(people: Iterable[Belonging], teams: Iterable[Belonging]) -> Organisation:
    return Organisation(teams=_by_name(people), territories=_by_name(teams))


def _by_name(belonging: Iterable[Belonging]) -> Mapping[str, str]:
    return {one.name: to for one in belonging if (to := one.to) is not None}

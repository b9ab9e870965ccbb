"""Who sells where: people go from team to team, teams get other territories."""

from __future__ import annotations

from events.types import pipeline
from kpi_histories.teller import PARTNERS, PIPELINE, Teller


def person(teller: Teller, _number: int) -> None:
    rnd = teller.rnd
    team = rnd.choice(["north", "south", "east", None])
    name = rnd.choice(["ann", "bob", "cid", "dee"])
    source = rnd.choice([PIPELINE, PIPELINE, *PARTNERS])
    teller.say(pipeline.PersonChanged(person_id=name, team=team), source, teller.instant())
    if source in PARTNERS:
        teller.maybe_void(source, name)


def team(teller: Teller, _number: int) -> None:
    rnd = teller.rnd
    region = rnd.choice(["Central", "West", "East", None])
    code = rnd.choice(["north", "south", "east"])
    source = rnd.choice([PIPELINE, PIPELINE, *PARTNERS])
    teller.say(pipeline.TeamChanged(team=code, region=region), source, teller.instant())
    if source in PARTNERS:
        teller.maybe_void(source, code)

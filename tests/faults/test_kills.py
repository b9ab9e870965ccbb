"""8,800 opportunities come in while every part is killed in turn: nothing lost or doubled.

The nemesis strikes while a batch is on its way; the import waits and goes on, as
a user's would. Afterwards every additive part of the sales KPIs, by day and by
each dimension, must equal the offline fold of the file (crm_oracle).
"""

import random
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.settings import LogKind, inherited_environment
from local.stack import Stack
from tandem.client import Gateway
from tandem.importing.mapping import load_mapping
from tandem.importing.run import Run
from tandem.importing.sender import Sender

sys.path.insert(0, str(Path(__file__).parent))
import crm_oracle

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
MAPPING = ROOT / "docs" / "guides" / "imports" / "crm_sales.yaml"
SEED = 20170630
SETTLE_SECONDS = 90.0
VICTIMS: dict[LogKind, tuple[str, ...]] = {
    "kafka": ("relay", "metrics", "pipeline", "kafka", "postgres"),
    "postgres": ("relay", "metrics", "pipeline", "postgres"),
}


@dataclass
class Nemesis:
    """Kills one part after the other, each a moment after another batch of deals was sent."""

    stack: Stack
    draw: random.Random
    victims: list[str]
    killed: list[str] = field(default_factory=list)
    batches: int = 0
    _strikes: list[threading.Thread] = field(default_factory=list)

    def step_begun(self, collection: str, rows: int) -> None:
        self.batches = 0 if collection == "deals" else -1_000

    def rows_done(self, rows: int) -> None:
        self.batches += 1
        if self.victims and self.batches > 0 and self.batches % 3 == 0:
            strike = threading.Thread(target=self._strike, args=(self.victims.pop(0),))
            strike.start()
            self._strikes.append(strike)

    def waiting(self, reason: str) -> None: ...

    def _strike(self, victim: str) -> None:
        time.sleep(self.draw.uniform(0.0, 0.3))
        was = self.stack.kill(victim)
        self.stack.wait_until_back(victim, was=was)
        self.killed.append(victim)

    def finish(self) -> None:
        for strike in self._strikes:
            strike.join()


@pytest.fixture(scope="module")
def folder() -> Path:
    named = inherited_environment().get("CRM_SALES")
    folder = Path(named) if named else ROOT.parent / "shared" / "data" / "crm_sales"
    if not folder.is_dir():
        pytest.skip(f"no opportunities file at {folder}; say where it is with CRM_SALES")
    return folder


@pytest.fixture(params=["kafka", "postgres"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path / "var", log=request.param) as running:
        yield running


def test_an_import_survives_the_kill_of_every_part(stack: Stack, folder: Path) -> None:
    assert stack.log is not None
    nemesis = Nemesis(stack, random.Random(SEED), list(VICTIMS[stack.log]))
    with Gateway(stack.url, stack.token("importer")) as gateway:
        sender = Sender(gateway, nemesis)
        tallies = list(Run(sender, load_mapping(MAPPING), folder).steps())
    nemesis.finish()
    assert sorted(nemesis.killed) == sorted(VICTIMS[stack.log])
    assert [tally.refusals for tally in tallies] == [[]] * len(tallies)
    assert tallies[-1].done == 8_800

    opportunities = crm_oracle.read(folder)
    expected = crm_oracle.expect(opportunities)
    names = {person_id: name for name, person_id in sender.ids["people"].items()}
    with reader(stack) as boss:
        wait_until_all_is_counted(boss, decided=4_238 + 2_473, open_deals=2_089)
        for dimension in ("", "owner", "team", "region", "product", "sector"):
            counted = dict(measured(boss, dimension, names))
            assert counted == folded(expected, dimension)
        assert parked(stack) == []


def reader(stack: Stack) -> httpx.Client:
    token = stack.token("boss")
    return httpx.Client(
        base_url=stack.url, headers={"authorization": f"Bearer {token}"}, timeout=60
    )


def wait_until_all_is_counted(boss: httpx.Client, *, decided: int, open_deals: int) -> None:
    """Until the last deal has arrived; a doubled one would be seen in the comparison."""
    deadline = time.monotonic() + SETTLE_SECONDS
    seen: tuple[Any, Any] = (None, None)
    while time.monotonic() < deadline:
        win_rate = answer(boss, "win_rate", period="2017")
        pipeline = answer(boss, "pipeline_open", period=time.strftime("%Y"))
        if win_rate and pipeline:
            seen = win_rate[0]["rows"][0]["denominator"], pipeline[0]["rows"][0]["n"]
            if seen == (decided, open_deals):
                return
        time.sleep(0.2)
    pytest.fail(f"after {SETTLE_SECONDS:.0f} s {seen} decided and open deals are counted")


def answer(boss: httpx.Client, kpi: str, **query: Any) -> Any:
    response = boss.get(f"/v1/kpis/{kpi}", params=query)
    return response.json()["periods"] if response.status_code == 200 else None


def pages(boss: httpx.Client, kpi: str, **query: Any) -> Iterator[Any]:
    """The periods of all pages of an answer; one period may go on over several."""
    cursor: dict[str, str] = {}
    while True:
        response = boss.get(f"/v1/kpis/{kpi}", params=query | cursor)
        assert response.status_code == 200, response.text
        page = response.json()
        yield from page["periods"]
        if not page.get("next_cursor"):
            return
        cursor = {"cursor": page["next_cursor"]}


Parts = dict[tuple[str, date], int]


def measured(
    boss: httpx.Client, dimension: str, names: dict[str, str]
) -> Iterator[tuple[str, Parts]]:
    """For each member of the dimension: won, decided and revenue by day, as the gateway says."""
    found: dict[str, Parts] = {}
    for first, end in quarters():
        for kpi, field_name, part in (
            ("win_rate", "numerator", "won"),
            ("win_rate", "denominator", "decided"),
            ("revenue_net", "value", "revenue"),
        ):
            grain = "day" if kpi == "revenue_net" else "week"
            query = {"grain": grain, "from": first, "to": end}
            for period in pages(boss, kpi, **query, **({"by": dimension} if dimension else {})):
                for row in period["rows"]:
                    member = row["dimensions"].get(dimension, "")
                    amount = int(row[field_name] or 0)
                    if amount:
                        key = (part, date.fromisoformat(period["from_on"]))
                        found.setdefault(names.get(member, member), {})[key] = amount
    yield from found.items()


def quarters() -> list[tuple[str, str]]:
    starts = ["2016-10-03", "2017-01-02", "2017-04-03", "2017-07-03", "2017-10-02", "2018-01-01"]
    return list(pairwise(starts))


def folded(expected: crm_oracle.Expected, dimension: str) -> dict[str, Parts]:
    """The same from the offline fold; weeks begin on Monday."""
    found: dict[str, Parts] = {}

    def add(part: str, day: date, member: str, amount: int) -> None:
        parts = found.setdefault(member, {})
        parts[part, day] = parts.get((part, day), 0) + amount

    for (day, (name, member)), count in expected.won.items():
        if name == dimension:
            add("won", monday(day), member, count)
            add("decided", monday(day), member, count)
    for (day, (name, member)), count in expected.lost.items():
        if name == dimension:
            add("decided", monday(day), member, count)
    for (day, (name, member)), amount in expected.revenue_minor.items():
        if name == dimension:
            add("revenue", day, member, amount)
    return found


def monday(day: date) -> date:
    return date.fromordinal(day.toordinal() - day.weekday())


def parked(stack: Stack) -> Any:
    token = stack.token("sre")
    response = httpx.get(
        f"{stack.url}/v1/parked", headers={"authorization": f"Bearer {token}"}, timeout=30
    )
    assert response.status_code == 200, response.text
    return response.json()["items"]

"""A real company's file comes in through the front door and comes out as exact numbers."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.settings import inherited_environment
from local.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
MAPPING = ROOT / "docs" / "guides" / "imports" / "crm_sales.yaml"
SETTLE_SECONDS = 240.0
Import = subprocess.CompletedProcess[str]


def run_import(stack: Stack, folder: Path, *options: str) -> Import:
    """`tandem import` as a user calls it."""
    environment = inherited_environment() | {
        "TANDEM_URL": stack.url,
        "TANDEM_TOKEN": stack.token("importer"),
    }
    return subprocess.run(
        [
            *(sys.executable, "-m", "tandem", "import", str(folder)),
            *("--mapping", str(MAPPING)),
            *options,
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def imported(stack: Stack, crm_sales: Path) -> list[dict[str, Any]]:
    """The answer to a dry run, a run that is killed in the middle, and the run after it."""
    dry = run_import(stack, crm_sales, "--dry-run", "--json")
    assert dry.returncode == 0, dry.stderr + dry.stdout
    killed = start_import(stack, crm_sales)
    wait_until_some_deals_are_in(stack)
    killed.kill()
    killed.wait()
    done = run_import(stack, crm_sales, "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    wait_until(stack, lambda boss: decided(boss) == 4238 + 2473)
    tallies: list[dict[str, Any]] = json.loads(done.stdout)
    return tallies


def start_import(stack: Stack, folder: Path) -> subprocess.Popen[bytes]:
    environment = inherited_environment() | {
        "TANDEM_URL": stack.url,
        "TANDEM_TOKEN": stack.token("importer"),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tandem", "import", str(folder), "--mapping", str(MAPPING)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def reader(stack: Stack) -> httpx.Client:
    token = stack.token("boss")
    return httpx.Client(
        base_url=stack.url, headers={"authorization": f"Bearer {token}"}, timeout=30
    )


def wait_until(stack: Stack, holds: Any) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    with reader(stack) as boss:
        while not holds(boss):
            assert time.monotonic() < deadline, "the numbers did not come in time"
            time.sleep(0.1)


def wait_until_some_deals_are_in(stack: Stack) -> None:
    wait_until(stack, lambda boss: bool(boss.get("/v1/deals").json()["items"]))


def rows(boss: httpx.Client, kpi: str, **query: Any) -> list[dict[str, Any]]:
    response = boss.get(f"/v1/kpis/{kpi}", params=query)
    assert response.status_code == 200, response.text
    return [row for period in response.json()["periods"] for row in period["rows"]]


def value(boss: httpx.Client, kpi: str, **query: Any) -> Any:
    (row,) = rows(boss, kpi, **query)
    return row["value"]


def by(boss: httpx.Client, kpi: str, dimension: str, **query: Any) -> dict[str, Any]:
    return {
        row["dimensions"][dimension]: row["value"] for row in rows(boss, kpi, by=dimension, **query)
    }


def decided(boss: httpx.Client) -> int:
    (row,) = rows(boss, "win_rate", period="2017")
    return int(row["denominator"] or 0)


@pytest.mark.usefixtures("imported")
class TestTheNumbers:
    def test_won_lost_and_open_deals_are_counted(self, as_role: Any) -> None:
        (row,) = rows(as_role("boss"), "win_rate", period="2017")
        assert (row["numerator"], row["denominator"]) == (4238, 4238 + 2473)
        assert row["value"] == pytest.approx(4238 / 6711, abs=1e-12)
        today = f"{time.strftime('%Y')}"
        (row,) = rows(as_role("boss"), "pipeline_open", period=today, filter="pipeline:crm_sales")
        assert row["n"] == 2089

    def test_revenue_is_exact_for_the_year_and_each_quarter(self, as_role: Any) -> None:
        boss = as_role("boss")
        assert value(boss, "revenue_net", period="2017") == 1_000_553_400
        year = {"grain": "quarter", "from": "2017-01-01", "to": "2018-01-01"}
        quarters = [row["value"] for row in rows(boss, "revenue_net", **year)]
        assert quarters == [113_467_200, 308_611_100, 298_225_500, 280_249_600]

    def test_revenue_by_region_owner_product_and_sector_adds_up(self, as_role: Any) -> None:
        boss = as_role("boss")
        assert by(boss, "revenue_net", "region", period="2017") == {
            "Central": 334_629_300,
            "East": 309_059_400,
            "West": 356_864_700,
        }
        for dimension, members in (("owner", 30), ("product", 7), ("sector", 10), ("team", 6)):
            parts = by(boss, "revenue_net", dimension, period="2017")
            assert len(parts) == members
            assert sum(parts.values()) == 1_000_553_400

    def test_the_median_cycle_of_won_deals_is_57_days(self, as_role: Any) -> None:
        assert value(as_role("boss"), "sales_cycle_days", period="2017") == 57

    def test_an_earlier_day_is_seen_as_it_stood(self, as_role: Any) -> None:
        boss = as_role("boss")
        first_half = {"grain": "month", "from": "2016-10-01", "to": "2017-07-01"}
        assert sum(row["value"] for row in rows(boss, "revenue_net", **first_half)) == 422_078_300
        (row,) = rows(boss, "pipeline_open", period="2017-06-30")
        assert row["n"] == 1686

    def test_what_was_known_before_the_import_is_nothing(self, as_role: Any) -> None:
        assert value(as_role("boss"), "revenue_net", period="2017", as_of="2018-06-01") == 0

    def test_explaining_a_quarter_reproduces_it(self, as_role: Any) -> None:
        boss, total, deals, cursor = as_role("boss"), 0, 0, None
        while True:
            query = {"period": "2017-Q1", "limit": 200} | ({"cursor": cursor} if cursor else {})
            page = boss.get("/v1/kpis/revenue_net/explain", params=query).json()
            total += sum(item["amount"] for item in page["items"])
            deals += len(page["items"])
            assert all(item["events"] for item in page["items"])
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert (total, deals) == (113_467_200, 531)

    def test_a_second_import_changes_nothing(
        self, stack: Stack, crm_sales: Path, imported: list[dict[str, Any]]
    ) -> None:
        assert [tally["refused"] for tally in imported] == [[]] * 6
        again = run_import(stack, crm_sales, "--json")
        assert again.returncode == 0, again.stderr
        tallies = {tally["collection"]: tally for tally in json.loads(again.stdout)}
        assert (tallies["deals"]["created"], tallies["deals"]["unchanged"]) == (0, 8800)

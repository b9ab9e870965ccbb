"""A company with nothing but files: events out of them, killed in the middle, counted once."""

import csv
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.settings import inherited_environment
from local.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

MAPPING = Path(__file__).parents[2] / "docs" / "guides" / "imports" / "orders.yaml"
SOURCE = "/partners/files"
ORDERS = 600
COLUMNS = (
    *("order_no", "paid_at", "customer", "sales_id", "shop", "region", "sku", "pieces"),
    *("line_total", "line_cost", "currency", "rate"),
)
SETTLE_SECONDS = 240.0
As = Callable[..., httpx.Client]


@pytest.fixture(scope="module")
def product() -> str:
    """A product of this run's own, so that its revenue is nobody else's."""
    return f"p-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory, product: str) -> Path:
    """Orders of two lines each, 10.01 together; one row has an amount that is none."""
    folder = tmp_path_factory.mktemp("exports")
    paid_at = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%d %H:%M")
    with (folder / "orders.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(ORDERS):
            row = [f"{product}-{number}", paid_at, f"C-{number}", "", "Online", "east", product, 1]
            for line_total in ("10.00", "0.01" if number else "much"):
                writer.writerow([*row, line_total, "0.00", "USD", ""])
    return folder


def command(folder: Path, *options: str) -> list[str]:
    arguments = [str(folder), "--mapping", str(MAPPING), "--json", *options]
    return [sys.executable, "-m", "tandem", "import", *arguments]


def environment(stack: Stack) -> dict[str, str]:
    token = stack.token("partner", sources=(SOURCE,))
    return inherited_environment() | {"TANDEM_URL": stack.url, "TANDEM_TOKEN": token}


def run_import(stack: Stack, folder: Path, *options: str) -> dict[str, Any]:
    """The tally of `tandem import`, which refuses the one bad row."""
    done = subprocess.run(
        command(folder, *options),
        env=environment(stack),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 3, done.stdout + done.stderr
    (tally,) = json.loads(done.stdout)
    assert [(row["line"], row["field"]) for row in tally["refused"]] == [
        (3, "data.amount"),
        (3, "data.lines[1].amount_minor"),
    ]
    return dict(tally)


def test_a_file_is_judged_killed_and_brought_in_whole(
    stack: Stack, as_role: As, exports: Path, product: str
) -> None:
    good = ORDERS - 1
    assert run_import(stack, exports, "--dry-run")["created"] == good
    assert arrived(as_role, product) == 0
    assert (exports / "orders.refused.csv").read_text().count("line_total") == 2
    killed = subprocess.Popen(
        command(exports),
        env=environment(stack),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: taken(as_role) > 0 or killed.poll() is not None)
    killed.kill()
    killed.wait()
    rest = run_import(stack, exports)
    assert rest["unchanged"] > 0, "what was taken before the kill is known again"
    assert (rest["updated"], rest["created"] + rest["unchanged"]) == (0, good)
    wait_until(lambda: arrived(as_role, product) == good)
    assert revenue(as_role, product)["value"] == good * 1001


def test_what_arrived_is_told_for_each_kpi_that_needs_it(as_role: As, exports: Path) -> None:
    assert exports.is_dir()
    coverage = as_role("boss").get("/v1/kpis/revenue_net/coverage").json()
    (paid,) = (one for one in coverage["events"] if ".order.paid." in one["type"])
    (ours,) = (one for one in paid["sources"] if one["source"] == SOURCE)
    assert ours["events"] == ORDERS - 1
    assert coverage["coverage_from"] is not None


def revenue(as_role: As, product: str) -> dict[str, Any]:
    today = datetime.now(UTC)
    first, after = today.replace(month=1, day=1), today.replace(year=today.year + 1, month=1, day=1)
    query = {
        "grain": "year",
        # The orders are of two days ago, which may have been last year.
        "from": f"{first.year - 1}-01-01",
        "to": f"{after:%Y-%m-%d}",
        "filter": f"product:{product}",
    }
    answer = as_role("boss").get("/v1/kpis/revenue_net", params=query)
    assert answer.status_code == 200, answer.text
    rows = [period["rows"][0] for period in answer.json()["periods"]]
    return {name: sum(row[name] or 0 for row in rows) for name in ("value", "n")}


def arrived(as_role: As, product: str) -> int:
    return int(revenue(as_role, product)["n"])


def taken(as_role: As) -> int:
    """How many events of the source the gateway has."""
    partner = as_role("partner", sources=(SOURCE,))
    return len(partner.get("/v1/events", params={"limit": 10}).json()["items"])


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold in time"
        time.sleep(0.1)

"""The operations side of the demo company: projects with tasks, costs, hours, targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from tandem.demo.company import CHANNELS, CURRENCY, PRODUCTS, REGIONS, World, add_months
from tandem.demo.partners import Row
from tandem.demo.sales import Ref, SalesHistory

_TASKS = ("Survey the site", "Order material", "Install", "Train the staff", "Hand over")
_OPERATING = (("rent", 420_000), ("salaries", 2_600_000), ("logistics", 310_000))
_PROCESSES = {"rent": "facilities", "salaries": "delivery", "logistics": "shipping"}


@dataclass
class OperationsHistory:
    """Rows for the imports of ops, and the targets that the company set itself."""

    projects: list[Row] = field(default_factory=list)
    costs: list[Row] = field(default_factory=list)
    time_logs: list[Row] = field(default_factory=list)
    targets: list[Row] = field(default_factory=list)


def operations_history(world: World, sales: SalesHistory) -> OperationsHistory:
    """Everything that operations did, following what sales sold."""
    history = OperationsHistory()
    projects = {product.code for product in PRODUCTS if product.with_project}
    for deal in sales.deals:
        if deal["outcome"] == "won" and deal["product"] in projects:
            _add_project(world, history, deal)
    for month in _months(world):
        history.costs += _monthly_costs(world, month)
        history.targets += _targets(month)
    return history


def _months(world: World) -> Iterator[date]:
    month = world.first_on
    while month <= world.last_on:
        yield month
        month = add_months(month, 1)


def _add_project(world: World, history: OperationsHistory, deal: Row) -> None:
    draw = world.random
    number = deal["external_ref"].removeprefix("demo-deal-")
    started_at = datetime.fromisoformat(deal["closed_at"]) + timedelta(days=draw.randint(1, 5))
    if started_at.date() > world.last_on:
        return
    due_on = started_at.date() + timedelta(days=45)
    took = 45 * draw.lognormvariate(-0.12, 0.16)
    completed_at = started_at + timedelta(days=took)
    done = completed_at.date() <= world.last_on
    budget = deal["amount"]["amount_minor"] * 55 // 100
    region = deal["owner_ref"].split("-")[1]
    project: Row = {
        "external_ref": f"demo-project-{number}",
        "name": f"Demo retrofit {number}",
        "customer_id": deal["customer_id"],
        "owner_id": Ref("people", deal["owner_ref"]),
        "team": f"team-{region}",
        "due_on": due_on.isoformat(),
        "budget": {"amount_minor": budget, "currency": CURRENCY},
        "created_at": started_at.isoformat(),
        "started_at": started_at.isoformat(),
        "tasks": _tasks(world, started_at, took=took),
    }
    if done:
        project |= {
            "completed_at": completed_at.isoformat(),
            "accepted_first_time": draw.random() < 0.85,
        }
    history.projects.append(project)
    _add_project_costs(world, history, project, started_on=started_at.date())


def _tasks(world: World, started_at: datetime, *, took: float) -> list[Row]:
    """One after the other, each a fifth of the time that the project really took."""
    tasks: list[Row] = []
    for index, title in enumerate(_TASKS):
        planned_on = started_at.date() + timedelta(days=9 * index)
        task: Row = {
            "title": title,
            "planned_start_on": planned_on.isoformat(),
            "planned_end_on": (planned_on + timedelta(days=8)).isoformat(),
            "effort_minutes": 2_400,
            "depends_on": [{"task": _TASKS[index - 1]}] if index else [],
        }
        for name, part in (("started_at", index), ("finished_at", index + 1)):
            at = started_at + timedelta(days=took * part / len(_TASKS))
            if at.date() <= world.last_on:
                task[name] = at.isoformat()
        tasks.append(task)
    return tasks


def _add_project_costs(
    world: World, history: OperationsHistory, project: Row, *, started_on: date
) -> None:
    draw = world.random
    budget = project["budget"]["amount_minor"]
    for part, share in enumerate((0.4, 0.35, 0.25)):
        day = started_on + timedelta(days=8 + 14 * part)
        if day > world.last_on:
            return
        history.costs.append(
            {
                "external_ref": f"{project['external_ref']}-cost-{part}",
                "kind": "project",
                "category": ("material", "labour", "travel")[part],
                "team": project["team"],
                "project_id": Ref("projects", project["external_ref"]),
                "amount": {
                    "amount_minor": round(budget * share * draw.uniform(0.85, 1.15)),
                    "currency": CURRENCY,
                },
                "incurred_on": day.isoformat(),
            }
        )
        history.time_logs.append(
            {
                "external_ref": f"{project['external_ref']}-time-{part}",
                "person_id": project["owner_id"],
                "team": project["team"],
                "project_id": Ref("projects", project["external_ref"]),
                "work_date": day.isoformat(),
                "minutes": draw.choice((240, 360, 480)),
            }
        )


def _monthly_costs(world: World, month: date) -> Iterator[Row]:
    day = min(month.replace(day=25), world.last_on)
    for region in REGIONS:
        for category, amount in _OPERATING:
            yield _cost(
                f"demo-{month:%Y%m}-{region}-{category}",
                "operating",
                day,
                rest={
                    "category": category,
                    "team": f"team-{region}",
                    "region": region,
                    "process": _PROCESSES[category],
                    "amount": _rent_in_yuan(
                        category, round(amount * world.random.uniform(0.9, 1.1))
                    ),
                },
            )
    for channel in CHANNELS:
        amount = round(channel.cost_minor_a_month * world.random.uniform(0.9, 1.1))
        yield _cost(
            f"demo-{month:%Y%m}-{channel.code}",
            "acquisition",
            day,
            rest={
                "category": "campaigns",
                "channel": channel.code,
                "amount": {"amount_minor": amount, "currency": CURRENCY},
            },
        )


def _rent_in_yuan(category: str, amount_minor: int) -> dict[str, Any]:
    """Rent is paid in another currency than the books are kept in, at a frozen rate."""
    if category == "rent":
        return {"amount_minor": amount_minor * 7, "currency": "CNY", "rate": "0.1408"}
    return {"amount_minor": amount_minor, "currency": CURRENCY}


def _cost(external_ref: str, kind: str, day: date, *, rest: Row) -> Row:
    return {"external_ref": external_ref, "kind": kind, "incurred_on": day.isoformat()} | rest


def _targets(month: date) -> Iterator[Row]:
    """Revenue a quarter for the company and each team; operating budget a month."""
    if month.month % 3 == 1:
        quarter = f"{month.year}-Q{(month.month + 2) // 3}"
        for region in REGIONS:
            yield _target("revenue_net", f"team-{region}", period=quarter, value=18_000_000)
        yield _target("revenue_net", None, period=quarter, value=72_000_000)
    for region in REGIONS:
        yield _target("operating_cost", f"team-{region}", period=f"{month:%Y-%m}", value=3_350_000)
    yield _target("operating_cost", None, period=f"{month:%Y-%m}", value=13_400_000)


def _target(kpi: str, team: str | None, *, period: str, value: int) -> Row:
    scope = "team" if team else "company"
    ref = "-".join(("demo", kpi, team or scope, period))
    row: Row = {"external_ref": ref, "kpi": kpi, "scope": scope, "period": period}
    row |= {"value": value, "currency": CURRENCY}
    return row | ({"scope_value": team} if team else {})

"""Each mapping that we hand out takes the file that lies beside it, every row of it."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from events.partners import Terms
from tandem.importing.contracts import contracts
from tandem.importing.mapping import EventStep, Mapping, load_mapping
from tandem.importing.partner_events import prepare_events
from tandem.importing.rows import Prepared
from tandem.importing.table import Refusal, read_table
from tandem.importing.values import Reader

FOLDER = Path(__file__).parents[3] / "docs" / "guides" / "imports"
READY = sorted(path for path in FOLDER.glob("*.yaml") if path.stem != "crm_sales")
ASKED_FOR = {
    *("order.paid", "payment.refunded", "lead.captured", "deal.created", "deal.won", "deal.lost"),
    *("activity.recorded", "survey.responded", "ticket.opened", "cost.recorded"),
    *("campaign.cost_recorded", "process_run.completed", "defect.reported", "time.logged"),
    *("capacity.set", "project.completed", "market.size_reported", "fx.rate_published"),
    *("target.set", "customer.registered"),
}


def prepared(mapping: Mapping, step: EventStep) -> tuple[list[Prepared], list[Refusal]]:
    table = read_table(FOLDER / "example" / step.file, delimiter=step.delimiter, encoding="utf-8")
    reader = Reader(ZoneInfo(mapping.time_zone), {})
    assert mapping.source is not None
    return prepare_events(step, table, reader, source=mapping.source, terms=Terms())


@pytest.mark.parametrize("path", READY, ids=lambda path: path.stem)
def test_every_row_of_the_example_becomes_an_event(path: Path) -> None:
    mapping = load_mapping(path)
    for step in mapping.steps:
        assert isinstance(step, EventStep)
        made, refusals = prepared(mapping, step)
        assert refusals == []
        assert made


def test_there_is_a_mapping_for_every_kind_of_fact() -> None:
    steps = [step for path in READY for step in load_mapping(path).steps]
    assert {step.name for step in steps} >= ASKED_FOR
    assert {step.name for step in steps} <= {contract.name for contract in contracts()}
    used = {step.file for step in steps}
    assert {path.name for path in (FOLDER / "example").iterdir()} == used


def test_amounts_and_hours_come_out_exactly() -> None:
    def data(name: str, number: int, step: int = 0) -> dict[str, object]:
        mapping = load_mapping(FOLDER / f"{name}.yaml")
        chosen = mapping.steps[step]
        assert isinstance(chosen, EventStep)
        return dict(prepared(mapping, chosen)[0][number].body["data"])

    assert data("orders", 0)["amount"] == {"amount_minor": 493100, "currency": "USD"}
    assert data("costs", 0)["amount"] == {"amount_minor": 129950, "currency": "USD"}
    assert data("process_runs", 0)["baseline_minutes"] == 90
    assert data("time_logs", 2)["minutes"] is None
    assert data("targets", 1)["value"] == 9_000_000
    (baseline,) = data("projects", 1)["project"]["baselines"]  # type: ignore[index]
    assert [value["value_minor"] for value in baseline["planned_values"]] == [300000, 1200000]

"""Results of rows come together in one process, whole, and what people wrote about them stays."""

from pathlib import Path

import pytest

from faults.harness import report, results
from faults.harness.report import Result, text_of
from faults.harness.rows import FIRST_SEED, group_of
from generated_page import NOTES


def told(result: Result, *, when: str = "teardown") -> pytest.TestReport:
    """What pytest reports of a row that has come to this."""
    sent = text_of(result)
    return pytest.TestReport(
        nodeid="row",
        location=("", None, ""),
        keywords={},
        outcome="passed",
        longrepr=None,
        when=when,  # type: ignore[arg-type]
        user_properties=[(results.PROPERTY, sent)],
    )


def result(*, seed: int) -> Result:
    return Result("a broker is killed", "kafka", seed, outcome="exact", recovered_seconds=[1.5])


def test_results_come_once_each_and_with_those_of_earlier_sittings(tmp_path: Path) -> None:
    file, page = tmp_path / "var" / "faults.jsonl", tmp_path / "faults.md"
    report.keep(file, result(seed=1))
    gathered = results.Results(file=file, page=page)
    for when in ("setup", "call", "teardown"):
        gathered.pytest_runtest_logreport(told(result(seed=2), when=when))
    assert report.kept(file) == [result(seed=1), result(seed=2)]
    assert "| a broker is killed | kafka | 2 of 2 |" in page.read_text()


def test_without_a_page_nothing_is_kept(tmp_path: Path) -> None:
    gathered = results.Results(file=tmp_path / "faults.jsonl", page=None)
    gathered.pytest_runtest_logreport(told(result(seed=2)))
    assert not (tmp_path / "faults.jsonl").exists()


def test_what_people_wrote_below_a_report_outlives_the_next(tmp_path: Path) -> None:
    page = tmp_path / "faults.md"
    report.write(page, [result(seed=1)], machine="two cores")
    page.write_text(page.read_text() + "\n## About these runs\n\nThe machine was busy.\n")
    report.write(page, [result(seed=1), result(seed=2)], machine="four cores")
    text, _, notes = page.read_text().partition(NOTES)
    assert "2 of 2" in text
    assert "four cores" in text
    assert notes == "\n## About these runs\n\nThe machine was busy.\n"
    assert list(tmp_path.iterdir()) == [page]


@pytest.mark.parametrize(
    ("row", "group"),
    [
        ("test_broker.py::test_a[{}-kafka]", "000-kafka"),
        ("test_services.py::test_a[{}-pipeline-command: before commit-kafka]", "000-kafka"),
        ("test_poison.py::test_a[{}-postgres-first]", "000-postgres"),
        ("test_conditions.py::test_a[{}-kafka-relay/log]", "000-exposed-kafka"),
        ("test_conditions.py::test_a_full_disk_under_postgresql[{}]", "000-exposed-postgres"),
    ],
)
def test_a_row_is_run_with_others_on_its_kind_of_stack(row: str, group: str) -> None:
    assert group_of(row.format(FIRST_SEED)) == group
    assert group_of(row.format(FIRST_SEED + 5)) == group.replace("000", "001")

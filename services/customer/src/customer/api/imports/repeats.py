"""Rows that stand in one batch twice."""

from __future__ import annotations

from pydantic import JsonValue

from chassis.bulk import ImportBody, ImportResult, RowResult


def answer_repeats(body: ImportBody, answered: ImportResult) -> ImportResult:
    """Answer a row that repeats an earlier good one word for word as `unchanged`.

    A repeated reference with other content stays rejected, naming the earlier row.
    """
    first: dict[str, int] = {}
    results: list[RowResult] = []
    for index, (row, result) in enumerate(zip(body.rows, answered.results, strict=True)):
        earlier = first.setdefault(_reference(row), index)
        taken = results[earlier] if earlier < index else None
        if taken and taken.status != "rejected" and body.rows[earlier] == row:
            results.append(RowResult(index=index, status="unchanged", id=taken.id))
        else:
            results.append(result)
    return ImportResult(results=results)


def _reference(row: dict[str, JsonValue]) -> str:
    return str(row.get("external_ref"))

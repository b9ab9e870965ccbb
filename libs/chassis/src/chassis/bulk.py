"""Bulk import: many rows in one request, each with its own answer.

Invariant: a bad row is rejected alone; the good ones commit in one transaction.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from chassis.errors import Invalid, Refusal
from chassis.faults import FieldFault, faults_of
from chassis.problems import members_of
from chassis.types import StrictModel

MOST_ROWS: Final = 500

RowStatus = Literal["created", "updated", "unchanged", "rejected"]
Row = TypeVar("Row", bound=BaseModel)


class RepeatedRow(Invalid):
    """Two rows of one batch claim the same identity with different content."""

    title = "row repeated"


class ImportBody(StrictModel):
    """Rows as sent; each is checked on its own by `sort_rows`."""

    rows: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_ROWS)]
    dry_run: bool = False


class RowProblem(BaseModel):
    """Why a row was rejected; the same members as a problem document."""

    type: str
    title: str
    detail: str
    hint: str | None = None
    errors: list[FieldFault] = []
    retryable: bool = False


class RowResult(BaseModel):
    """What became of one row; `index` counts from 0 in the order sent."""

    index: int
    status: RowStatus
    id: str | None = None
    problem: RowProblem | None = None


class ImportResult(BaseModel):
    """The answer to an import, in the order of its rows."""

    results: list[RowResult]


@dataclass(frozen=True, slots=True)
class Accepted(Generic[Row]):
    """A row that fits its type, with its place in the batch."""

    index: int
    row: Row


@dataclass(slots=True)
class SortedRows(Generic[Row]):
    """The rows of a batch, the well-formed ones apart from the rejected."""

    accepted: list[Accepted[Row]] = field(default_factory=list)
    rejected: list[RowResult] = field(default_factory=list)


def reject(index: int, refusal: Refusal) -> RowResult:
    """The answer to a row that was refused."""
    members = members_of(refusal)
    known = {name: members[name] for name in RowProblem.model_fields if name in members}
    return RowResult(index=index, status="rejected", problem=RowProblem(**known))


def answer(*parts: Sequence[RowResult]) -> ImportResult:
    """All results, in the order of the rows."""
    return ImportResult(results=sorted((one for part in parts for one in part), key=_index))


def sort_rows(
    body: ImportBody, kind: type[Row], *, identity: Callable[[Row], str]
) -> SortedRows[Row]:
    """Check each row on its own against `kind`.

    A row that repeats an earlier one's identity is rejected, whatever it holds:
    within one batch there is no order in which both could be right.
    """
    rows = SortedRows[Row]()
    seen: dict[str, int] = {}
    for index, raw in enumerate(body.rows):
        try:
            row = kind.model_validate(raw)
        except ValidationError as error:
            rows.rejected.append(_malformed(index, error))
            continue
        first = seen.setdefault(identity(row), index)
        if first == index:
            rows.accepted.append(Accepted(index, row))
        else:
            rows.rejected.append(reject(index, _repeated(first)))
    return rows


def _repeated(first: int) -> RepeatedRow:
    return RepeatedRow(
        f"row {first} of this batch has the same external_ref",
        field="external_ref",
        hint="send each thing once",
    )


def _malformed(index: int, error: ValidationError) -> RowResult:
    found: Any = error.errors(include_url=False, include_input=False, include_context=False)
    faults = faults_of(found)
    problem = RowProblem(
        type="urn:tandem:problem:invalid-row",
        title="the row is not valid",
        detail="; ".join(f"{fault.field}: {fault.reason}" for fault in faults[:3]),
        hint="mend the fields that `errors` names",
        errors=faults,
    )
    return RowResult(index=index, status="rejected", problem=problem)


def _index(result: RowResult) -> int:
    return result.index

"""The mapping that a user writes: which file feeds which collection, and how.

A mapping is data, not code: everything odd about somebody's files is said here,
so that the importer knows no file by name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

Collection = Literal[
    "teams",
    "people",
    "products",
    "pipelines",
    "customers",
    "leads",
    "deals",
    "targets",
    "projects",
    "costs",
    "time-logs",
]
Scalar = str | int | bool | None


class MappingInvalid(Exception):
    """The mapping cannot be used; each line names a place in it and the mend."""

    def __init__(self, path: Path, lines: list[str]) -> None:
        super().__init__(f"{path}: " + "; ".join(lines))
        self.path = path
        self.lines = lines


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def key_of(collection: str) -> str:
    """The field that identifies a row of a collection."""
    return "code" if collection in {"teams", "products", "pipelines"} else "external_ref"


class Condition(_Strict):
    """True for the rows whose column holds one of these values."""

    column: str
    is_one_of: Annotated[list[str], Field(alias="in", min_length=1)]


class Lookup(_Strict):
    """Replaces an outer name by the id that an earlier step of this run was given for it."""

    collection: Collection


class Rule(_Strict):
    """How one field of a row comes about.

    The value is `value`, or the text of `column`; then `replace` (leaves others
    as they are) or `map` (others are refused); then empty text becomes null;
    then `type` reads it. `when` false makes the field null.
    """

    column: str | None = None
    value: Scalar | dict[str, Any] | list[Any] = None
    replace: dict[str, str] = {}
    map: dict[str, str | None] = {}
    type: Literal["text", "integer", "day", "instant", "money"] = "text"
    at: Annotated[str, Field(pattern=r"^\d\d:\d\d(:\d\d)?$")] = "12:00"
    format: str = "%Y-%m-%d"
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    minor_digits: Annotated[int, Field(ge=0, le=3)] = 2
    lookup: Lookup | None = None
    when: Condition | None = None

    @model_validator(mode="after")
    def _has_one_source(self) -> Rule:
        if self.column is not None and self.value is not None:
            raise ValueError("say either `column` or `value`, not both")
        if self.column is None and self.value is None:
            raise ValueError("say where it comes from: `column: …` or `value: …`")
        if self.type == "money" and self.currency is None:
            raise ValueError("money needs `currency: …`")
        return self


class Step(_Strict):
    """One collection fed from one file, or from rows written in the mapping itself."""

    collection: Collection
    file: str | None = None
    rows: list[dict[str, Any]] = []
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8"
    distinct_on: list[str] = []
    only: Condition | None = None
    fields: dict[str, Rule] = {}

    @model_validator(mode="before")
    @classmethod
    def _column_shorthand(cls, raw: Any) -> Any:
        """`field: a_column` is short for `field: {column: a_column}`."""
        if isinstance(raw, dict) and isinstance(raw.get("fields"), dict):
            short = {
                name: {"column": rule} if isinstance(rule, str) else rule
                for name, rule in raw["fields"].items()
            }
            return {**raw, "fields": short}
        return raw

    @model_validator(mode="after")
    def _has_one_source(self) -> Step:
        if (self.file is None) == (not self.rows):
            raise ValueError("a step has either `file` with `fields`, or `rows`")
        if self.file is not None and not self.fields:
            raise ValueError("say with `fields` what each row is made of")
        return self

    @property
    def key(self) -> str:
        """The field that identifies a row of this collection."""
        return key_of(self.collection)


class Mapping(_Strict):
    """A whole import: its steps in order, and the zone in which the files' days are meant."""

    time_zone: str
    steps: Annotated[list[Step], Field(min_length=1)]

    @field_validator("time_zone")
    @classmethod
    def _is_iana(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"{name!r} is no IANA time zone; write one like Asia/Shanghai")
        return name


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises MappingInvalid naming every place that is wrong."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise MappingInvalid(path, [f"cannot be read: {error}"]) from error
    except yaml.YAMLError as error:
        raise MappingInvalid(path, [f"is not YAML: {error}"]) from error
    if not isinstance(raw, dict):
        raise MappingInvalid(path, ["is empty; write `time_zone:` and `steps:`"])
    try:
        return Mapping.model_validate(raw)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise MappingInvalid(path, lines) from error

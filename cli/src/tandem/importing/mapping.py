"""The mapping that a user writes: which file feeds which collection or event type, and how.

A mapping is data, not code: everything odd about somebody's files is said here,
so that the importer knows no file by name.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import available_timezones

import yaml
from pydantic import (
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from tandem.importing.contracts import UnknownType, contract_of
from tandem.importing.rules import Collection, Condition, Fields, Rule, Strict, in_full


class MappingInvalid(Exception):
    """The mapping cannot be used; each line names a place in it and the mend."""

    def __init__(self, path: Path, lines: list[str]) -> None:
        super().__init__(f"{path}: " + "; ".join(lines))
        self.path = path
        self.lines = lines


def key_of(collection: str) -> str:
    """The field that identifies a row of a collection."""
    return "code" if collection in {"teams", "products", "pipelines"} else "external_ref"


def _typed(rule: Any, kind: str) -> Any:
    return {"type": kind, **rule} if isinstance(rule, dict) and "column" in rule else rule


def _typed_fields(event: Any, rules: Any, above: str) -> Any:
    """The rules with the types that the event's own fields have, where none is said."""
    try:
        contract = contract_of(str(event))
    except UnknownType:
        return rules  # the step will say so
    if not isinstance(rules, dict):
        return rules
    leaves = {name: contract.leaf(f"{above}{name}") for name in rules}
    return {
        name: _typed(rule, leaf.kind) if (leaf := leaves[name]) else rule
        for name, rule in rules.items()
    }


class _FileStep(Strict):
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8"
    distinct_on: list[str] = []
    only: Condition | None = None
    fields: Fields = {}

    @field_validator("fields", mode="before")
    @classmethod
    def _fields_in_full(cls, raw: Any) -> Any:
        return in_full(raw)

    def rules(self) -> list[Rule]:
        """All rules of the step."""
        return list(self.fields.values())

    @property
    def columns(self) -> set[str]:
        """The columns that its file must have."""
        found = {name for rule in self.rules() for name in rule.columns}
        return found | set(self.distinct_on) | ({self.only.column} if self.only else set())


class CollectionStep(_FileStep):
    """One collection fed from one file, or from rows written in the mapping itself."""

    collection: Collection
    file: str | None = None
    rows: list[dict[str, Any]] = []

    @model_validator(mode="after")
    def _has_one_source(self) -> CollectionStep:
        if (self.file is None) == (not self.rows):
            raise ValueError("a step has either `file` with `fields`, or `rows`")
        if self.file is not None and not self.fields:
            raise ValueError("say with `fields` what each row is made of")
        return self

    @property
    def name(self) -> str:
        return self.collection

    @property
    def key(self) -> str:
        """The field that identifies a row of this collection."""
        return key_of(self.collection)


class EventStep(_FileStep):
    """Events of one type, fed from one file.

    `time` says when it happened. Rows that are equal in `group_on` make one event:
    `lists` has one entry for each of them, a field with `sum` their sum, and the other
    fields must be the same in all. Unless `one_row_each` is false, a second row about
    the same thing is refused when it differs and left out when it does not.

    An event's id is `id`, or is made of what it says and of `revision` (when its row was
    last touched): without one, a row that is again as it once was is the event of then.
    """

    event: str
    file: str
    time: Rule
    id: Rule | None = None
    revision: Rule | None = None
    group_on: list[str] = []
    lists: dict[str, Fields] = {}
    one_row_each: bool = True

    @model_validator(mode="before")
    @classmethod
    def _spelt_out(cls, raw: Any) -> Any:
        """Shorthands spelt out, and the types of columns as the event's fields have them."""
        if not isinstance(raw, dict):
            return raw
        full = dict(raw)
        if "time" in raw:
            full["time"] = _typed(in_full({"time": raw["time"]})["time"], "instant")
        full |= in_full({name: raw[name] for name in ("id", "revision") if name in raw})
        full["fields"] = _typed_fields(raw.get("event"), in_full(raw.get("fields", {})), "")
        if isinstance(raw.get("lists"), dict):
            full["lists"] = {
                name: _typed_fields(raw.get("event"), in_full(rules), f"{name}.")
                for name, rules in raw["lists"].items()
            }
        return full

    @model_validator(mode="after")
    def _fits_its_contract(self) -> EventStep:
        try:
            contract = contract_of(self.event)
        except UnknownType as error:
            raise ValueError(str(error)) from None
        inner = [f"{name}.{path}" for name, rules in self.lists.items() for path in rules]
        paths = [*self.fields, *self.lists, *inner]
        faults = contract.unknown(paths) or contract.lacking(paths)
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def name(self) -> str:
        return self.event

    def rules(self) -> list[Rule]:
        inner = [rule for fields in self.lists.values() for rule in fields.values()]
        named = [rule for rule in (self.id, self.revision) if rule is not None]
        return [self.time, *named, *self.fields.values(), *inner]

    @property
    def columns(self) -> set[str]:
        return super().columns | set(self.group_on)


def _kind_of_step(raw: Any) -> str:
    is_event = "event" in raw if isinstance(raw, dict) else isinstance(raw, EventStep)
    return "event" if is_event else "collection"


Step = Annotated[
    Annotated[CollectionStep, Tag("collection")] | Annotated[EventStep, Tag("event")],
    Discriminator(_kind_of_step),
]


class Mapping(Strict):
    """A whole import: its steps in order, and the zone in which the files' days are meant.

    `source` is who says what the events say; a token must allow to speak for it.
    """

    time_zone: str
    source: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    steps: Annotated[list[Step], Field(min_length=1)]

    @field_validator("time_zone")
    @classmethod
    def _is_iana(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"{name!r} is no IANA time zone; write one like Asia/Shanghai")
        return name

    @model_validator(mode="after")
    def _names_its_source(self) -> Mapping:
        if self.source is None and any(isinstance(step, EventStep) for step in self.steps):
            raise ValueError("events need `source: /partners/…`, for which your token may speak")
        return self


class _Loader(yaml.SafeLoader):
    """YAML whose `no` is Norway and whose `on` is a field: only true and false are truths.

    Days stay text, for a rule reads them.
    """


_BOOL, _TIMESTAMP = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag not in {_BOOL, _TIMESTAMP}]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile("^(true|false)$"), list("tf"))


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises MappingInvalid naming every place that is wrong."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  it is a safe one
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

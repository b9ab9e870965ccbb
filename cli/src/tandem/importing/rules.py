"""Rules: how one field of a row comes about, as a mapping says it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]


class Strict(BaseModel):
    """Part of a mapping: a name that it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(Strict):
    """True for the rows whose column holds one of these values, or (`filled`) anything at all."""

    column: str
    is_one_of: Annotated[list[str], Field(alias="in")] = []
    filled: bool = False

    @model_validator(mode="after")
    def _says_one_thing(self) -> Condition:
        if bool(self.is_one_of) == self.filled:
            raise ValueError("say either `in: […]` or `filled: true`")
        return self


class Lookup(Strict):
    """Replaces an outer name by the id that an earlier step of this run was given for it."""

    collection: Collection


class Rule(Strict):
    """How one field of a row comes about.

    The value is `value`, or the text of `column`; then `replace` (leaves others
    as they are) or `map` (others are refused); then empty text becomes null;
    then `type` reads it. `when` false makes the field null.
    """

    column: str | None = None
    value: Scalar | dict[str, Any] | list[Any] = None
    replace: dict[str, str] = {}
    map: dict[str, Scalar] = {}
    type: Literal["text", "integer", "boolean", "day", "instant", "money", "minor"] = "text"
    at: Annotated[str, Field(pattern=r"^\d\d:\d\d(:\d\d)?$")] = "12:00"
    format: str = "%Y-%m-%d"
    times: Decimal = Decimal(1)
    decimal: Annotated[str, Field(min_length=1, max_length=1)] = "."
    thousands: Annotated[str, Field(max_length=1)] = ""
    currency: Currency | None = None
    currency_column: str | None = None
    minor_digits: Annotated[int, Field(ge=0, le=3)] | None = None
    sum: bool = False
    lookup: Lookup | None = None
    when: Condition | None = None

    @model_validator(mode="after")
    def _has_one_source(self) -> Rule:
        if self.column is not None and self.value is not None:
            raise ValueError("say either `column` or `value`, not both")
        if self.column is None and self.value is None:
            raise ValueError("say where it comes from: `column: …` or `value: …`")
        is_money = self.type in {"money", "minor"}
        if is_money and (self.currency is None) == (self.currency_column is None):
            raise ValueError(f"{self.type} needs either `currency: …` or `currency_column: …`")
        if self.sum and self.type not in {"money", "minor", "integer"}:
            raise ValueError("only money and whole numbers have a `sum`")
        return self

    @property
    def columns(self) -> set[str]:
        """The columns that the value is made of."""
        named = (self.column, self.currency_column, self.when.column if self.when else None)
        return {name for name in named if name is not None}


Fields = dict[str, Rule]


def in_full(rules: Any) -> Any:
    """`field: a_column` is short for `field: {column: a_column}`."""
    if not isinstance(rules, dict):
        return rules
    return {n: {"column": rule} if isinstance(rule, str) else rule for n, rule in rules.items()}

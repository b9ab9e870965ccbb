"""Field types of the API's edge: what they let in can be stored and sent on as it is.

FastAPI validates objects that were parsed from JSON already, and pydantic's strict
mode takes no text for dates there; hence dates and instants are read from text here.
"""

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200
MAX_MINOR: Final = 10**15

_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class StrictModel(BaseModel):
    """Base of every request and answer: no unknown fields, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


Lax = Strict(strict=False)
"""For an Enum, UUID or tuple in a StrictModel, which JSON can only write as text or list."""


def _refuse_control_characters(text: str) -> str:
    # NUL cannot be stored by PostgreSQL at all; the others hide in logs and terminals.
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise PydanticCustomError("control_character", "contains a control character")
    return text


def _refuse_control_but_newline(text: str) -> str:
    _refuse_control_characters(text.translate({9: " ", 10: " ", 13: " "}))
    return text


def _refuse_edge_spaces(text: str) -> str:
    if text != text.strip():
        raise PydanticCustomError("edge_space", "begins or ends with a space")
    return text


def _read_instant(value: Any) -> datetime:
    if isinstance(value, str):
        if not _INSTANT.fullmatch(value):
            raise PydanticCustomError(
                "instant", "is not an RFC 3339 instant with offset, as 2017-03-31T15:30:00Z"
            )
        try:
            value = datetime.fromisoformat(value.upper())
        except ValueError:
            raise PydanticCustomError("instant", "is no moment of the calendar") from None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise PydanticCustomError("instant", "is not an RFC 3339 instant with offset")
    try:
        utc = value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("instant", "is no moment of the calendar") from None
    _refuse_distant_year(utc.year)
    return utc


def _read_day(value: Any) -> date:
    if isinstance(value, str):
        if not _DAY.fullmatch(value):
            raise PydanticCustomError("day", "is not a day as 2017-03-31")
        try:
            value = date.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("day", "is no day of the calendar") from None
    if not isinstance(value, date) or isinstance(value, datetime):
        raise PydanticCustomError("day", "is not a day as 2017-03-31")
    _refuse_distant_year(value.year)
    return value


def _refuse_distant_year(year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise PydanticCustomError(
            "year",
            "is outside the years {first} to {last}",
            {"first": FIRST_YEAR, "last": LAST_YEAR},
        )


Id = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128),
    AfterValidator(_refuse_control_characters),
]
"""An opaque id, as ours or as a caller's `external_ref`."""

Code = Annotated[
    str,
    StringConstraints(min_length=1, max_length=80),
    AfterValidator(_refuse_control_characters),
    AfterValidator(_refuse_edge_spaces),
]
"""A short name within the company: a stage, a region, a product."""

Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, strip_whitespace=True),
    AfterValidator(_refuse_control_characters),
]
"""One line for people: a name, a reason."""

Note = Annotated[
    str,
    StringConstraints(min_length=1, max_length=5000, strip_whitespace=True),
    AfterValidator(_refuse_control_but_newline),
]
"""Several lines for people."""

Instant = Annotated[datetime, BeforeValidator(_read_instant)]
"""RFC 3339 with offset, kept as UTC."""

Day = Annotated[date, BeforeValidator(_read_day)]
"""A calendar day of the company's time zone, YYYY-MM-DD."""

CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217."""

MinorAmount = Annotated[int, Field(ge=0, le=MAX_MINOR)]
"""An amount in the currency's minor unit."""

RateText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,12})?$")]
"""A decimal number as text, since JSON numbers are binary floats for many readers."""

BasisPoints = Annotated[int, Field(ge=0, le=10_000)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]

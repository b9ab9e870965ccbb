"""pydantic's findings in our words: which field, why, how to mend it; never the value."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel

_MOST_FAULTS: Final = 20
"""A body of a hundred thousand wrong fields is answered shortly."""
_LONGEST_NAME: Final = 60

_HINTS: Final = {
    "missing": "add the field",
    "extra_forbidden": "leave the field out, or correct its name",
    "instant": "write it as 2017-03-31T15:30:00Z (in a query, write + as %2B)",
    "day": "write it as 2017-03-31",
    "int_type": "send a JSON number without quotes and without a fraction",
    "string_type": "send a JSON string",
    "bool_type": "send true or false",
    "list_type": "send a JSON array",
    "finite_number": "send a finite number",
    "model_attributes_type": "send a JSON object with Content-Type: application/json",
    "control_character": "remove NUL and other control characters",
    "string_unicode": "remove unpaired surrogates",
    "edge_space": "remove the space",
    "year": "check the year; a day is written year first",
    "dict_type": "send a JSON object",
    "literal_error": "send one of these, spelt like this",
    "enum": "send one of these, spelt like this",
    "string_too_long": "shorten it",
    "string_too_short": "fill it in, or leave it out",
    "string_pattern_mismatch": "write it in this form",
    "too_long": "send fewer at once",
    "too_short": "send more",
    "greater_than": "send a number within the bounds",
    "greater_than_equal": "send a number within the bounds",
    "less_than": "send a number within the bounds",
    "less_than_equal": "send a number within the bounds",
    "int_parsing": "write a whole number in digits",
    "int_from_float": "send a whole number",
    "bool_parsing": "write true or false",
}
_HINT: Final = "correct the value as the reason says"
"""For kinds that are too rare for a hint of their own; no fault goes without one."""


class FieldFault(BaseModel):
    """What is wrong with one field."""

    field: str
    reason: str
    hint: str | None = None


def faults_of(found: Iterable[Mapping[str, Any]]) -> list[FieldFault]:
    """The first faults of a ValidationError's `errors()`, without inputs."""
    faults = [_fault(one) for one in found]
    return faults[:_MOST_FAULTS]


def _fault(found: Mapping[str, Any]) -> FieldFault:
    kind = str(found["type"])
    hint = _HINTS.get(kind, _HINT)
    return FieldFault(field=_path(found["loc"]), reason=_reason(found), hint=hint)


def _path(location: Iterable[int | str]) -> str:
    parts = [printable(str(part)) for part in location]
    # `body` is where nearly all fields are; the others keep their place as prefix.
    if len(parts) > 1 and parts[0] == "body":
        parts = parts[1:]
    return ".".join(parts)


def _reason(found: Mapping[str, Any]) -> str:
    message = str(found["msg"]).removeprefix("Value error, ")
    if found["type"] == "extra_forbidden":
        message = "is not a field of this request"
    return message[:1].lower() + message[1:]


def printable(name: str) -> str:
    """A caller's field name, fit to be repeated: short, and free of surrogates and control."""
    clean = "".join(character if character.isprintable() else "?" for character in name)
    return clean if len(clean) <= _LONGEST_NAME else clean[:_LONGEST_NAME] + "…"

"""Field types and parts of answers that only this service needs."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from chassis.types import Id, StrictModel, Text

_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")
_PHONE: Final = re.compile(r"[+0-9 ()./ext-]{3,40}")


def _refuse_null(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("null", "cannot be null; leave the field out to keep it")
    return value


KeptText = Annotated[
    Text | None,
    BeforeValidator(_refuse_null),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 500}),
]
"""In a PATCH: a text that can be left out but not taken away. Its default is None.

The schema is given since SkipJsonSchema would make faults name union branches, not the field.
"""


def _refuse_other_than_mail(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise PydanticCustomError("email", "is not a mail address, as ada@example.com")
    return text


def _refuse_other_than_phone(text: str) -> str:
    if not _PHONE.fullmatch(text):
        raise PydanticCustomError("phone", "is not a phone number, as +49 30 1234 ext 5")
    return text


Email = Annotated[
    str,
    StringConstraints(max_length=320),
    AfterValidator(_refuse_other_than_mail),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 320}),
]
"""Something at some host; whether mail arrives there, only sending tells."""

Phone = Annotated[
    str,
    AfterValidator(_refuse_other_than_phone),
    WithJsonSchema({"type": "string", "pattern": f"^{_PHONE.pattern}$"}),
]
"""As people write it: digits, spaces, brackets, an extension."""


class Identity(StrictModel):
    """What every answer about a thing begins with; `version` is also its ETag."""

    id: Id
    version: int

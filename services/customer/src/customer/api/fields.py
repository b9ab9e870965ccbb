"""Field types that only this service needs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, StringConstraints
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from chassis.types import Text


def _refuse_null(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("null", "cannot be null; leave the field out to keep it")
    return value


def _drop_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


KeptText = Annotated[Text | SkipJsonSchema[None], BeforeValidator(_refuse_null)]
"""In a PATCH: a text that can be left out but not taken away. Its default is None."""

Email = Annotated[
    str, StringConstraints(pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$", max_length=320)
]
"""Something at some host; whether mail arrives there, only sending tells."""

Phone = Annotated[str, StringConstraints(pattern=r"^[+0-9 ()./ext-]{3,40}$")]
"""As people write it: digits, spaces, brackets, an extension."""

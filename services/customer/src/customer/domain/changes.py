"""Which fields two states of the same thing differ in."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def changed_fields(before: DataclassInstance, after: DataclassInstance) -> tuple[str, ...]:
    """Names of the fields whose values differ, in the order of their declaration."""
    return tuple(
        field.name
        for field in fields(before)
        if getattr(before, field.name) != getattr(after, field.name)
    )

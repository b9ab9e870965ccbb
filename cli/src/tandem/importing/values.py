"""Reads the text of a cell as its rule says: exactly, or not at all."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

from events.money import MAX_MINOR, minor_digits
from tandem.importing.rules import Condition, Rule
from tandem.importing.table import Line

_TYPE_NAMES: Final = {
    "day": "date",
    "instant": "date",
    "integer": "whole number",
    "boolean": "yes or no",
    "money": "amount",
    "minor": "amount",
}
_TRUE: Final = frozenset(("true", "yes", "y", "1", "是"))
_FALSE: Final = frozenset(("false", "no", "n", "0", "否"))
_ISO: Final = "iso"
_HOURS: Final = ("%H", "%I", "%X", "%c", "%T", "%R")
"""What a format has that tells the time of day."""

Ids = MappingOf[str, MappingOf[str, str]]
"""Collection to outer name to our id, as earlier steps of the run were answered."""


class FieldUnreadable(Exception):
    """A field's text does not fit its rule."""

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.mend = mend


@dataclass(frozen=True)
class Reader:
    """Reads fields of lines; days are meant in `zone`, and `ids` resolve lookups."""

    zone: ZoneInfo
    ids: Ids

    def value(self, rule: Rule, line: Line) -> Any:
        """The field's value, None where it has none. Raises FieldUnreadable."""
        if rule.when and not holds(rule.when, line):
            return None
        if rule.column is None:
            return rule.value
        text = _replaced(rule, line.cells[rule.column])
        if text is None or text == "":
            return None
        if not isinstance(text, str):
            return text
        if rule.lookup:
            return _looked_up(rule.lookup.collection, text, self.ids)
        try:
            return self._read(rule, text, line)
        except (ValueError, InvalidOperation, OverflowError):
            wanted = _TYPE_NAMES[rule.type]
            form = f" of the form {rule.format}" if rule.type in {"day", "instant"} else ""
            raise FieldUnreadable(
                f"{text[:60]!r} is no {wanted}{form}", f"mend column {rule.column!r}"
            ) from None

    def _read(self, rule: Rule, text: str, line: Line) -> Any:
        value: Any = text
        match rule.type:
            case "integer":
                value = _whole(_exact(rule, text) * rule.times)
            case "boolean":
                value = _truth(text)
            case "money":
                currency = _currency(rule, line)
                value = {"amount_minor": _minor(rule, text, currency), "currency": currency}
            case "minor":
                value = _minor(rule, text, _currency(rule, line))
            case "day":
                value = _moment(rule, text).date().isoformat()
            case "instant":
                value = self._instant(rule, text).isoformat()
        return value

    def _instant(self, rule: Rule, text: str) -> datetime:
        moment = _moment(rule, text)
        if not _tells_hour(rule, text):
            moment = datetime.combine(moment.date(), time.fromisoformat(rule.at))
        return moment if moment.tzinfo else moment.replace(tzinfo=self.zone)


def holds(condition: Condition, line: Line) -> bool:
    """Whether a line meets a condition."""
    text = line.cells[condition.column]
    return bool(text) if condition.filled else text in condition.is_one_of


def _replaced(rule: Rule, text: str) -> Any:
    if not rule.map:
        return rule.replace.get(text, text)
    if text not in rule.map:
        raise FieldUnreadable(
            f"{text!r} of column {rule.column!r} is not in the mapping",
            f"add it to `map`, which knows {', '.join(rule.map)}",
        )
    return rule.map[text]


def _looked_up(collection: str, text: str, ids: Ids) -> str:
    try:
        return ids[collection][text]
    except KeyError:
        raise FieldUnreadable(
            f"{text!r} is not among the {collection} of this import",
            f"add it to the file of {collection}, or correct the name with `replace`",
        ) from None


def _exact(rule: Rule, text: str) -> Decimal:
    plain = text.replace(rule.thousands, "") if rule.thousands else text
    # A mark that is not the rule's own would be read as something else: 1,299 is not 1.299.
    if rule.decimal != ".":
        if "." in plain:
            raise ValueError(text)
        plain = plain.replace(rule.decimal, ".")
    return Decimal(plain)


def _whole(exact: Decimal) -> int:
    if not exact.is_finite() or exact != exact.to_integral_value() or abs(exact) > MAX_MINOR:
        raise ValueError(exact)
    return int(exact)


def _minor(rule: Rule, text: str, currency: str) -> int:
    digits = minor_digits(currency) if rule.minor_digits is None else rule.minor_digits
    return _whole(_exact(rule, text).scaleb(digits))


def _currency(rule: Rule, line: Line) -> str:
    if rule.currency is not None:
        return rule.currency
    assert rule.currency_column is not None
    currency = line.cells[rule.currency_column].upper()
    if not currency:
        raise FieldUnreadable(
            "an amount without a currency",
            f"fill column {rule.currency_column!r}, or say `currency: …` in the mapping",
        )
    return currency


def _truth(text: str) -> bool:
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(text)
    return word in _TRUE


def _moment(rule: Rule, text: str) -> datetime:
    if rule.format == _ISO:
        return datetime.fromisoformat(text)
    return datetime.strptime(text, rule.format)  # noqa: DTZ007  its zone is given after it


def _tells_hour(rule: Rule, text: str) -> bool:
    if rule.format != _ISO:
        return any(mark in rule.format for mark in _HOURS)
    try:
        date.fromisoformat(text)
    except ValueError:
        return True
    return False

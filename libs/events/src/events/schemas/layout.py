"""JSON laid out to be read and compared: what fits on a line stands on one."""

from __future__ import annotations

from typing import Any, Final

import msgspec

_WIDTH: Final = 110


def laid_out(value: Any) -> bytes:
    """The value as JSON text with a newline at its end."""
    return f"{_lines(value, 0, 0)}\n".encode()


def _lines(value: Any, depth: int, used: int) -> str:
    """`used` columns of the line are taken already."""
    flat = msgspec.json.format(msgspec.json.encode(value), indent=0).decode()
    if used + len(flat) <= _WIDTH or not value or not isinstance(value, dict | list):
        return flat
    indent = "  " * (depth + 1)
    if isinstance(value, dict):
        parts = []
        for name, part in value.items():
            start = f"{indent}{msgspec.json.encode(name).decode()}: "
            parts.append(start + _lines(part, depth + 1, len(start) + 1))
        opening, closing = "{", "}"
    else:
        parts = [indent + _lines(part, depth + 1, len(indent) + 1) for part in value]
        opening, closing = "[", "]"
    return "\n".join([opening, ",\n".join(parts), "  " * depth + closing])

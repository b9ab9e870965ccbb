"""How deep a body is nested, told before anything recursive reads it."""

from __future__ import annotations

import re
from typing import Final

from chassis.errors import Malformed

MOST_LEVELS: Final = 32

_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET: Final = re.compile(rb"[\[\]{}]")


class NestedTooDeeply(Malformed):
    """The body opens more arrays and objects inside each other than are read."""

    title = "the body is nested too deeply"


def refuse_deep_nesting(body: bytes) -> None:
    """Raises NestedTooDeeply. Only looks closely where the brackets could be that deep."""
    if body.count(b"{") + body.count(b"[") <= MOST_LEVELS:
        return
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        if depth > MOST_LEVELS:
            raise NestedTooDeeply(
                f"the body is nested deeper than {MOST_LEVELS} levels",
                hint="no event type needs more than six; send plain CloudEvents",
            )

"""A guard of the event path: the text that makes it one, and the product without it."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """`text` stands exactly once in `file`, and is replaced."""

    guard: str
    file: str
    text: str
    replacement: str
    test: str


EVENTS: Final = "libs/events/src/events"
TESTS: Final = "libs/events/tests"
TRAPS: Final = f"{TESTS}/traps"

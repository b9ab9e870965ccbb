"""The guards of the event path, each as the text that makes it one and as the product without it.

`test` must fail when the guard is taken out: a guard that no test misses is not proven.
"""

from typing import Final

from mutants.guards.consumer import POISON, POSITIONS, SEQUENCES
from mutants.guards.mutant import Mutant
from mutants.guards.partners import INBOX
from mutants.guards.processes import GONE_OR_STRANGE, WATCHDOGS
from mutants.guards.relay import RELAY

__all__ = ["MUTANTS", "Mutant"]

MUTANTS: Final = (
    *POSITIONS,
    *SEQUENCES,
    *POISON,
    *INBOX,
    *RELAY,
    *WATCHDOGS,
    *GONE_OR_STRANGE,
)

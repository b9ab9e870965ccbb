"""Figures made anew from the journal, beside those in force, and brought in force by one pointer.

All state is in the database and every step commits what it did: whoever is killed
at any point is followed by somebody who goes on from there.
"""

from metrics.rebuild.asking import (
    ask_to_drop,
    ask_to_switch,
    prepare,
    start_build,
)
from metrics.rebuild.building import Pace, move_on
from metrics.rebuild.keeping import keep_generations
from metrics.refusals import DefinitionsNotKnown, RebuildNotFound, RebuildUnderWay

__all__ = [
    "DefinitionsNotKnown",
    "Pace",
    "RebuildNotFound",
    "RebuildUnderWay",
    "ask_to_drop",
    "ask_to_switch",
    "keep_generations",
    "move_on",
    "prepare",
    "start_build",
]

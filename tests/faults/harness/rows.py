"""What `make faults` was told, and for which log a row is."""

import re
from pathlib import Path
from typing import Final

import pytest

from local.settings import CHECKOUT, inherited_environment

CHOICES: Final = inherited_environment()
FIRST_SEED: Final = int(CHOICES.get("SEED") or 20170630)
REPEAT: Final = int(CHOICES.get("REPEAT") or 1)
LONG: Final = CHOICES.get("MODE") == "long"
OUTAGE_SECONDS: Final = float(CHOICES.get("OUTAGE") or (600 if LONG else 2))
"""How long the broker stays away."""
REPORT: Final = CHOICES.get("REPORT")
KEPT: Final = Path(CHOICES.get("VAR") or CHECKOUT / "var") / "faults.jsonl"
"""Results for the report, of this sitting and of earlier ones. Without it, all begins anew."""

ROUNDS_AT_ONCE: Final = 5
"""So many of rows that share a stack run on it before others, since starting it is dear."""


def group_of(node: str) -> str:
    """Which rows share a stack one after the other, by pytest's name of the row."""
    named = re.search(r"\[(\d+)(?:-|\])", node)
    assert named is not None, f"{node} tells no seed"
    rounds = (int(named[1]) - FIRST_SEED) // ROUNDS_AT_ONCE
    log = "kafka" if "-kafka" in node else "postgres"
    exposed = "exposed-" if "test_conditions.py" in node else ""
    return f"{rounds:03}-{exposed}{log}"


def only(log: str) -> pytest.MarkDecorator:
    """The row runs on this log alone."""
    return pytest.mark.parametrize("log", [log])

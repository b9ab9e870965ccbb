"""What `make faults` was told, and for which log a row is."""

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


def only(log: str) -> pytest.MarkDecorator:
    """The row runs on this log alone."""
    return pytest.mark.parametrize("log", [log])

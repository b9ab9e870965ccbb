"""What `make faults` was told, and for which log a row is."""

from typing import Final

import pytest

from local.settings import inherited_environment

CHOICES: Final = inherited_environment()
FIRST_SEED: Final = int(CHOICES.get("SEED") or 20170630)
REPEAT: Final = int(CHOICES.get("REPEAT") or 1)
LONG: Final = CHOICES.get("MODE") == "long"
REPORT: Final = CHOICES.get("REPORT")


def only(log: str) -> pytest.MarkDecorator:
    """The row runs on this log alone."""
    return pytest.mark.parametrize("stage", [log], indirect=True)

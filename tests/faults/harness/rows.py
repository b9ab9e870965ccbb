"""Which log a row is for, where it is not for both."""

import pytest


def only(log: str) -> pytest.MarkDecorator:
    """The row runs on this log alone."""
    return pytest.mark.parametrize("stage", [log], indirect=True)

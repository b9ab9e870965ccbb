"""A company with a bad quarter asks whose fault it was, and is told the true cause."""

from __future__ import annotations

import pytest

from e2e.demo import BAD_QUARTER, settled, tandem
from local.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


def test_the_bad_quarter_of_the_demo_company_is_found_with_its_cause(
    stack: Stack, demo_company: None
) -> None:
    """The referral programme was paused: fewer leads, a worse mix, and sales as good as ever."""
    told = settled(stack)
    assert told["verdict"] == "operations", told["text"]["en"]
    assert told["residual"] == 0
    assert sum(part["amount"] for part in told["contributions"]) == told["delta"] < 0
    losses = sorted(told["factors"], key=lambda factor: factor["amount"])
    assert {"lead_mix", "mix"} <= {loss["node"] for loss in losses[:4]}
    worst = min(
        (part for part in told["contributions"] if part["node"] == "mix"),
        key=lambda part: part["amount"],
    )
    assert worst["slice"] == "referral"
    assert "主因在运营" in tandem(stack, "diagnose", BAD_QUARTER, "--lang", "zh")

"""A company with a bad quarter asks whose fault it was, and is told the true cause."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import pytest

from local.settings import inherited_environment
from local.stack import Stack
from tandem.local_stack import DEMO_SOURCES

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

BAD_QUARTER = "2026-Q3"
"""The last complete one before the day until which the demo company's history goes."""
SETTLE_SECONDS = 120.0


def tandem(stack: Stack, *arguments: str) -> str:
    """What a command of `tandem` prints."""
    token = stack.token("importer", "partner", "boss", sources=DEMO_SOURCES)
    done = subprocess.run(
        [sys.executable, "-m", "tandem", *arguments],
        env=inherited_environment() | {"TANDEM_URL": stack.url, "TANDEM_TOKEN": token},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def settled(stack: Stack) -> Any:
    """The diagnosis when nothing comes in any more."""
    deadline, before = time.monotonic() + SETTLE_SECONDS, None
    while time.monotonic() < deadline:
        told = json.loads(tandem(stack, "diagnose", BAD_QUARTER, "--json"))
        if told["delta"] is not None and told["delta"] == before:
            return told
        before = told["delta"]
        time.sleep(1)
    raise AssertionError(f"figures still move after {SETTLE_SECONDS} s")


def test_the_bad_quarter_of_the_demo_company_is_found_with_its_cause(stack: Stack) -> None:
    """The referral programme was paused: fewer leads, a worse mix, and sales as good as ever."""
    tandem(stack, "demo", "--until", "2026-11-22")
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

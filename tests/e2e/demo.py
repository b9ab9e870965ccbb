"""The demo company on a whole stack, and the diagnosis of its bad quarter."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any, Final

from local.settings import inherited_environment
from local.stack import Stack
from tandem.local_stack import DEMO_SOURCES

BAD_QUARTER: Final = "2026-Q3"
"""The last complete one before the day until which the demo company's history goes."""
SETTLE_SECONDS: Final = 240.0


def tandem(stack: Stack, *arguments: str) -> str:
    """What a command of `tandem` prints."""
    done = _run(stack, *arguments)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def _run(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    token = stack.token("importer", "partner", "boss", sources=(*DEMO_SOURCES, "/partners/files"))
    return subprocess.run(
        [sys.executable, "-m", "tandem", *arguments],
        env=inherited_environment() | {"TANDEM_URL": stack.url, "TANDEM_TOKEN": token},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def settled(stack: Stack) -> Any:
    """The diagnosis when nothing comes in any more."""
    deadline, before = time.monotonic() + SETTLE_SECONDS, None
    while time.monotonic() < deadline:
        done = _run(stack, "diagnose", BAD_QUARTER, "--json")
        # While much is being counted, beside other stacks, there may be no answer in time.
        told = json.loads(done.stdout) if done.returncode == 0 else {"delta": None}
        if told["delta"] is not None and told["delta"] == before:
            return told
        before = told["delta"]
        time.sleep(1)
    raise AssertionError(f"figures still move after {SETTLE_SECONDS} s")

"""A newcomer who copies every command of a guide into one shell, from the first to the last."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
GUIDES: Final = ROOT / "docs" / "guides"

_BLOCK: Final = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_FRONT_DOOR: Final = "http://127.0.0.1:8080"
_TANDEM: Final = '#!/bin/sh\nexec "{python}" -m tandem "$@"\n'
# A stream has no end of its own. Elsewhere a refusal ends the walk, with what was answered.
_CURL: Final = """#!/bin/sh
case " $* " in
*" -N "*) timeout 10 {curl} --fail-with-body "$@"; [ $? = 124 ] ;;
*) exec {curl} --fail-with-body -sS "$@" ;;
esac
"""


def commands_of(text: str) -> str:
    """What the guide's shell blocks say, in order."""
    return "\n".join(_BLOCK.findall(text))


def walk(
    text: str, folder: Path, *, url: str, settings: Mapping[str, str], instead: Mapping[str, str]
) -> str:
    """What the guide's commands print in `folder`. Fails with it when one of them fails.

    `instead` maps what the guide says to what stands for it here: an id of its example
    to one that exists. Each key must occur, so that none outlives its command.
    """
    script = commands_of(text)
    for said, here in instead.items():
        assert said in script, f"the guide does not say {said!r} any more"
        script = script.replace(said, here)
    _furnish(folder)
    done = subprocess.run(
        ["bash", "-euxc", script.replace(_FRONT_DOOR, url)],
        cwd=folder,
        env=dict(settings) | {"PATH": f"{folder / 'bin'}:{os.defpath}", "HOME": str(folder)},
        input="y\n" * 20,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    trace = "\n".join(done.stderr.splitlines()[-20:])
    assert done.returncode == 0, f"{trace}\n{done.stdout[-3000:]}"
    return done.stdout


def _furnish(folder: Path) -> None:
    """`tandem` as it is installed, also on the PATH, and a curl that a refusal ends."""
    curl = shutil.which("curl")
    assert curl is not None, "no curl here; install it (Debian: apt-get install curl)"
    for program, text in {
        ".venv/bin/tandem": _TANDEM.format(python=sys.executable),
        "bin/tandem": _TANDEM.format(python=sys.executable),
        "bin/curl": _CURL.format(curl=curl),
    }.items():
        path = folder / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

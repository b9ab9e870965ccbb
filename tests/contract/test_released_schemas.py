"""No change breaks a released event type, whatever versions lie between (full-transitive)."""

import json
import subprocess
from pathlib import Path

import pytest

from events.schemas import SCHEMAS_FOLDER, breaking_changes

ROOT = Path(__file__).parents[2]
FOLDER = SCHEMAS_FOLDER.relative_to(ROOT)


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else ""


RELEASES = git("tag", "--list", "v*").split()


@pytest.mark.parametrize("release", RELEASES)
def test_a_release_can_be_read_and_written_by_this_version(release: str) -> None:
    broken = []
    for name in git("ls-tree", "-r", "--name-only", release, "--", str(FOLDER)).split():
        if not (ROOT / name).exists():
            broken.append(f"{name} was removed")
            continue
        released = json.loads(git("show", f"{release}:{name}"))
        present = json.loads((ROOT / name).read_bytes())
        broken += [f"{name}: {change}" for change in breaking_changes(released, present)]

    assert broken == [], "give the type a new major version instead"

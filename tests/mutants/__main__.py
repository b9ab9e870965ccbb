"""`make mutants`: take out one guard after the other, and see that the test named for it fails.

It works on a copy of the working tree. A mutant that survives, one that no longer applies and a
test that fails without one each make the run fail. ONLY=<words> chooses guards by their words.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from local.settings import inherited_environment
from mutants.guards import MUTANTS, Mutant
from mutants.report import Finding, write

ROOT: Final = Path(__file__).parents[2]
REPORT: Final = ROOT / "docs" / "mutants.md"
SOURCES: Final = ("libs/*/src", "services/*/src", "cli/src", "deploy/local/src")
TEST_SECONDS: Final = 300
PASSED, FAILED = 0, 1
"""pytest's exit codes; everything else is neither."""
Verdict = Literal["killed", "survived", "broken"]


class DoesNotApply(Exception):
    """The text of a mutant is not what stands in the product."""


def mutated(source: str, mutant: Mutant) -> str:
    """The source without the guard. Raises DoesNotApply."""
    found = source.count(mutant.text)
    if found != 1:
        raise DoesNotApply(
            f"{mutant.file} has {found} times what makes the guard {mutant.guard!r}; "
            "write into tests/mutants/guards what it is now"
        )
    return source.replace(mutant.text, mutant.replacement)


def copy_tree(to: Path) -> None:
    """All files of the working tree, with what is not committed, without what is ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def run_tests(tree: Path, tests: Sequence[str], *, log: Path) -> int:
    """pytest's exit code, with the packages of the copy in place of the installed ones."""
    sources = [str(folder) for pattern in SOURCES for folder in sorted(tree.glob(pattern))]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    with log.open("ab") as output:
        return subprocess.run(
            command,
            cwd=tree,
            env=inherited_environment() | {"PYTHONPATH": os.pathsep.join(sources)},
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=TEST_SECONDS * len(tests),
            check=False,
        ).returncode


def attack(tree: Path, mutant: Mutant, *, log: Path) -> Finding:
    """Take the guard out, run its test, put it back."""
    file = tree / mutant.file
    source = file.read_text(encoding="utf-8")
    file.write_text(mutated(source, mutant), encoding="utf-8")
    began = time.monotonic()
    try:
        code = run_tests(tree, [mutant.test], log=log)
    finally:
        file.write_text(source, encoding="utf-8")
    verdicts: dict[int, Verdict] = {FAILED: "killed", PASSED: "survived"}
    return Finding(mutant, verdicts.get(code, "broken"), time.monotonic() - began)


def main() -> int:
    words = inherited_environment().get("ONLY", "").lower()
    chosen = [mutant for mutant in MUTANTS if words in mutant.guard.lower()]
    if not chosen:
        print(f"no guard has the words {words!r}; docs/mutants.md lists them", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree, log = Path(folder) / "tree", Path(folder) / "tests.log"
        copy_tree(tree)
        print(f"{len(chosen)} mutants; first their tests without any of them", flush=True)
        for mutant in chosen:
            mutated((tree / mutant.file).read_text(encoding="utf-8"), mutant)
        if run_tests(tree, sorted({mutant.test for mutant in chosen}), log=log) != PASSED:
            print(log.read_text(encoding="utf-8", errors="replace")[-4_000:])
            print("the tests fail without a mutant: nothing can be learnt from them")
            return 1
        findings = []
        for mutant in chosen:
            findings.append(attack(tree, mutant, log=log))
            print(findings[-1].line, flush=True)
    if not words:
        write(REPORT, findings)
    return 0 if all(finding.verdict == "killed" for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())

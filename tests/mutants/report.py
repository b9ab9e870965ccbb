"""What became of the mutants, for docs/mutants.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from generated_page import write_page
from mutants.guards import Mutant

HEAD: Final = """\
# Guards and the tests that miss them

Written by `make mutants`, which takes each guard of the event path out of a copy of the product
and runs the test named here. It has to fail; a guard that no test misses is not proven.

| guard | taken out of | the test that fails | seconds | |
|---|---|---|---:|---|
"""


@dataclass(frozen=True)
class Finding:
    """`broken`: the test could not even be run, so it says nothing."""

    mutant: Mutant
    verdict: Literal["killed", "survived", "broken"]
    seconds: float

    @property
    def line(self) -> str:
        return f"{self.verdict:8} {self.seconds:5.1f} s  {self.mutant.guard}"

    @property
    def row(self) -> str:
        file = self.mutant.file.rpartition("/src/")[2]
        test = self.mutant.test.rpartition("::")[2].partition("[")[0]
        test = test.removeprefix("test_").replace("_", " ")
        cells = [self.mutant.guard, f"`{file}`", test, f"{self.seconds:.0f}", self.verdict]
        return f"| {' | '.join(cells)} |\n"


def write(file: Path, findings: Sequence[Finding]) -> None:
    write_page(file, HEAD + "".join(finding.row for finding in findings))

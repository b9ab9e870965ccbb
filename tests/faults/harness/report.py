"""The report: what was done to which row under which seed, and how long recovery took.

Many seeds take hours, so results are kept, a line of JSON each, and a later sitting adds to them.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from faults.harness.ledger import Ledger
from faults.harness.nemesis import names_of
from generated_page import write_page


@dataclass
class Result:
    """One run of one row."""

    row: str
    log: str
    seed: int
    node: str = ""
    """By which pytest knows it: row, log, seed and whatever else it is told."""
    commit: str = ""
    outcome: Literal["exact", "failed"] = "failed"
    faults: str = ""
    acknowledged: int = 0
    unknown: int = 0
    unknown_done: int = 0
    """Those of the unknown that had been done after all."""
    records: int = 0
    copies: int = 0
    late: int = 0
    """Copies that came after a newer event of the same subject."""
    recovered_seconds: list[float] = field(default_factory=list)
    seen: dict[str, Any] = field(default_factory=dict)
    """What else a row has to tell, by name."""

    def count(self, ledger: Ledger, *, faults: Sequence[str]) -> None:
        self.acknowledged = ledger.count("acknowledged")
        self.unknown = ledger.count("unknown")
        self.faults = names_of(faults)

    @property
    def line(self) -> str:
        """For the terminal."""
        recovered = ", ".join(f"{seconds:.1f} s" for seconds in self.recovered_seconds)
        told = "".join(f"; {name} {value}" for name, value in self.seen.items())
        return (
            f"{self.outcome}: {self.row} [{self.log}] seed {self.seed}; {self.faults}; "
            f"{self.acknowledged} acknowledged, {self.unknown} unknown "
            f"({self.unknown_done} of them done); {self.records} records, "
            f"{self.copies} copies ({self.late} late); recovered after {recovered or '-'}{told}"
        )


def text_of(result: Result) -> str:
    """A line by which it is kept, or sent to another process."""
    return json.dumps(asdict(result), default=str)


def keep(file: Path, result: Result) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(f"{text_of(result)}\n")


def kept(file: Path) -> list[Result]:
    """The results of this sitting and of earlier ones."""
    if not file.exists():
        return []
    return [Result(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


MANY = 3
HEAD = """\
# Faults

Written by `make faults REPEAT=<rounds>`; what the rows are: `tests/faults/README.md`. *Recovered*
is the time from the end of the fault until an order that was paid after it is counted in its KPI,
under load: the median and the longest. *Copies* are records that came on the log twice, which
consumers have to drop.

| row | log | exact | acknowledged | unknown | of these done | records | copies | recovered | max |
|---|---|---|---|---|---|---|---|---|---|
"""


def write(path: Path, results: Sequence[Result], *, machine: str) -> None:
    """One line for each row and log, then seeds, commits and machine, then what failed."""
    lines = [HEAD]
    keys = dict.fromkeys((result.row, result.log) for result in results)
    rows = [[one for one in results if (one.row, one.log) == key] for key in keys]
    lines += [_line(row) for row in rows]
    seeds = sorted({result.seed for result in results})
    lines.append(f"\nSeeds: {', '.join(map(str, seeds))}.\n")
    commits = Counter(result.commit for result in results)
    runs = ", ".join(f"{commit} ({count} runs)" for commit, count in commits.items())
    lines.append(f"\nCommits: {runs}.\n\nMachine: {machine}.\n")
    if told := [line for row in rows for line in _told(row)]:
        lines += ["\n## Seen\n\n", *told]
    failed = [result for result in results if result.outcome != "exact"]
    if failed:
        lines.append("\n## Not exact\n\n")
        lines += [f"- {result.line}\n" for result in failed]
    write_page(path, "".join(lines))


def _told(results: Sequence[Result]) -> Iterator[str]:
    """What its runs saw beside the numbers of the table; of many numbers the least and the most."""
    for name in dict.fromkeys(name for result in results for name in result.seen):
        values = list(dict.fromkeys(str(r.seen[name]) for r in results if name in r.seen))
        if len(values) > MANY and all(value.isdecimal() for value in values):
            values = [" to ".join((min(values, key=int), max(values, key=int)))]
        yield f"- {results[0].row} [{results[0].log}]: {name}: {', '.join(values)}\n"


def _line(results: Sequence[Result]) -> str:
    exact = sum(result.outcome == "exact" for result in results)
    recovered = sorted(seconds for result in results for seconds in result.recovered_seconds)
    p50 = f"{recovered[math.ceil(len(recovered) / 2) - 1]:.1f} s" if recovered else "-"
    longest = f"{recovered[-1]:.1f} s" if recovered else "-"
    sums = [
        sum(getattr(result, name) for result in results)
        for name in ("acknowledged", "unknown", "unknown_done", "records", "copies")
    ]
    numbers = " | ".join(map(str, sums))
    row, log = results[0].row, results[0].log
    return f"| {row} | {log} | {exact} of {len(results)} | {numbers} | {p50} | {longest} |\n"

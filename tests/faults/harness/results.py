"""What rows came to, on the way from where they ran to the file, the report and the terminal.

A row may run in a worker of pytest-xdist. Its result travels with pytest's own report of the test,
and one process alone writes it down.
"""

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil
import pytest

from faults.harness import report
from faults.harness.report import Result, text_of

PROPERTY: Final = "result"
MACHINE: Final = (
    f"{psutil.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"
)


def send(item: pytest.Item, result: Result) -> None:
    """Let the result travel with what pytest reports of the test next."""
    item.user_properties.append((PROPERTY, text_of(result)))


def received(properties: Sequence[tuple[str, object]]) -> list[Result]:
    return [Result(**json.loads(str(sent))) for name, sent in properties if name == PROPERTY]


class Results:
    """A plugin of the process that pytest was started as.

    With a `page`, each result is kept in `file` as it comes, and the page written anew.
    """

    def __init__(self, *, file: Path, page: Path | None) -> None:
        self._file = file
        self._page = page
        self._results: list[Result] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            for result in received(report.user_properties):
                self._results.append(result)
                self._keep(result)

    def _keep(self, result: Result) -> None:
        if self._page is not None:
            report.keep(self._file, result)
            report.write(self._page, report.kept(self._file), machine=MACHINE)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._results:
            terminalreporter.section("faults")
        for result in self._results:
            terminalreporter.line(result.line)

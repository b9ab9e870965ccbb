"""A progress bar that tells how many rows a second go and how long it will still take."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class StepProgress:
    """Shows the steps of a run one under the other."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
        )
        self._step = self._bars.add_task("", visible=False, note="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def step_begun(self, collection: str, rows: int) -> None:
        """A step is about to send so many rows."""
        self._step = self._bars.add_task(collection, total=rows, note="")

    def rows_done(self, rows: int) -> None:
        """So many more rows of the step are settled."""
        self._bars.update(self._step, advance=rows, note="")

    def waiting(self, reason: str) -> None:
        """The run waits and tries again."""
        self._bars.update(self._step, note=reason)

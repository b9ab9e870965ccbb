"""Carries out a mapping: reads its files step by step and sends their rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from tandem.importing.mapping import Mapping
from tandem.importing.rows import prepare, written_rows
from tandem.importing.sender import Sender, Tally
from tandem.importing.table import read_table


@dataclass(frozen=True)
class Run:
    """One import of a mapping from a folder."""

    sender: Sender
    mapping: Mapping
    folder: Path

    def steps(self) -> Iterator[Tally]:
        """Carry out the steps in order, yielding each one's tally when it is finished.

        Raises FileUnusable, GatewayRefused (never for a single row), GatewayUnreachable.
        """
        zone = ZoneInfo(self.mapping.time_zone)
        for step in self.mapping.steps:
            if step.file is None:
                yield self.sender.send(step.collection, written_rows(step), [])
                continue
            table = read_table(
                self.folder / step.file, delimiter=step.delimiter, encoding=step.encoding
            )
            rows, refusals = prepare(step, table, zone=zone, ids=self.sender.ids)
            yield self.sender.send(step.collection, rows, refusals)

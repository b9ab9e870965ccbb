"""Carries out a mapping: reads its files step by step and sends what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from tandem.importing.event_sender import EventSender
from tandem.importing.mapping import CollectionStep, EventStep, Mapping
from tandem.importing.partner_events import prepare_events
from tandem.importing.patience import PatientGateway
from tandem.importing.rows import prepare, written_rows
from tandem.importing.sender import Sender, Tally
from tandem.importing.table import Table, read_table
from tandem.importing.values import Reader


@dataclass(frozen=True)
class Run:
    """One import of a mapping from a folder."""

    mapping: Mapping
    folder: Path
    sender: Sender
    event_sender: EventSender

    @classmethod
    def of(
        cls, mapping: Mapping, folder: Path, *, gateway: PatientGateway, dry: bool = False
    ) -> Run:
        return cls(mapping, folder, Sender(gateway, dry=dry), EventSender(gateway, dry=dry))

    def steps(self) -> Iterator[Tally]:
        """Carry out the steps in order, yielding each one's tally when it is finished.

        Raises FileUnusable, GatewayRefused (never for a single row), GatewayUnreachable.
        """
        for step in self.mapping.steps:
            yield self._events(step) if isinstance(step, EventStep) else self._rows(step)

    def _rows(self, step: CollectionStep) -> Tally:
        if step.file is None:
            return self.sender.send(step.collection, written_rows(step), [])
        rows, refusals = prepare(step, self._table(step, step.file), self._reader)
        return self.sender.send(step.collection, rows, refusals)

    def _events(self, step: EventStep) -> Tally:
        assert self.mapping.source is not None
        events, refusals = prepare_events(
            step,
            self._table(step, step.file),
            self._reader,
            source=self.mapping.source,
            terms=self.event_sender.terms,
        )
        return self.event_sender.send(step.event, events, refusals)

    def _table(self, step: CollectionStep | EventStep, file: str) -> Table:
        return read_table(self.folder / file, delimiter=step.delimiter, encoding=step.encoding)

    @property
    def _reader(self) -> Reader:
        return Reader(ZoneInfo(self.mapping.time_zone), self.sender.ids)

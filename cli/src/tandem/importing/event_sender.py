"""Sends partners' events to the gateway's door, in batches that may be sent again.

Invariant: an event is known by its id, so that a batch whose answer was lost, or a
whole run after a kill, is answered `duplicate` and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from events.partners import Terms
from tandem.client import GatewayRefused
from tandem.importing.patience import PatientGateway
from tandem.importing.rows import Prepared
from tandem.importing.sender import Tally, refusals_of
from tandem.importing.table import Refusal

BATCH_EVENTS: Final = 100
"""More in a request are hardly cheaper, and the more of them come again after a cut."""
_BATCH: Final = "application/cloudevents-batch+json"
_NOBODYS_FAULT: Final = "source"
"""Field of a refusal that holds for the whole run: the token does not speak for the source."""


@dataclass(frozen=True)
class EventSender:
    """Sends events of one type after another; a dry one only counts those that are valid."""

    gateway: PatientGateway
    dry: bool = False

    @cached_property
    def _limits(self) -> dict[str, Any]:
        limits: dict[str, Any] = self.gateway.get("/v1/events/limits")
        return limits

    @property
    def terms(self) -> Terms:
        """On which terms the gateway takes events now."""
        limits = self._limits
        return Terms(
            events=limits["events_per_request"],
            event_bytes=limits["event_bytes"],
            levels=limits["levels"],
            extensions=limits["extensions"],
            not_before=datetime.fromisoformat(limits["not_before"]),
            not_after=datetime.fromisoformat(limits["not_after"]),
        )

    def send(self, name: str, events: Sequence[Prepared], refusals: list[Refusal]) -> Tally:
        """Send events in their order; `refusals` are of the rows that made none.

        Raises GatewayRefused (never for a single event), GatewayUnreachable.
        """
        tally = Tally(name, refusals=refusals)
        self.gateway.progress.step_begun(name, len(events))
        if self.dry:
            tally.created = len(events)
            self.gateway.progress.rows_done(len(events))
            return tally
        for batch in self._batches(events):
            self._settle(tally, batch)
            self.gateway.progress.rows_done(len(batch))
        return tally

    def _batches(self, events: Sequence[Prepared]) -> Iterator[list[Prepared]]:
        most = min(BATCH_EVENTS, self._limits["events_per_request"])
        batch: list[Prepared] = []
        size = 0
        for event in events:
            length = len(json.dumps(event.body)) + 2
            if batch and (len(batch) == most or size + length > self._limits["request_bytes"]):
                yield batch
                batch, size = [], 0
            batch.append(event)
            size += length
        if batch:
            yield batch

    def _settle(self, tally: Tally, batch: list[Prepared]) -> None:
        answer = self.gateway.post(
            "/v1/events",
            [event.body for event in batch],
            until=self.gateway.deadline(),
            content_type=_BATCH,
        )
        for event, result in zip(batch, answer["results"], strict=True):
            match result["status"]:
                case "accepted" if result.get("replaces"):
                    tally.updated += 1
                case "accepted":
                    tally.created += 1
                case "duplicate":
                    tally.unchanged += 1
                case _:
                    _raise_if_all_will_fail(result["problem"])
                    tally.refusals += refusals_of(event, result["problem"])


def _raise_if_all_will_fail(problem: dict[str, Any]) -> None:
    if any(error.get("field") == _NOBODYS_FAULT for error in problem.get("errors", [])):
        raise GatewayRefused(403, problem)

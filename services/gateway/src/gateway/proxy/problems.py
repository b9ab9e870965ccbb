"""A failed call to a service as the caller sees it: 502, 503 or 504, and when to come back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi import FastAPI, Request

from chassis.errors import Refusal
from chassis.problems import ProblemResponse, document, members_of
from gateway.proxy.failures import ServiceTooSlow, ServiceUnavailable, ServiceUnreachable

_STATUS: Final[Mapping[type[Refusal], int]] = {
    ServiceUnreachable: 502,
    ServiceUnavailable: 503,
    ServiceTooSlow: 504,
}


def install(app: FastAPI) -> None:
    """Answer failed calls with their status; the chassis knows only its own families."""
    for family in _STATUS:
        app.add_exception_handler(family, _on_failure)


async def _on_failure(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, Refusal)
    headers = {"Retry-After": str(error.members["retry_after"])}
    return document(_STATUS[type(error)], members_of(error), headers=headers)

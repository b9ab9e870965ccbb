"""The merged document as last made, encoded; remade as services come and change."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from chassis.errors import Refusal
from chassis.resources import Resources
from events.waiting import is_set_within
from gateway.openapi.merge import Document, merge
from gateway.proxy.transport import Call
from gateway.proxy.upstream import Upstream
from gateway.routes import OF_SERVICES

log = logging.getLogger(__name__)

_DESCRIPTION: Final = (
    "The front door of Tandem: customers, deals, projects and their figures."
    " Every answer that is not a success is a problem document (RFC 9457)."
)
_UNTIL_COMPLETE_SECONDS: Final = 1.0
_ONCE_COMPLETE_SECONDS: Final = 300.0


def etag_of(body: bytes) -> str:
    """A strong entity tag of the content."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


class ApiDocument:
    """Asks each service for its description; a service that is away leaves its last one."""

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self._upstreams = upstreams
        self._services: dict[str, Document] = {}
        self.own: Document = {}
        """The gateway's own routes, before the services' are merged in."""
        self.merged: Document = {}
        self.body = b""
        self.etag = ""

    @property
    def is_complete(self) -> bool:
        """Whether every service has described itself."""
        return len(self._services) == len(self._upstreams)

    def describe(self, own: Document) -> None:
        """Take the description of the gateway's own routes."""
        info = {**own["info"], "title": "Tandem", "description": _DESCRIPTION}
        self.own = {**own, "info": info}
        self._encode()

    async def keep_current(self, resources: Resources) -> None:
        """Background task: ask often until all services have answered, then now and then."""
        while not resources.stopping.is_set():
            await self.refresh()
            pause = _ONCE_COMPLETE_SECONDS if self.is_complete else _UNTIL_COMPLETE_SECONDS
            await is_set_within(resources.stopping, pause)

    async def refresh(self) -> None:
        """Ask all services once."""
        await asyncio.gather(*(self._ask(name) for name in self._upstreams))
        self._encode()

    async def _ask(self, name: str) -> None:
        try:
            answer = await self._upstreams[name].call(
                Call(method="GET", target=b"/openapi.json"), seconds=5.0
            )
            found = msgspec.json.decode(answer.body, type=dict[str, Any])
        except (Refusal, msgspec.DecodeError):
            return
        if answer.status == 200 and isinstance(found.get("paths"), dict):
            self._services[name] = found

    def _encode(self) -> None:
        document = merge(self.own, self._services, OF_SERVICES)
        if missing := sorted(set(self._upstreams) - set(self._services)):
            document["info"]["x-missing-services"] = missing
        self.merged = document
        self.body = msgspec.json.encode(document)
        self.etag = etag_of(self.body)

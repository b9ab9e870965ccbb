"""The background task that keeps the door of partners' topics open."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chassis.resources import Resources
from events import open_log
from events.topics import read_declaration
from gateway.partner_topics.consuming import Door, PartnerTopic
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.parts import Parts


async def take_from_topics(parts: Parts, resources: Resources) -> None:
    """One loop for each partner of the declaration; none without a declaration."""
    settings = resources.settings
    assert isinstance(settings, Settings)
    partners = read_declaration(settings.topics_file).partners if settings.topics_file else {}
    if not partners:
        await resources.stopping.wait()
        return
    async with open_log(settings.event_log) as log, asyncio.TaskGroup() as loops:
        door = Door(log, resources, parts.terms, parts.outbox_depth, parts.telemetry)
        for name, partner in partners.items():
            loop = PartnerTopic(door, name, partner)
            loops.create_task(loop.run(), name=f"partner {name}")

"""Topics as declared in deploy/kafka/topics.yaml, and bringing a log in line with them.

Invariant: applying creates, and never shrinks, empties or deletes. It grows only what is
still empty: a topic with records grows by `events.growing`, which keeps the order of keys.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import msgspec

from events.errors import EventsError
from events.log import Log, TopicState, open_log

Retention = Annotated[str, msgspec.Meta(pattern=r"^(forever|[1-9]\d*[dhm])$")]
PARTNER_RECORD_BYTES: Final = 512 * 1024
"""Twice the largest event: the envelope, and a few events in one batch, have room."""
_UNIT_SECONDS: Final = {"d": 86_400, "h": 3_600, "m": 60}


class DeadLetterTopic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    partitions: Annotated[int, msgspec.Meta(ge=1)]
    retention: Retention


class Topic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One topic as declared; `key` says in words what its records are keyed by."""

    owner: str
    key: str
    partitions: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    retention: Retention
    dlq: bool
    description: str


PartnerName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class Partner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A partner that publishes to the log itself, to `partner.<name>`.

    What is refused comes back to it on `partner.<name>.rejects`.
    """

    sources: Annotated[list[Annotated[str, msgspec.Meta(min_length=1)]], msgspec.Meta(min_length=1)]
    partitions: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    retention: Retention = "7d"


def partner_topic(name: str) -> str:
    """Where a partner publishes."""
    return f"partner.{name}"


def rejects_topic(name: str) -> str:
    """Where it reads what was refused, and why."""
    return f"partner.{name}.rejects"


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    topics: dict[str, Topic]
    dlq: DeadLetterTopic
    partners: dict[PartnerName, Partner] = {}

    def states(self) -> list[TopicState]:
        """All topics that must exist, the dead-letter ones included."""
        wanted = []
        for name, topic in self.topics.items():
            wanted.append(TopicState(name, topic.partitions, _seconds(topic.retention)))
            if topic.dlq:
                letters = TopicState(
                    f"{name}-dlq", self.dlq.partitions, _seconds(self.dlq.retention)
                )
                wanted.append(letters)
        for name, partner in self.partners.items():
            kept = _seconds(partner.retention)
            own = TopicState(partner_topic(name), partner.partitions, kept, PARTNER_RECORD_BYTES)
            rejects = TopicState(rejects_topic(name), 1, _seconds(self.dlq.retention))
            wanted += [own, rejects]
        return wanted


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What an application did, and what differs that it must not mend by itself."""

    created: list[str] = []
    grown: list[str] = []
    unchanged: list[str] = []
    drift: list[str] = []
    """One sentence each."""


class InvalidDeclaration(EventsError):
    """The file of topics cannot be used."""


def read_declaration(path: Path) -> Declaration:
    """The declared topics. Raises InvalidDeclaration."""
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=Declaration)
    except (msgspec.DecodeError, OSError) as error:
        raise InvalidDeclaration(
            f"{path}: {error}", hint="see its first lines for the fields"
        ) from error


async def apply(log_url: str, path: Path) -> Applied:
    """Make the topics of the file on the log; can be repeated at any time.

    Raises InvalidDeclaration, LogUnavailable.
    """
    async with open_log(log_url) as log:
        return await apply_to(log, read_declaration(path))


async def apply_to(log: Log, declaration: Declaration) -> Applied:
    """The same on an open log."""
    present, applied = await log.topics(), Applied()
    for wanted in declaration.states():
        found = present.get(wanted.name)
        if found is None:
            await log.create_topic(wanted)
            applied.created.append(wanted.name)
        elif found.partitions < wanted.partitions and await _is_empty(log, wanted.name):
            await log.grow_topic(wanted.name, partitions=wanted.partitions)
            applied.grown.append(wanted.name)
            continue
        else:
            applied.unchanged.append(wanted.name)
        if found is not None:
            applied.drift.extend(_drift(found, wanted))
    declared = {wanted.name for wanted in declaration.states()}
    applied.drift.extend(
        f"topic {name} is on the log but not declared" for name in sorted(present.keys() - declared)
    )
    return applied


async def _is_empty(log: Log, topic: str) -> bool:
    return not any((await log.ends(await log.partitions([topic]))).values())


def _drift(found: TopicState, wanted: TopicState) -> list[str]:
    drift = []
    if found.partitions > wanted.partitions:
        drift.append(
            f"topic {found.name} has {found.partitions} partitions, declared {wanted.partitions};"
            " partitions are never taken away"
        )
    if found.partitions < wanted.partitions:
        drift.append(
            f"topic {found.name} has {found.partitions} partitions, declared {wanted.partitions};"
            f" tandem topics grow {found.name}"
        )
    if found.retention_seconds != wanted.retention_seconds:
        drift.append(
            f"topic {found.name} keeps {_words(found.retention_seconds)},"
            f" declared is {_words(wanted.retention_seconds)}; change it by hand"
        )
    return drift


def _seconds(retention: str) -> int | None:
    if retention == "forever":
        return None
    return int(retention[:-1]) * _UNIT_SECONDS[retention[-1]]


def _words(seconds: int | None) -> str:
    if seconds is None:
        return "everything"
    days = re.sub(r"\.0$", "", f"{seconds / 86_400:.1f}")
    return f"{days} days"

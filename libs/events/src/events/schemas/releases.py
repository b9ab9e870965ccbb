"""Released contracts: what stands on logs out there, and what today's classes must still fit.

Invariant: a release is never edited. Each file holds only the types that are new or
changed since the release before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from events.errors import EventsError
from events.schemas.compatibility import Breach, Rule, breaches
from events.schemas.generate import PACKAGE_FOLDER, schema_of
from events.schemas.layout import laid_out
from events.schemas.probe import key_of
from events.schemas.sealed import add_sealed, read_sealed
from events.types import EVENT_TYPES, EventData

RELEASES_FOLDER: Final = PACKAGE_FOLDER / "releases"
_WORDS: Final = frozenset(("title", "description"))


class ReleaseRefused(EventsError):
    """The present contracts cannot become a release."""


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """What is promised about one event type, without the words."""

    topic: str
    key: str
    """The subject of a probe whose texts are the paths of their fields."""
    from_partners: bool
    data: dict[str, Any]
    """JSON Schema; its definitions are those of its release."""


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """The contracts that came with a version."""

    version: str
    types: dict[str, Contract]
    definitions: dict[str, Any]

    def schema(self, wire_type: str) -> dict[str, Any]:
        """The whole schema of a type's data."""
        return {**self.types[wire_type].data, "$defs": self.definitions}


def contract_of(cls: type[EventData]) -> Contract:
    """What a class promises today; its definitions stand in `data`."""
    schema = _without_words(schema_of(cls))
    return Contract(
        topic=cls.topic,
        key=key_of(cls, schema),
        from_partners=cls.from_partners,
        data={name: value for name, value in schema.items() if name[0] not in "$x"}
        | {"$defs": schema["$defs"]},
    )


def contracts_of(types: Mapping[str, type[EventData]] = EVENT_TYPES) -> dict[str, Contract]:
    """What today's classes promise, by wire type."""
    return {wire_type: contract_of(cls) for wire_type, cls in sorted(types.items())}


def read_releases(folder: Path = RELEASES_FOLDER) -> list[Release]:
    """All releases, the oldest first. Raises SealBroken when one was edited."""
    releases = [msgspec.json.decode(text, type=Release) for text in read_sealed(folder).values()]
    return sorted(releases, key=lambda release: _order(release.version))


def breaches_of_releases(
    releases: Iterable[Release], present: Mapping[str, Contract]
) -> Iterator[str]:
    """What of today breaks any release: one sentence each, with type, field, rule and mend."""
    for release in releases:
        for wire_type, contract in release.types.items():
            old = msgspec.structs.replace(contract, data=release.schema(wire_type))
            for breach in _breaches(old, present.get(wire_type)):
                yield f"{wire_type} since {release.version}: {breach}"


def _breaches(old: Contract, new: Contract | None) -> Iterator[Breach]:
    if new is None:
        yield Breach("", Rule.TYPE_GONE, "the type is gone")
        return
    if old.topic != new.topic:
        yield Breach("", Rule.TOPIC_CHANGED, f"topic {old.topic} became {new.topic}")
    if old.key != new.key:
        yield Breach("", Rule.KEY_CHANGED, f"key {old.key} became {new.key}")
    if old.from_partners and not new.from_partners:
        yield Breach("", Rule.PARTNERS_REFUSED, "partners may not send it any more")
    yield from breaches(old.data, new.data)


def add_release(
    version: str, present: Mapping[str, Contract], folder: Path = RELEASES_FOLDER
) -> list[str]:
    """Release the present contracts; returns the types that are new or changed.

    Raises ReleaseRefused when they break an earlier release, nothing changed, or
    the version is not a later one.
    """
    releases = read_releases(folder)
    if releases and _order(version) <= _order(releases[-1].version):
        raise ReleaseRefused(
            f"{releases[-1].version} is released already", hint="raise the version of the package"
        )
    if broken := list(breaches_of_releases(releases, present)):
        raise ReleaseRefused("\n".join(broken), hint="give the type a new major version instead")
    latest = {
        wire_type: msgspec.structs.replace(contract, data=_reachable(release, contract))
        for release in releases
        for wire_type, contract in release.types.items()
    }
    changed = {w: c for w, c in present.items() if latest.get(w) != c}
    if not changed:
        raise ReleaseRefused("no contract changed", hint="there is nothing to release")
    content = laid_out(msgspec.to_builtins(_release(version, changed)))
    add_sealed(folder, f"{version}.json", content)
    return sorted(changed)


def _release(version: str, contracts: Mapping[str, Contract]) -> Release:
    definitions: dict[str, Any] = {}
    types = {}
    for wire_type, contract in contracts.items():
        data = dict(contract.data)
        definitions |= data.pop("$defs")
        types[wire_type] = msgspec.structs.replace(contract, data=data)
    return Release(version=version, types=types, definitions=dict(sorted(definitions.items())))


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _reachable(release: Release, contract: Contract) -> dict[str, Any]:
    """The data's schema with only those definitions that it uses, as a class has it."""
    found: dict[str, Any] = {}
    waiting: list[Any] = [contract.data]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found[name] = release.definitions[name]
                waiting.append(found[name])
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return {**contract.data, "$defs": found}


def _without_words(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            name: value if name in {"enum", "const", "default"} else _without_words(value)
            for name, value in node.items()
            if name not in _WORDS or not isinstance(value, str)
        }
    return [_without_words(item) for item in node] if isinstance(node, list) else node

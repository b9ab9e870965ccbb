"""Optimistic concurrency over HTTP: a version as ETag, and changes that name it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Response

from chassis.errors import Invalid, PreconditionFailed, PreconditionRequired

# W/ is let in, since proxies that compress weaken our tags and the version stays the same.
_TAG: Final = re.compile(r'(?:W/)?"([1-9][0-9]{0,9})"', re.ASCII)


class VersionMissing(PreconditionRequired):
    """A change did not say which version it was made from."""

    title = "version missing"


class VersionUnreadable(Invalid):
    """If-Match does not hold an ETag of ours."""

    title = "If-Match not readable"


class StaleVersion(PreconditionFailed):
    """Somebody else changed it since the caller read it."""

    title = "changed by somebody else in the meantime"


@dataclass(frozen=True, slots=True)
class ExpectedVersion:
    """The version that a change was made from; None when the caller did not say."""

    version: int | None

    def check(self, actual: int, *, current: Any = None, changed: Sequence[str] = ()) -> None:
        """Raise StaleVersion unless `actual` is what the caller saw.

        `current` is the present state as it would be answered (a model or JSON
        value), `changed` the names of the fields that differ from the caller's version.
        """
        if self.version is None or self.version == actual:
            return
        raise StaleVersion(
            f"it has version {actual}, your change was made from version {self.version}",
            hint="read it again, look at `changed`, and send your change with the new ETag",
            current=current,
            changed=list(changed),
            version=actual,
        )


def etag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def set_etag(response: Response, version: int) -> None:
    """Let the answer carry its version."""
    response.headers["ETag"] = etag(version)


def _parse(if_match: str) -> int:
    found = _TAG.fullmatch(if_match.strip())
    if found is None:
        raise VersionUnreadable(
            "If-Match does not hold one ETag of ours",
            field="header.if-match",
            hint='send the ETag of your last read as it was, for example If-Match: "3"',
        )
    return int(found[1])


async def _required(
    if_match: Annotated[str | None, Header(description="ETag of the version changed")] = None,
) -> ExpectedVersion:
    if if_match is None:
        raise VersionMissing(
            "the header If-Match is missing",
            hint='read it first, then send its ETag, for example If-Match: "3"',
        )
    return ExpectedVersion(_parse(if_match))


async def _optional(
    if_match: Annotated[str | None, Header(description="ETag of the version changed")] = None,
) -> ExpectedVersion:
    return ExpectedVersion(None if if_match is None else _parse(if_match))


IfMatch = Annotated[ExpectedVersion, Depends(_required)]
OptionalIfMatch = Annotated[ExpectedVersion, Depends(_optional)]

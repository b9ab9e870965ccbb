"""Keyset pages: stable under inserts, with cursors that only we can have written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
from fastapi import Depends, Query, Request

from chassis.cursors import CursorRefused, CursorSeal
from chassis.resources import resources_of
from chassis.types import StrictModel

DEFAULT_LIMIT: Final = 50
LARGEST_LIMIT: Final = 200

T = TypeVar("T")
R = TypeVar("R")
P = TypeVar("P")


class Page(StrictModel, Generic[T]):
    """Part of a list; `next_cursor` is null on the last page."""

    items: list[T]
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    """Which part of a list is asked for."""

    limit: int
    cursor: str | None
    scope: str
    seal: CursorSeal

    def after(self, kind: type[P]) -> P | None:
        """The sort key of the last item of the page before, None on the first page.

        `kind` is the key's type, as `tuple[datetime, str]`. Raises CursorRefused.
        """
        if self.cursor is None:
            return None
        payload = self.seal.unseal(self.cursor, scope=self.scope)
        try:
            return msgspec.json.decode(payload, type=kind)
        except msgspec.MsgspecError:
            # An older release sealed it with another sort key.
            raise CursorRefused from None

    @property
    def fetch(self) -> int:
        """How many rows to read: one more than shown tells whether there is a next page."""
        return self.limit + 1

    def page(
        self, rows: Sequence[R], *, view: Callable[[R], T], key: Callable[[R], Any]
    ) -> "Page[T]":
        """The page of up to `fetch` rows, sorted by `key`."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return Page(
            items=[view(row) for row in shown],
            next_cursor=self.seal.seal(key(shown[-1]), scope=self.scope) if more else None,
        )


async def _page_request(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=LARGEST_LIMIT)] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=2048)] = None,
) -> PageRequest:
    filters = sorted(
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in {"limit", "cursor"}
    )
    return PageRequest(
        limit=limit,
        cursor=cursor,
        scope=msgspec.json.encode([request.url.path, filters]).decode(),
        seal=resources_of(request).cursors,
    )


PageDep = Annotated[PageRequest, Depends(_page_request)]

"""What customers and leads have in common as stored things: a team, a version, a reference.

Invariant: nothing is read here for an actor that belongs to a team the actor
does not see; only `by_refs` looks past that, since a reference is taken even if
its holder is invisible.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, bindparam, or_, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from chassis.errors import NotFound
from chassis.work import Work
from customer.errors import ExternalRefTaken
from customer.store.history import Change, note
from customer.tables import CustomerRow, LeadRow


class Versioned(Protocol):
    """A state with an id and a version that grows by one with each change."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def team(self) -> str | None: ...


_BOOKKEEPING: Final = frozenset({"id", "version", "changed_at"})

R = TypeVar("R", CustomerRow, LeadRow)
S = TypeVar("S", bound=Versioned)


class ScopedStore(Generic[R, S]):
    """Rows of one table as states of one kind, in the actor's unit of work."""

    row_class: ClassVar[Any]
    not_found: ClassVar[type[NotFound]]

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session

    def state_of(self, row: R) -> S:
        raise NotImplementedError

    def values_of(self, state: S) -> dict[str, Any]:
        """The state as column values, named as the API names them."""
        raise NotImplementedError

    async def get(self, subject_id: str) -> S:
        """The visible one with this id. Raises the kind's NotFound."""
        return await self._one(subject_id, lock=False)

    async def lock(self, subject_id: str) -> S:
        """As `get`, and nobody else can change it until this unit of work ends."""
        return await self._one(subject_id, lock=True)

    async def add(self, state: S) -> None:
        """Raises ExternalRefTaken."""
        if not await self.add_all([state]):
            raise await self._taken(self.values_of(state)["external_ref"])

    async def save(self, before: S, after: S) -> None:
        """Put `after` in place of the locked `before`. Raises ExternalRefTaken."""
        if "external_ref" in self._changes(before, after):
            wanted = self.values_of(after)["external_ref"]
            if wanted is not None and await self.by_refs([wanted]):
                raise await self._taken(wanted)
        try:
            await self.save_all([(before, after)])
        except IntegrityError as error:
            # Somebody took the reference since we looked; the transaction is lost anyway.
            raise ExternalRefTaken(
                self.values_of(after)["external_ref"], existing_id=None
            ) from error

    async def add_all(self, states: Sequence[S]) -> set[str]:
        """Insert; answers the ids of those whose reference nobody else has taken.

        Sorted by reference, so that two batches that meet wait for each other
        in one direction only.
        """
        rows = sorted((self.values_of(state) for state in states), key=_reference)
        if not rows:
            return set()
        table = self.row_class.__table__
        statement = (
            insert(table)
            .on_conflict_do_nothing(index_elements=["external_ref"])
            .returning(table.c.id)
        )
        connection = await self._session.connection()
        return set((await connection.execute(statement, rows)).scalars())

    async def save_all(self, pairs: Iterable[tuple[S, S]]) -> None:
        """Put each second state in place of the locked first, and note what changed."""
        rows: list[dict[str, Any]] = []
        changes: list[Change] = []
        for before, after in pairs:
            values = self.values_of(after)
            rows.append({"subject": values.pop("id"), **values})
            fields = self._changes(before, after)
            changes.append(Change(subject_id=after.id, version=after.version, fields=fields))
        if not rows:
            return
        table = self.row_class.__table__
        columns: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "subject"}
        connection = await self._session.connection()
        await connection.execute(
            update(table).where(table.c.id == bindparam("subject")).values(columns), rows
        )
        await note(self._session, changes, actor=self._work.actor.id, at=self._work.now())

    async def by_refs(self, refs: Iterable[str], *, lock: bool = False) -> Mapping[str, S]:
        """The holders of external references, of whatever team, by reference."""
        query = (
            select(self.row_class)
            .where(col(self.row_class.external_ref).in_(sorted(set(refs))))
            .order_by(self.row_class.external_ref)
        )
        rows = await self._session.exec(query.with_for_update() if lock else query)
        return {row.external_ref: self.state_of(row) for row in rows}

    async def by_ids(self, subject_ids: Iterable[str]) -> Mapping[str, S]:
        """Those of the ids that the actor may see."""
        query = select(self.row_class).where(
            col(self.row_class.id).in_(set(subject_ids)), self._visible()
        )
        return {row.id: self.state_of(row) for row in await self._session.exec(query)}

    async def _find(
        self, conditions: Sequence[ColumnElement[bool]], *, after: str | None, limit: int
    ) -> list[S]:
        """The newest first: our ids sort by the time of their making."""
        query = select(self.row_class).where(self._visible(), *conditions)
        if after is not None:
            query = query.where(self.row_class.id < after)
        rows = await self._session.exec(query.order_by(col(self.row_class.id).desc()).limit(limit))
        return [self.state_of(row) for row in rows]

    async def _one(self, subject_id: str, *, lock: bool) -> S:
        query = select(self.row_class).where(self.row_class.id == subject_id, self._visible())
        found = await self._session.exec(query.with_for_update() if lock else query)
        row = found.one_or_none()
        if row is None:
            raise self.not_found(subject_id)
        return self.state_of(row)

    def _changes(self, before: S, after: S) -> list[str]:
        """Names of the fields that differ, as the API calls them."""
        old, new = self.values_of(before), self.values_of(after)
        return [name for name in new if name not in _BOOKKEEPING and new[name] != old[name]]

    def _visible(self) -> ColumnElement[bool]:
        actor = self._work.actor
        if actor.sees_all_teams:
            return true()
        team = col(self.row_class.team)
        return or_(team.is_(None), team.in_(sorted(actor.teams)))

    async def _taken(self, external_ref: str) -> ExternalRefTaken:
        holder = (await self.by_refs([external_ref])).get(external_ref)
        visible = holder is not None and self._work.actor.sees(holder.team)
        return ExternalRefTaken(
            external_ref, existing_id=holder.id if holder is not None and visible else None
        )


def _reference(values: Mapping[str, Any]) -> str:
    return values["external_ref"] or ""

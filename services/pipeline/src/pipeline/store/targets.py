"""Keeps targets: the newest revision of each; the earlier ones are in the events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from sqlmodel import and_, col, func, or_, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession

from events.types.pipeline import MemberScope, ScopeDimension
from pipeline.domain.target import Target, TargetKey
from pipeline.tables import TargetRow

_KEY_COLUMNS: Final = tuple(field.name for field in fields(TargetKey))


def target_of(row: TargetRow) -> Target:
    """The row as the domain knows it."""
    scope: ScopeDimension = row.scope  # type: ignore[assignment]  # written from a TargetKey
    second: MemberScope | None = row.second_scope  # type: ignore[assignment]  # as above
    return Target(
        id=row.id,
        version=row.version,
        key=TargetKey(
            kpi=row.kpi,
            scope=scope,
            scope_value=row.scope_value,
            period=row.period,
            second_scope=second,
            second_scope_value=row.second_scope_value,
        ),
        value=row.value,
        currency=row.currency,
        changed_at=row.changed_at,
        team=row.team,
    )


def add(session: AsyncSession, target: Target, *, external_ref: str | None) -> TargetRow:
    """Keep a new target."""
    row = TargetRow(
        id=target.id,
        version=target.version,
        external_ref=external_ref,
        **asdict(target.key),
        value=target.value,
        currency=target.currency,
        changed_at=target.changed_at,
        team=target.team,
    )
    session.add(row)
    return row


def put(row: TargetRow, target: Target) -> None:
    """Keep a target's next revision."""
    row.version = target.version
    row.value = target.value
    row.currency = target.currency
    row.changed_at = target.changed_at


async def find(session: AsyncSession, target_id: str, *, lock: bool = False) -> TargetRow | None:
    """The target; locked, its newest state."""
    return await session.get(TargetRow, target_id, with_for_update=True if lock else None)


async def take_all(
    session: AsyncSession, keys: Iterable[TargetKey], *, external_refs: Iterable[str] = ()
) -> list[TargetRow]:
    """The targets with one of these keys or external refs, locked."""
    # NULL equals nothing, so what is not named is compared by an empty text.
    wanted = [tuple(getattr(key, name) or "" for name in _KEY_COLUMNS) for key in keys]
    columns = (func.coalesce(getattr(TargetRow, name), "") for name in _KEY_COLUMNS)
    key_columns: Any = tuple_(*columns)
    by_ref = col(TargetRow.external_ref).in_(sorted(external_refs))
    statement = (
        select(TargetRow)
        .where(or_(key_columns.in_(wanted), by_ref))
        .order_by(col(TargetRow.id))
        .with_for_update()
    )
    return list((await session.exec(statement)).all())


async def page_of(
    session: AsyncSession,
    *,
    teams: frozenset[str] | None,
    equal: Mapping[str, str | None],
    named: Iterable[tuple[str | None, str | None]],
    after: str | None,
    limit: int,
) -> Sequence[TargetRow]:
    """Targets whose columns have the given values, in the order of their ids.

    `named` are dimensions and members that have to be among their scopes; None is any.
    """
    wanted = select(TargetRow).order_by(col(TargetRow.id)).limit(limit)
    for name, value in equal.items():
        if value is not None:
            wanted = wanted.where(getattr(TargetRow, name) == value)
    for scope, value in named:
        if scope is not None or value is not None:
            wanted = wanted.where(_one_of_its_scopes(scope, value))
    if teams is not None:
        mine = col(TargetRow.team).in_(sorted(teams))
        wanted = wanted.where(or_(col(TargetRow.team).is_(None), mine))
    if after is not None:
        wanted = wanted.where(col(TargetRow.id) > after)
    return (await session.exec(wanted)).all()


def _one_of_its_scopes(scope: str | None, value: str | None) -> Any:
    """Which of two scopes is kept first means nothing, so both are looked at."""
    asked = [(name, told) for name, told in (("scope", scope), ("scope_value", value)) if told]
    return or_(
        *(
            and_(*(getattr(TargetRow, place + name) == told for name, told in asked))
            for place in ("", "second_")
        )
    )

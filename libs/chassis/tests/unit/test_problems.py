"""Refusals become problem documents; database errors become refusals."""

import asyncio
import json

import asyncpg
import pytest
from sqlalchemy.exc import EmulatedDBAPIException, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from chassis import errors
from chassis.dberrors import refusal_of
from chassis.errors import Conflict, Invalid, Refusal
from chassis.problems import STATUS, kind_of, respond, status_of
from chassis.sessions import Sessions
from chassis.types import StrictModel


class DealAlreadyClosed(Conflict):
    title = "deal already closed"


class View(StrictModel):
    id: str


def test_every_family_has_a_status() -> None:
    families = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
    ]
    assert len(families) >= 11
    for family in families:
        assert 400 <= status_of(family("x")) <= 503
        assert family.__doc__
        assert family.title
    assert set(STATUS) <= set(families)


def test_a_subclass_has_its_familys_status_and_its_own_name() -> None:
    refusal = DealAlreadyClosed("deal d1 is closed", hint="reopen it first", field="stage")
    assert status_of(refusal) == 409
    assert kind_of(refusal) == "urn:tandem:problem:deal-already-closed"
    document = json.loads(bytes(respond(refusal).body))
    assert document["title"] == "deal already closed"
    assert document["errors"] == [
        {"field": "stage", "reason": "deal d1 is closed", "hint": "reopen it first"}
    ]


def test_members_travel_as_json() -> None:
    refusal = Invalid("x", current=View(id="d1"), changed=["a"])
    document = json.loads(bytes(respond(refusal).body))
    assert document["current"] == {"id": "d1"}
    assert document["changed"] == ["a"]


def test_who_may_come_again_is_told_when() -> None:
    answer = respond(errors.TooMany("slow down", retry_after=7))
    assert answer.headers["retry-after"] == "7"
    assert json.loads(bytes(answer.body))["retryable"] is True


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (asyncpg.UniqueViolationError("x"), 409),
        (asyncpg.ForeignKeyViolationError("x"), 409),
        (asyncpg.SerializationError("x"), 409),
        (asyncpg.DeadlockDetectedError("x"), 409),
        (asyncpg.CharacterNotInRepertoireError("x"), 422),
        (asyncpg.NumericValueOutOfRangeError("x"), 422),
        (asyncpg.CannotConnectNowError("x"), 503),
        (asyncpg.ConnectionDoesNotExistError("x"), 503),
        (asyncpg.TooManyConnectionsError("x"), 503),
        (asyncpg.LockNotAvailableError("x"), 503),
        (asyncpg.QueryCanceledError("x"), 503),
        (asyncpg.InterfaceError("connection is closed"), 503),
        (asyncpg.InternalClientError("cannot switch to state 12"), 503),
        (ConnectionRefusedError(), 503),
        (TimeoutError(), 503),
    ],
)
def test_what_the_database_says_is_the_callers_or_the_moments(
    error: Exception, status: int
) -> None:
    refusal = refusal_of(error)
    assert refusal is not None
    assert status_of(refusal) == status
    assert refusal.hint


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UndefinedTableError("x"),
        asyncpg.PostgresSyntaxError("x"),
        asyncpg.DivisionByZeroError("x"),
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        asyncio.CancelledError(),
        KeyError("x"),
    ],
)
def test_what_is_our_own_fault_is_no_refusal(error: BaseException) -> None:
    assert refusal_of(error) is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (IntegrityError("INSERT", {}, asyncpg.UniqueViolationError("x")), "already-exists"),
        (EmulatedDBAPIException("x", ConnectionResetError("gone")), "database-unavailable"),
        (StaleDataError("x"), "concurrent-change"),
        (PoolTimeout("x"), "database-unavailable"),
    ],
)
def test_what_sessions_say_is_understood_as_what_the_driver_says(
    error: Exception, kind: str
) -> None:
    assert isinstance(error, Sessions.errors)  # or no handler of the application would see it
    refusal = Sessions.refusal_of(error)
    assert refusal is not None
    assert kind_of(refusal) == f"urn:tandem:problem:{kind}"


def test_the_drivers_error_is_found_behind_the_adapters() -> None:
    adapted = Exception("adapted")
    adapted.__cause__ = asyncpg.UniqueViolationError("x")
    refusal = Sessions.refusal_of(IntegrityError("INSERT", {}, adapted))
    assert refusal is not None
    assert kind_of(refusal) == "urn:tandem:problem:already-exists"

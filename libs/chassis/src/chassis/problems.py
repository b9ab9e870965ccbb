"""Every refusal and failure as an RFC 9457 problem document; the one table to HTTP status.

Invariant: no document repeats what the caller sent, nor says how we are built.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from chassis import errors, tracing
from chassis.dberrors import refusal_of
from chassis.faults import FieldFault, faults_of

if TYPE_CHECKING:
    from chassis.sessions import Sessions

log = logging.getLogger(__name__)

STATUS: Final[Mapping[type[errors.Refusal], int]] = {
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.Invalid: 422,
    errors.PreconditionRequired: 428,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}
_RETRY_AFTER_SECONDS: Final = "2"
_HINTS: Final = {
    404: "compare the path with /openapi.json",
    405: "the header Allow names the methods of this path",
    408: "send the whole body at once, or less of it in a request",
    413: "send it in several requests",
}


class Problem(BaseModel):
    """An RFC 9457 problem document, as the API describes it. More members may follow."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None
    errors: list[FieldFault] = []
    trace_id: str


class ProblemResponse(JSONResponse):
    """A problem document on its way out."""

    media_type = "application/problem+json"


def status_of(refusal: errors.Refusal) -> int:
    """The HTTP status of a refusal's family."""
    for family in type(refusal).__mro__:
        if family in STATUS:
            return STATUS[family]
    return 500


def kind_of(refusal: errors.Refusal) -> str:
    """The problem's `type`: `DealAlreadyClosed` is `urn:tandem:problem:deal-already-closed`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", type(refusal).__name__)
    return f"urn:tandem:problem:{words.lower()}"


def members_of(refusal: errors.Refusal) -> dict[str, Any]:
    """What a problem says besides status and trace: also the `problem` of an import row."""
    faults = []
    if refusal.field is not None:
        faults.append({"field": refusal.field, "reason": refusal.detail, "hint": refusal.hint})
    extra = {name: _plain(value) for name, value in refusal.members.items()}
    return {
        "type": kind_of(refusal),
        "title": refusal.title,
        "detail": refusal.detail,
        "hint": refusal.hint,
        "errors": faults,
        **({"retryable": True} if refusal.retryable else {}),
        **extra,
    }


def respond(refusal: errors.Refusal) -> ProblemResponse:
    """The answer to a refused request."""
    status = status_of(refusal)
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        headers["Retry-After"] = str(refusal.members.get("retry_after", _RETRY_AFTER_SECONDS))
    return document(status, members_of(refusal), headers=headers)


def document(
    status: int, members: Mapping[str, Any], *, headers: Mapping[str, str] | None = None
) -> ProblemResponse:
    """A problem response with the present trace."""
    return ProblemResponse(
        {**members, "status": status, "trace_id": tracing.current().trace_id},
        status_code=status,
        headers=dict(headers or {}),
    )


def invalid_input(faults: Sequence[FieldFault]) -> ProblemResponse:
    """The answer to input that does not fit its declared types."""
    named = ", ".join(dict.fromkeys(fault.field for fault in faults[:3]))
    return document(
        422,
        {
            "type": "urn:tandem:problem:invalid-input",
            "title": "the input is not valid",
            "detail": f"{len(faults)} fault(s), in {named}",
            "hint": "mend the fields that `errors` names",
            "errors": [fault.model_dump(exclude_none=True) for fault in faults],
        },
    )


def failure() -> ProblemResponse:
    """The answer when we broke; the log has the reason under the same trace id."""
    return document(
        500,
        {
            "type": "urn:tandem:problem:internal",
            "title": "we failed to answer",
            "detail": "something in us broke; nothing was changed",
            "hint": "try again; if it stays, report the trace_id",
            "errors": [],
        },
    )


def install(app: FastAPI, *, sessions: "Sessions | None" = None) -> None:
    """Answer every kind of error of `app`, and of its sessions, with a problem document."""
    app.add_exception_handler(errors.Refusal, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ClientDisconnect, _on_left)
    drivers = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
    for of_driver in (*drivers, OSError):
        app.add_exception_handler(of_driver, _on_database(refusal_of))
    if sessions is not None:
        for of_session in sessions.errors:
            app.add_exception_handler(of_session, _on_database(sessions.refusal_of))


async def _on_refusal(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, errors.Refusal)
    if isinstance(error, errors.ConcurrentChange) and "if-match" in request.headers:
        # It lost the race after its version was checked; to the caller that is the same.
        error = errors.PreconditionFailed(error.detail, hint=error.hint)
    return respond(error)


async def _on_invalid(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)
    if any(fault["type"] == "json_invalid" for fault in error.errors()):
        return respond(errors.Malformed("the body is not JSON", hint="send a JSON document"))
    return invalid_input(faults_of(error.errors()))


async def _on_http(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return respond(
            errors.Malformed(
                "the body cannot be read", hint="send UTF-8 JSON that is not nested deeply"
            )
        )
    phrase = HTTPStatus(error.status_code).phrase.lower()
    members: dict[str, Any] = {
        "type": "about:blank",
        "title": phrase,
        "detail": phrase,
        "hint": _HINTS.get(error.status_code),
        "errors": [],
    }
    return document(error.status_code, members, headers=error.headers)


async def _on_left(_request: Request, _error: Exception) -> ProblemResponse:
    """Nobody reads this answer, but the caller that left was no fault of ours."""
    return respond(errors.Malformed("the body broke off", hint="send the whole body"))


def _on_database(
    refusal_of: Callable[[Exception], errors.Refusal | None],
) -> Callable[[Request, Exception], Awaitable[ProblemResponse]]:
    async def answer(request: Request, error: Exception) -> ProblemResponse:
        refusal = refusal_of(error)
        if refusal is None:
            raise error
        log.warning("database refused: %s", refusal.detail)
        return await _on_refusal(request, refusal)

    return answer


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value

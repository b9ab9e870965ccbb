"""The few families of refusal that domain code raises; it never sees an HTTP status.

Invariant: this module imports nothing of the web, so that domain code may use it.
`chassis.problems` holds the one table from family to status.
"""

from typing import Any, ClassVar


class Refusal(Exception):
    """The request cannot be done, by its own fault or the moment's.

    Subclasses name the condition (`DealAlreadyClosed(Conflict)`). `detail` is a
    lower-case fact, `hint` how to mend it, `field` the input that is to blame
    (dotted path as in the request body). Keyword arguments besides become members
    of the problem document and must be JSON values without personal data.
    """

    title: ClassVar[str] = "the request was refused"
    retryable: ClassVar[bool] = False

    def __init__(
        self, detail: str = "", *, hint: str | None = None, field: str | None = None, **members: Any
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.hint = hint
        self.field = field
        self.members = members


class Invalid(Refusal):
    """What was sent can never be right; the same request will fail again."""

    title = "the request is not valid"


class Malformed(Refusal):
    """The bytes cannot be read at all: not JSON, not UTF-8, a NUL character."""

    title = "the request cannot be read"


class Unauthenticated(Refusal):
    """Nobody we know sent it: the token is missing, expired or not ours."""

    title = "the caller is not known"


class Forbidden(Refusal):
    """The caller is known and may not do this."""

    title = "the caller may not do this"


class NotFound(Refusal):
    """There is no such thing, or the caller may not know of it."""

    title = "not found"


class Conflict(Refusal):
    """It is right in itself, but not in the present state."""

    title = "in conflict with the present state"


class PreconditionFailed(Refusal):
    """The caller's version is stale. Give `current` and `changed` as members."""

    title = "changed by somebody else in the meantime"


class PreconditionRequired(Refusal):
    """A change must name the version that it was made from."""

    title = "the version is missing"


class TooLarge(Refusal):
    """The body is larger than the route takes."""

    title = "the body is too large"


class TooMany(Refusal):
    """The caller asks more often than it may."""

    title = "too many requests"
    retryable = True


class Unavailable(Refusal):
    """A part that we need does not answer; the same request may work later."""

    title = "a part of the system does not answer"
    retryable = True


class ConcurrentChange(Conflict):
    """Two changes of the same thing met; the other one won."""

    title = "changed by somebody else at the same moment"
    retryable = True

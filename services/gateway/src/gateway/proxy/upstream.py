"""A service behind the gateway, guarded: places, deadline, circuit, budgeted retries.

Invariant: a request that may change something is sent at most once.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from gateway.proxy.breaker import Attempt, Breaker, BreakerSettings, CircuitOpen, State
from gateway.proxy.budget import RetryBudget
from gateway.proxy.failures import ServiceTooSlow, ServiceUnavailable, ServiceUnreachable
from gateway.proxy.transport import Answer, Call, ConnectionFailed, Transport

_FAILING_STATUS: Final = frozenset({502, 503, 504})
_MOST_ATTEMPTS: Final = 3
_BACKOFF_SECONDS: Final = 0.05


class UpstreamObserver(Protocol):
    """Where calls, retries and circuit states are counted."""

    def called(self, service: str, outcome: str, seconds: float) -> None:
        """One attempt ended."""
        ...

    def retried(self, service: str, outcome: str) -> None:
        """A retry was made, or refused for lack of budget."""
        ...

    def circuit(self, service: str, state: State) -> None:
        """The circuit's state after a call."""
        ...


@dataclass(frozen=True, kw_only=True)
class Guards:
    """How much one service may cost the others."""

    places: int = 100
    """Calls under way at once; more wait their turn within their deadline."""
    waiting: int = 400
    """Calls that may wait for a place; more are refused at once."""
    deadline_seconds: float = 10.0
    breaker: BreakerSettings = field(default_factory=BreakerSettings)


class Upstream:
    """One service, as the rest of the gateway calls it."""

    def __init__(
        self,
        name: str,
        transport: Transport,
        *,
        guards: Guards,
        observer: UpstreamObserver,
        monotonic: Callable[[], float],
    ) -> None:
        self.name = name
        self._transport = transport
        self._guards = guards
        self._observer = observer
        self._places = asyncio.Semaphore(guards.places)
        self._waiting = 0
        self._monotonic = monotonic
        self._breaker = Breaker(guards.breaker, monotonic)
        self._budget = RetryBudget(monotonic)
        observer.circuit(name, self._breaker.state)  # known before anybody calls

    @property
    def deadline_seconds(self) -> float:
        """How long a call may take unless it says otherwise."""
        return self._guards.deadline_seconds

    async def call(self, call: Call, *, seconds: float | None = None) -> Answer:
        """Send the request and read its answer within `seconds` (default: the service's deadline).

        Raises ServiceUnavailable, ServiceUnreachable or ServiceTooSlow; an answer
        of the service that is an error is an answer.
        """
        self._budget.deposit()
        deadline = asyncio.get_running_loop().time() + (seconds or self._guards.deadline_seconds)
        attempts = 1
        while True:
            failure: ServiceUnreachable | None = None
            answer = None
            try:
                answer = await self._attempt(call, deadline)
                if answer.status not in _FAILING_STATUS:
                    return answer
            except ServiceUnreachable as error:
                failure = error
            pause = random.uniform(0, _BACKOFF_SECONDS * 2**attempts)  # noqa: S311 - full jitter
            if not self._may_retry(call, attempts, deadline - pause):
                break
            await asyncio.sleep(pause)
            attempts += 1
        if answer is not None:
            return answer
        assert failure is not None
        raise failure

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    def _may_retry(self, call: Call, attempts: int, latest_start: float) -> bool:
        if not call.is_idempotent or attempts == _MOST_ATTEMPTS:
            return False
        if asyncio.get_running_loop().time() >= latest_start:
            return False
        allowed = self._budget.withdraw()
        self._observer.retried(self.name, "sent" if allowed else "over_budget")
        return allowed

    async def _attempt(self, call: Call, deadline: float) -> Answer:
        await self._take_place(deadline)
        try:
            attempt = self._admit()
            began = self._monotonic()
            outcome = "abandoned"
            try:
                async with asyncio.timeout_at(deadline):
                    answer = await self._transport.send(call)
                outcome = f"{answer.status // 100}xx"
                if answer.status in _FAILING_STATUS:
                    attempt.failed()
                else:
                    attempt.succeeded()
                return answer
            except TimeoutError:
                outcome = "timeout"
                attempt.failed()
                raise self._too_slow() from None
            except ConnectionFailed as error:
                outcome = "unreachable"
                attempt.failed()
                raise self._unreachable() from error
            finally:
                attempt.abandoned()  # counts only where no outcome was reported: the caller left
                self._observer.called(self.name, outcome, self._monotonic() - began)
                self._observer.circuit(self.name, self._breaker.state)
        finally:
            self._places.release()

    def _admit(self) -> Attempt:
        try:
            return self._breaker.admit()
        except CircuitOpen as error:
            self._observer.called(self.name, "circuit_open", 0.0)
            raise ServiceUnavailable(
                f"the service {self.name} has been failing and is left alone for a moment",
                hint="try again after the time in Retry-After",
                service=self.name,
                retry_after=math.ceil(error.retry_after_seconds),
            ) from None

    async def _take_place(self, deadline: float) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        if self._waiting >= self._guards.waiting:
            raise self._full()
        self._waiting += 1
        try:
            async with asyncio.timeout_at(deadline):
                await self._places.acquire()
        except TimeoutError:
            raise self._full() from None
        finally:
            self._waiting -= 1

    def _full(self) -> ServiceUnavailable:
        self._observer.called(self.name, "no_place", 0.0)
        return ServiceUnavailable(
            f"the service {self.name} has as many calls under way as it may",
            hint="send fewer requests at once, or try again in a second",
            service=self.name,
            retry_after=1,
        )

    def _unreachable(self) -> ServiceUnreachable:
        return ServiceUnreachable(
            f"the service {self.name} could not be reached",
            hint="try again in a moment; if it lasts, see whether the service runs",
            service=self.name,
            retry_after=1,
        )

    def _too_slow(self) -> ServiceTooSlow:
        return ServiceTooSlow(
            f"the service {self.name} did not answer in time",
            hint="a command may still have been done: look before you repeat it",
            service=self.name,
            retry_after=1,
        )

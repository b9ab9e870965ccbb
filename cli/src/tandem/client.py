"""The gateway's public API as the command line uses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx


class CannotAsk(Exception):
    """The address or the token is none, so that no request can be made of it."""


class GatewayUnreachable(Exception):
    """Nothing answers at the gateway's address."""


class GatewayRefused(Exception):
    """The gateway answered with a problem document (RFC 9457)."""

    def __init__(
        self, status: int, problem: Mapping[str, Any], *, retry_after_seconds: float = 0.0
    ) -> None:
        self.status = status
        self.problem = problem
        self.retry_after_seconds = retry_after_seconds
        super().__init__(self.text)

    @property
    def text(self) -> str:
        """The problem in one line: what is wrong, where, and the mend."""
        said = [str(self.problem.get("detail") or self.problem.get("title") or self.status)]
        errors = self.problem.get("errors") or []
        # A problem with one error says it twice: as its detail, and with its field.
        if len(errors) == 1 and errors[0].get("reason") == said[0]:
            said.clear()
        said += [f"{error.get('field')}: {error.get('reason')}" for error in errors]
        if self.problem.get("hint"):
            said.append(str(self.problem["hint"]))
        if self.status >= 500 and self.problem.get("trace_id"):
            said.append(f"trace_id {self.problem['trace_id']}")
        return "; ".join(said)


def segment(name: str) -> str:
    """A name as one segment of a path, whatever it holds."""
    return quote(name, safe="")


def _check(url: str, token: str) -> None:
    try:
        parts = httpx.URL(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.host)
    except httpx.InvalidURL:
        usable = False
    if not usable:
        raise CannotAsk(f"{url!r} is no address of a gateway; write it as http://127.0.0.1:8080")
    if not (token.isascii() and token.isprintable()):
        raise CannotAsk("the token holds characters that no token has; copy it anew, on one line")


class Gateway:
    """A session with the gateway; use it as a context manager. Raises CannotAsk when made."""

    def __init__(self, url: str, token: str, *, timeout_seconds: float = 60.0) -> None:
        _check(url, token)
        self.url = url
        self._client = httpx.Client(
            base_url=url,
            headers={"authorization": f"Bearer {token}"},
            timeout=timeout_seconds,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The body of a 2xx answer. Raises GatewayRefused, GatewayUnreachable."""
        return self._call("GET", path, params=dict(params or {}))

    def get_fresh(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> tuple[Any, str | None]:
        """As `get`, and the watermark: everything recorded before that instant is in the answer."""
        response = self._send("GET", path, params=dict(params or {}))
        return response.json(), response.headers.get("tandem-watermark")

    def post(self, path: str, body: Any, *, content_type: str = "application/json") -> Any:
        """The body of a 2xx answer. Raises GatewayRefused, GatewayUnreachable."""
        return self._call("POST", path, json=body, headers={"content-type": content_type})

    def replace(self, path: str, body: Any, *, version: int) -> Any:
        """PUT a resource anew, as it was at `version` (If-Match)."""
        return self._call("PUT", path, json=body, headers={"if-match": f'"{version}"'})

    def delete(self, path: str) -> None:
        """Raises GatewayRefused, GatewayUnreachable."""
        self._call("DELETE", path)

    def command(self, path: str, body: Any, *, version: int) -> Any:
        """POST a command on the resource as it was at `version` (If-Match)."""
        return self._call("POST", path, json=body, headers={"if-match": f'"{version}"'})

    @contextmanager
    def stream(self, path: str, params: Mapping[str, Any]) -> Iterator[Iterator[str]]:
        """The lines of a 2xx answer as they come. Raises GatewayRefused, GatewayUnreachable."""
        try:
            with self._client.stream("GET", path, params=dict(params), timeout=None) as response:
                if not response.is_success:
                    response.read()
                yield _accepted(response).iter_lines()
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _call(self, method: str, path: str, **options: Any) -> Any:
        response = self._send(method, path, **options)
        return response.json() if response.content else None

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self._client.request(method, path, **options)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        return _accepted(response)

    def _unreachable(self, error: httpx.TransportError) -> GatewayUnreachable:
        return GatewayUnreachable(
            f"no gateway answers at {self.url} ({type(error).__name__}); "
            "start it with `make up`, or say where it is with --url"
        )


def _accepted(response: httpx.Response) -> httpx.Response:
    """The answer if it is a 2xx. Raises GatewayRefused."""
    if response.is_success:
        return response
    try:
        problem = response.json()
    except ValueError:
        problem = {"detail": response.text[:200]}
    wait = response.headers.get("retry-after", "")
    raise GatewayRefused(
        response.status_code,
        problem,
        retry_after_seconds=float(wait) if wait.isdecimal() else 0.0,
    )

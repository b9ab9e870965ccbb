"""What must hold of every route, checked once when the app is built.

Invariants: a route declares who may call it; a query parameter that no route
declares is refused instead of ignored, since a mistyped filter shows too much.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel

from chassis.auth.dependencies import Openness, Requirement
from chassis.auth.gate import READING
from chassis.errors import Invalid
from chassis.faults import printable

_FRAMEWORK_ROUTES: Final = frozenset({"/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"})


class RouteWithoutPermission(Exception):
    """Somebody wrote a route and forgot to say who may call it."""


class UnknownQueryParameter(Invalid):
    """The route does not have this parameter."""

    title = "unknown query parameter"


@dataclass(frozen=True, kw_only=True)
class DeclaredRoute:
    """A route as its declarations describe it."""

    path: str
    methods: frozenset[str]
    permissions: frozenset[str]
    public: bool
    query: frozenset[str] | None
    """Names of its query parameters; None when it passes any on."""


async def any_query() -> None:
    """Dependency of a route that passes its query on to another service."""


def declared_routes(app: FastAPI) -> Mapping[int, DeclaredRoute]:
    """All routes of an app, by identity of the route object that serves them."""
    return {
        id(context.original_route): _declared(context)
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute)
    }


def refuse_undeclared(app: FastAPI) -> None:
    """Raise RouteWithoutPermission unless every route says who may call it."""
    open_ends = [
        f"{' '.join(sorted(route.methods))} {route.path}"
        for route in declared_routes(app).values()
        if not route.permissions and not (route.public and route.methods <= READING)
    ]
    open_ends += [
        f"{context.path} (not an API route)"
        for context in iter_route_contexts(app.routes)
        if not isinstance(context.original_route, APIRoute)
        and context.path not in _FRAMEWORK_ROUTES
    ]
    if open_ends:
        raise RouteWithoutPermission(
            f"no permission declared: {', '.join(open_ends)};"
            ' add dependencies=[require("x:y")], or [public()] if it only reads'
        )


async def refuse_unknown_query(request: Request) -> None:
    """App-wide dependency: every query parameter must be one that the route declares."""
    if not request.url.query:
        return
    table: Mapping[int, DeclaredRoute] = request.app.state.routes
    route = table.get(id(request.scope.get("route")))
    if route is None or route.query is None:
        return
    unknown = [name for name in request.query_params if name not in route.query]
    if unknown:
        raise UnknownQueryParameter(
            f"{printable(unknown[0])} is not a parameter of this route",
            field=f"query.{printable(unknown[0])}",
            hint=f"it has: {', '.join(sorted(route.query)) or 'none'}",
        )


def _declared(context: Any) -> DeclaredRoute:
    nodes = list(_walk(context.dependant))
    calls = [node.call for node in nodes]
    return DeclaredRoute(
        path=context.path,
        methods=frozenset(context.methods or ()),
        permissions=frozenset(call.permission for call in calls if isinstance(call, Requirement)),
        public=any(isinstance(call, Openness) for call in calls),
        query=None if any_query in calls else frozenset(_query_names(nodes)),
    )


def _walk(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for child in dependant.dependencies:
        yield from _walk(child)


def _query_names(nodes: list[Dependant]) -> Iterator[str]:
    for node in nodes:
        for field in node.query_params:
            annotation = field.field_info.annotation
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                # A model as Query() takes each of its fields as a parameter.
                for name, info in annotation.model_fields.items():
                    yield info.alias or name
            else:
                yield field.alias

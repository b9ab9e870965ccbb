"""A route that does not say who may call it cannot be served."""

from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel
from sample.app import create_app
from sample.settings import Settings

from chassis.app import build_app
from chassis.auth import public, require
from chassis.routes import DeclaredRoute, RouteWithoutPermission, any_query


async def nothing() -> None:
    return None


async def plain(_request: Request) -> Response:
    return Response()


def declared(settings: Settings, router: APIRouter) -> dict[str, DeclaredRoute]:
    app = build_app(settings, title="x", routers=[router])
    return {route.path: route for route in app.state.routes.values()}


def test_a_forgotten_permission_is_found_when_the_app_is_built(make_settings: object) -> None:
    router = APIRouter(prefix="/v1/x")
    router.get("/open", dependencies=[public()])(nothing)
    router.post("/forgotten")(nothing)
    with pytest.raises(RouteWithoutPermission, match="POST /v1/x/forgotten"):
        declared(make_settings(), router)  # type: ignore[operator]


def test_a_route_that_changes_something_cannot_be_public(make_settings: object) -> None:
    router = APIRouter()
    router.delete("/x", dependencies=[public()])(nothing)
    with pytest.raises(RouteWithoutPermission, match="DELETE /x"):
        declared(make_settings(), router)  # type: ignore[operator]


def test_a_plain_starlette_route_has_no_permission_either(make_settings: object) -> None:
    router = APIRouter()
    router.add_route("/plain", plain)
    with pytest.raises(RouteWithoutPermission, match="/plain"):
        declared(make_settings(), router)  # type: ignore[operator]


def test_a_router_declares_for_its_routes_also_when_nested(make_settings: object) -> None:
    inner = APIRouter(prefix="/inner")
    inner.get("/{x}")(nothing)
    outer = APIRouter(prefix="/outer", dependencies=[require("deals:read")])
    outer.include_router(inner)
    routes = declared(make_settings(), outer)  # type: ignore[operator]
    assert routes["/outer/inner/{x}"].permissions == frozenset({"deals:read"})


def test_query_parameters_of_models_and_dependencies_are_declared(make_settings: object) -> None:
    class Filters(BaseModel):
        team: str | None = None
        on: str | None = Query(default=None, alias="day")

    async def more(also: int = 0) -> int:
        return also

    async def listing(
        filters: Annotated[Filters, Query()], more: Annotated[int, Depends(more)], own: str = ""
    ) -> None:
        return None

    router = APIRouter(dependencies=[require("deals:read")])
    router.get("/list")(listing)
    router.get("/proxy", dependencies=[Depends(any_query)])(nothing)
    routes = declared(make_settings(), router)  # type: ignore[operator]
    assert routes["/list"].query == frozenset({"team", "day", "also", "own"})
    assert routes["/proxy"].query is None


def test_the_document_shows_the_problems_that_are_answered(make_settings: object) -> None:
    document = create_app(make_settings()).openapi()  # type: ignore[operator]
    responses = document["paths"]["/v1/notes"]["post"]["responses"]
    assert set(responses) == {"201", "default"}
    assert set(responses["default"]["content"]) == {"application/problem+json"}
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert create_app(make_settings()).openapi() == document  # type: ignore[operator]


def test_the_sample_service_declares_everything(make_settings: object) -> None:
    app = create_app(make_settings())  # type: ignore[operator]
    routes: dict[int, DeclaredRoute] = app.state.routes
    assert {route.path for route in routes.values() if route.public} == {
        "/health/live",
        "/health/ready",
    }
    assert {"parked:manage"} in [route.permissions for route in routes.values()]

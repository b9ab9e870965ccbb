"""Every route says who may call it, takes only what it declares, and answers problems."""

from collections.abc import Iterator

from fastapi import FastAPI

from chassis.auth import PERMISSIONS
from chassis.routes import DeclaredRoute

OPEN = {
    "/health/live",
    "/health/ready",
    "/v1/openapi.json",
    "/docs",
    "/docs/page.css",
    "/docs/page.js",
    "/v1/asyncapi.json",
    "/docs/events",
    "/docs/events.js",
}
"""All that a stranger may read; whoever adds to it must say so here."""


def routes(apps: dict[str, FastAPI]) -> Iterator[tuple[str, DeclaredRoute]]:
    for service, app in apps.items():
        for route in app.state.routes.values():
            yield service, route


def test_every_route_has_a_permission_or_is_open_on_purpose(apps: dict[str, FastAPI]) -> None:
    without = [
        f"{service}: {' '.join(sorted(route.methods))} {route.path}"
        for service, route in routes(apps)
        if not route.permissions and route.path not in OPEN
    ]
    assert without == []


def test_only_reading_is_open(apps: dict[str, FastAPI]) -> None:
    changing = [
        f"{service}: {route.path}"
        for service, route in routes(apps)
        if route.public and not route.methods <= {"GET", "HEAD"}
    ]
    assert changing == []


def test_what_changes_something_needs_more_than_a_permission_to_read(
    apps: dict[str, FastAPI],
) -> None:
    weak = [
        f"{service}: {' '.join(sorted(route.methods))} {route.path}"
        for service, route in routes(apps)
        if not route.methods <= {"GET", "HEAD"}
        and route.query is not None  # a proxied route is guarded by the service behind it
        and all(permission.endswith(":read") for permission in route.permissions)
    ]
    assert weak == []


def test_every_permission_guards_something(apps: dict[str, FastAPI]) -> None:
    used = {permission for _, route in routes(apps) for permission in route.permissions}
    # These two are asked for inside a route, by what its body says.
    assert PERMISSIONS - used - {"history:write", "deals:override"} == set()


def test_every_service_has_an_openapi_document(apps: dict[str, FastAPI]) -> None:
    for app in apps.values():
        document = app.openapi()
        assert document["openapi"].startswith("3.1")
        assert document["paths"]


def test_paths_belong_to_one_service(apps: dict[str, FastAPI]) -> None:
    owners: dict[str, set[str]] = {}
    shared = {"/health/live", "/health/ready", "/v1/parked"}
    for service, route in routes(apps):
        if service != "gateway" and not route.path.startswith(tuple(shared)):
            owners.setdefault("/".join(route.path.split("/")[:3]), set()).add(service)
    assert {path: names for path, names in owners.items() if len(names) > 1} == {}

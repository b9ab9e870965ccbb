"""The gateway's table of routes against the routes that the services really have."""

from __future__ import annotations

import json
import re

from fastapi import FastAPI

from gateway.openapi.merge import merge
from gateway.proxy.parked import SERVICES as PARKING
from gateway.routes import OF_SERVICES

OWN = ("/health/", "/v1/parked")
"""Every service answers these for itself; the gateway has its own."""

Line = tuple[str, str, str, frozenset[str]]


def listed() -> set[Line]:
    return {(r.service, r.method, r.path, frozenset(r.permissions)) for r in OF_SERVICES}


def existing(apps: dict[str, FastAPI]) -> set[Line]:
    return {
        (service, method, route.path, route.permissions)
        for service, app in apps.items()
        if service != "gateway"
        for route in app.state.routes.values()
        if not route.path.startswith(OWN)
        for method in route.methods
    }


def test_every_route_of_a_service_is_listed_with_its_permissions(
    apps: dict[str, FastAPI],
) -> None:
    assert existing(apps) - listed() == set()


def test_every_listed_route_exists(apps: dict[str, FastAPI]) -> None:
    assert listed() - existing(apps) == set()


def test_parked_events_of_every_service_that_parks_are_listed(apps: dict[str, FastAPI]) -> None:
    parking = {
        service
        for service, app in apps.items()
        if service != "gateway"
        and any(route.path == "/v1/parked" for route in app.state.routes.values())
    }
    assert parking == set(PARKING)


def test_merged_document_describes_every_route_and_every_reference_resolves(
    apps: dict[str, FastAPI],
) -> None:
    services = {name: app.openapi() for name, app in apps.items() if name != "gateway"}
    merged = merge(apps["gateway"].state.parts.document.own, services, OF_SERVICES)
    described = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path))
        for path, item in merged["paths"].items()
        for method in item
    }
    for route in OF_SERVICES:
        assert (route.method, re.sub(r"\{\w+\}", "{}", route.path)) in described
    text = json.dumps(merged)
    assert "itemSchema" not in text
    for kind, name in re.findall(r'"#/components/(\w+)/([^"]+)"', text):
        assert name in merged["components"][kind]

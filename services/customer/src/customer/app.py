"""The composition root of the customer service."""

from __future__ import annotations

from fastapi import FastAPI

from chassis.app import build_app
from chassis.clock import Clock
from chassis.sessions import Sessions
from customer.api import contacts, customers, leads
from customer.api.imports import routes as imports
from customer.settings import Settings


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """The application; connects to nothing until its lifespan begins."""
    return build_app(
        settings,
        title="Tandem customer",
        routers=[imports.router, customers.router, contacts.router, leads.router],
        clock=clock,
        sessions=Sessions(),
    )

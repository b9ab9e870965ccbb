"""The idiomatic FastAPI endpoint for a batch of events: a model of the body, and nothing kept."""

from __future__ import annotations

from datetime import datetime

from fastapi import FastAPI
from pydantic import BaseModel


class Amount(BaseModel):
    amount_minor: int
    currency: str


class Order(BaseModel):
    order_id: str
    amount: Amount


class CloudEvent(BaseModel):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: Order


class Accepted(BaseModel):
    id: str
    status: str


app = FastAPI()


@app.post("/v1/events", status_code=202)
async def publish_events(events: list[CloudEvent]) -> list[Accepted]:
    return [Accepted(id=event.id, status="accepted") for event in events]

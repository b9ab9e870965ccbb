"""The pipeline service on a real database and log, called as its users call it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from chassis.clock import SystemClock
from chassis.settings import DEVELOPMENT_ISSUER
from events import Event, Received, topics
from events.types import EventData
from events.types.customer import CustomerRegistered, CustomerState, LeadCaptured, LeadState
from local.identity import Issuer
from pipeline.app import create_app
from pipeline.handlers import CustomerHandler
from pipeline.settings import Settings

TOPICS = Path(__file__).parents[4] / "deploy" / "kafka" / "topics.yaml"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)

Json = dict[str, Any]


class Caller(httpx.AsyncClient):
    """Somebody with a token, and what everybody does with one."""

    async def created(self, collection: str, body: Json) -> Json:
        answer = await self.post(f"/v1/{collection}", json=body)
        assert answer.status_code == 201, answer.text
        found: Json = answer.json()
        assert answer.headers["etag"] == '"1"'
        return found

    async def give(
        self, deal: Json, command: str, body: Json | None = None, *, version: int | None = None
    ) -> httpx.Response:
        """Give a command, by default from the deal's version at hand."""
        return await self.post(
            f"/v1/deals/{deal['id']}/{command}",
            json=body or {},
            headers={"If-Match": f'"{version or deal["version"]}"'},
        )

    async def commanded(self, deal: Json, command: str, body: Json | None = None) -> Json:
        """Give a command that must be accepted; the deal after it."""
        answer = await self.give(deal, command, body)
        assert answer.status_code == 200, answer.text
        changed: Json = answer.json()
        assert answer.headers["etag"] == f'"{changed["version"]}"'
        return changed

    async def imported(
        self, collection: str, rows: Sequence[Json], *, dry_run: bool = False
    ) -> list[Json]:
        body = {"rows": list(rows), "dry_run": dry_run}
        answer = await self.post(f"/v1/{collection}/import", json=body)
        assert answer.status_code == 200, answer.text
        results: list[Json] = answer.json()["results"]
        assert [result["index"] for result in results] == list(range(len(rows)))
        return results


class Service:
    """A running service: callers with roles, what it heard, and what it promised to the log."""

    def __init__(self, app: Any, issuer: Issuer, url: str) -> None:
        self._app = app
        self._issuer = issuer
        self.url = url

    def caller(self, role: str = "admin", *teams: str) -> Caller:
        token = self._issuer.token(roles=[role], teams=list(teams), subject=f"a {role}")
        return Caller(
            transport=httpx.ASGITransport(self._app),
            base_url="http://pipeline.test",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )

    async def hear(self, *data: EventData) -> None:
        """Apply events of other services as the consumer would."""
        handler = CustomerHandler(
            clock=SystemClock(), source="/tandem/pipeline", base_currency="USD"
        )
        connection = await asyncpg.connect(self.url)
        try:
            async with connection.transaction():
                await handler(connection, received(*data))
        finally:
            await connection.close()

    async def knows_customer(self, customer_id: str, **dimensions: str) -> None:
        state = CustomerState(customer_id=customer_id, **dimensions)
        await self.hear(CustomerRegistered(customer=state))

    async def knows_lead(self, lead_id: str) -> None:
        lead = LeadState(lead_id=lead_id, status="new", captured_at=NOW)
        await self.hear(LeadCaptured(lead=lead))

    async def rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def promised(self, subject: str) -> list[tuple[int, str, Json]]:
        """Version, short type and payload of a subject's events, in the order promised."""
        rows = await self.rows(
            "SELECT aggregate_version, type, payload FROM outbox"
            " WHERE aggregateid = $1 ORDER BY id",
            subject,
        )
        return [
            (
                row["aggregate_version"],
                row["type"].removeprefix("com.tandem.pipeline.").removesuffix(".v1"),
                json.loads(row["payload"]),
            )
            for row in rows
        ]


def received(*data: EventData, at: datetime = NOW) -> list[Received]:
    """Events as a consumer is handed them, each the first of its subject."""
    return [
        Received(
            event=Event.of(
                one, source="/tandem/customer", sequence=1, occurred_at=at, recorded_at=at
            ),
            topic="customer",
            partition=0,
            offset=offset,
        )
        for offset, one in enumerate(data)
    ]


@asynccontextmanager
async def running(url: str, event_log: str, folder: Path) -> AsyncIterator[Service]:
    issuer = Issuer.open(folder)
    settings = Settings(
        database_url=url,
        event_log=event_log,
        environment="development",
        auth_issuer=DEVELOPMENT_ISSUER,
        auth_jwks=issuer.jwks_url,
        cursor_secret=SecretStr("a secret of sixteen or more"),
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield Service(app, issuer, url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    module_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    log = module_database()
    await topics.apply(log, TOPICS)
    url, folder = module_database("pipeline"), tmp_path_factory.mktemp("identity")
    async with running(url, log, folder) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def admin(service: Service) -> AsyncIterator[Caller]:
    async with service.caller("admin") as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def company(service: Service) -> Json:
    """Two teams with one person each, a product, a customer and a strict pipeline."""
    async with service.caller("admin") as client:
        for code, region in (("north-1", "North"), ("south-1", "South")):
            await client.created("teams", {"code": code, "name": code, "region": region})
        people = {
            team: await client.created(
                "people", {"name": f"Of {team}", "team": team, "external_ref": f"p-{team}"}
            )
            for team in ("north-1", "south-1")
        }
        price = {"amount_minor": 55_000, "currency": "USD"}
        await client.created("products", {"code": "kit", "name": "Kit", "list_price": price})
        await client.created("pipelines", strict_pipeline("strict"))
    await service.knows_customer("c1", channel="web", segment="small", sector="retail", region="R9")
    return {team: person["id"] for team, person in people.items()}


def strict_pipeline(code: str) -> Json:
    kinds = [
        ("talk", "open"),
        ("offer", "open"),
        ("close", "open"),
        ("won", "won"),
        ("lost", "lost"),
    ]
    return {
        "code": code,
        "name": {"en": "Strict", "zh": "严格"},
        "stages": [
            {
                "code": stage,
                "name": {"en": stage},
                "order": order,
                "type": kind,
                "probability_bp": {"won": 10_000, "lost": 0}.get(kind, 3_000),
                "required_fields": ["amount"] if stage == "offer" else [],
            }
            for order, (stage, kind) in enumerate(kinds)
        ],
        "rules": {"allow_skip": False, "allow_back": False},
    }

"""Every route that passes through to a service: method, path, service, permissions.

Invariant: what is not listed here, or declared by a router of the gateway's own,
does not exist at the front door. Services check the same permission again; a
test holds this table against their routes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ProxiedRoute:
    """One line of the table. `path` is the same here and at the service."""

    method: str
    path: str
    service: str
    permissions: tuple[str, ...]

    @property
    def is_import(self) -> bool:
        """Imports carry up to 500 rows and take longer than other calls."""
        return self.path.endswith("/import")


def _table(service: str, lines: str) -> tuple[ProxiedRoute, ...]:
    rows = (line.split() for line in lines.strip().splitlines())
    return tuple(
        ProxiedRoute(method, path, service, tuple(permissions.split("+")))
        for method, path, permissions in rows
    )


_CUSTOMER: Final = _table(
    "customer",
    """
    POST   /v1/customers/import                              customers:write
    GET    /v1/customers                                     customers:read
    POST   /v1/customers                                     customers:write
    GET    /v1/customers/{customer_id}                       customers:read
    PATCH  /v1/customers/{customer_id}                       customers:write
    GET    /v1/customers/{customer_id}/contacts              customers:read
    POST   /v1/customers/{customer_id}/contacts              customers:write
    GET    /v1/customers/{customer_id}/contacts/{contact_id} customers:read
    PATCH  /v1/customers/{customer_id}/contacts/{contact_id} customers:write
    DELETE /v1/customers/{customer_id}/contacts/{contact_id} customers:write
    POST   /v1/leads/import                                  leads:write+customers:write
    GET    /v1/leads                                         leads:read
    POST   /v1/leads                                         leads:write
    GET    /v1/leads/{lead_id}                               leads:read
    PATCH  /v1/leads/{lead_id}                               leads:write
    POST   /v1/leads/{lead_id}/contact                       leads:write
    POST   /v1/leads/{lead_id}/qualify                       leads:write
    POST   /v1/leads/{lead_id}/disqualify                    leads:write
    POST   /v1/leads/{lead_id}/convert                       leads:write+customers:write
    """,
)

_PIPELINE: Final = _table(
    "pipeline",
    """
    GET    /v1/teams                        catalogue:read
    POST   /v1/teams                        catalogue:write
    POST   /v1/teams/import                 catalogue:write
    GET    /v1/teams/{code}                 catalogue:read
    PATCH  /v1/teams/{code}                 catalogue:write
    GET    /v1/people                       catalogue:read
    POST   /v1/people                       catalogue:write
    POST   /v1/people/import                catalogue:write
    GET    /v1/people/{person_id}           catalogue:read
    PATCH  /v1/people/{person_id}           catalogue:write
    GET    /v1/products                     catalogue:read
    POST   /v1/products                     catalogue:write
    POST   /v1/products/import              catalogue:write
    GET    /v1/products/{code}              catalogue:read
    PATCH  /v1/products/{code}              catalogue:write
    GET    /v1/pipelines                    catalogue:read
    POST   /v1/pipelines                    catalogue:write
    POST   /v1/pipelines/import             catalogue:write
    GET    /v1/pipelines/{code}             catalogue:read
    PATCH  /v1/pipelines/{code}             catalogue:write
    GET    /v1/deals                        deals:read
    POST   /v1/deals                        deals:write
    POST   /v1/deals/import                 deals:write
    GET    /v1/deals/{deal_id}              deals:read
    PATCH  /v1/deals/{deal_id}              deals:write
    DELETE /v1/deals/{deal_id}              deals:write
    GET    /v1/deals/{deal_id}/history      deals:read
    POST   /v1/deals/{deal_id}/move         deals:write
    POST   /v1/deals/{deal_id}/amount       deals:write
    POST   /v1/deals/{deal_id}/reassign     deals:write
    POST   /v1/deals/{deal_id}/win          deals:write
    POST   /v1/deals/{deal_id}/lose         deals:write
    POST   /v1/deals/{deal_id}/reopen       deals:write
    GET    /v1/targets                      targets:read
    POST   /v1/targets                      targets:write
    POST   /v1/targets/import               targets:write
    GET    /v1/targets/{target_id}          targets:read
    PATCH  /v1/targets/{target_id}          targets:write
    """,
)

_OPS: Final = _table(
    "ops",
    """
    POST   /v1/projects/import                  projects:write
    GET    /v1/projects                         projects:read
    POST   /v1/projects                         projects:write
    GET    /v1/projects/{project_id}            projects:read
    PATCH  /v1/projects/{project_id}            projects:write
    GET    /v1/projects/{project_id}/history    projects:read
    POST   /v1/projects/{project_id}/start      projects:write
    POST   /v1/projects/{project_id}/rebaseline projects:write
    POST   /v1/projects/{project_id}/monitor    projects:write
    POST   /v1/projects/{project_id}/complete   projects:write
    POST   /v1/projects/{project_id}/evaluate   projects:write
    POST   /v1/projects/{project_id}/close      projects:write
    POST   /v1/projects/{project_id}/cancel     projects:write
    POST   /v1/projects/{project_id}/reopen     projects:write
    GET    /v1/projects/{project_id}/tasks      projects:read
    POST   /v1/projects/{project_id}/tasks      projects:write
    GET    /v1/tasks/{task_id}                  projects:read
    PATCH  /v1/tasks/{task_id}                  projects:write
    DELETE /v1/tasks/{task_id}                  projects:write
    POST   /v1/tasks/{task_id}/start            projects:write
    POST   /v1/tasks/{task_id}/finish           projects:write
    POST   /v1/tasks/{task_id}/reopen           projects:write
    POST   /v1/costs/import                     costs:write
    GET    /v1/costs                            costs:read
    POST   /v1/costs                            costs:write
    GET    /v1/costs/{cost_id}                  costs:read
    PATCH  /v1/costs/{cost_id}                  costs:write
    POST   /v1/costs/{cost_id}/void             costs:write
    POST   /v1/time-logs/import                 projects:write
    GET    /v1/time-logs                        projects:read
    POST   /v1/time-logs                        projects:write
    GET    /v1/time-logs/{log_id}               projects:read
    PATCH  /v1/time-logs/{log_id}               projects:write
    POST   /v1/time-logs/{log_id}/take-back     projects:write
    """,
)

KPI_LISTS: Final = _table(
    "metrics",
    """
    GET    /v1/kpis/vocabulary  kpis:read
    GET    /v1/kpis/definitions kpis:read
    """,
)
"""Beside the paths of single KPIs, and matched before them."""

_METRICS: Final = _table(
    "metrics",
    """
    GET    /v1/kpis                              kpis:read
    POST   /v1/kpis                              kpis:define
    PUT    /v1/kpis/{kpi_id}                     kpis:define
    DELETE /v1/kpis/{kpi_id}                     kpis:define
    GET    /v1/kpis/{kpi_id}/definition          kpis:read
    GET    /v1/kpis/{kpi_id}/explain             kpis:read
    GET    /v1/kpis/{kpi_id}/shape               kpis:read
    GET    /v1/kpis/{kpi_id}/coverage            kpis:read
    GET    /v1/kpis/{kpi_id}/model               kpis:read
    GET    /v1/kpis/{kpi_id}/differences         kpis:read
    GET    /v1/diagnosis                         kpis:read
    GET    /v1/diagnosis/rules                   kpis:read
    PUT    /v1/diagnosis/rules                   kpis:define
    GET    /v1/diagnosis/rules/versions          kpis:read
    GET    /v1/quality                           kpis:read
    GET    /v1/quarantine                        kpis:read
    GET    /v1/periods                           kpis:read
    GET    /v1/periods/{label}                   kpis:read
    POST   /v1/periods/{label}/close             figures:manage
    GET    /v1/periods/{label}/differences       kpis:read
    GET    /v1/rebuilds                          kpis:read
    POST   /v1/rebuilds                          figures:manage
    GET    /v1/rebuilds/{rebuild_id}             kpis:read
    DELETE /v1/rebuilds/{rebuild_id}             figures:manage
    POST   /v1/rebuilds/{rebuild_id}/switch      figures:manage
    GET    /v1/rebuilds/{rebuild_id}/differences kpis:read
    """,
)

KPI_READ: Final = ProxiedRoute("GET", "/v1/kpis/{kpi_id}", "metrics", ("kpis:read",))
"""Answered from memory where it can be, and therefore by a route of its own."""

PROXIED: Final = (*_CUSTOMER, *_PIPELINE, *_OPS, *_METRICS)
"""What is passed on after all special paths, in the order in which paths are matched."""

OF_SERVICES: Final = (*KPI_LISTS, *PROXIED, KPI_READ)
"""The whole table."""

"""Permissions and the roles that hold them: declared here once, for all services."""

from collections.abc import Iterable, Mapping
from typing import Final

PERMISSIONS: Final = frozenset(
    {
        "customers:read",
        "customers:write",
        "leads:read",
        "leads:write",
        "deals:read",
        "deals:write",
        "deals:override",
        "targets:read",
        "targets:write",
        "catalogue:read",
        "catalogue:write",
        "projects:read",
        "projects:write",
        "costs:read",
        "costs:write",
        "kpis:read",
        "kpis:define",
        "figures:manage",
        "events:publish",
        "events:read",
        "history:write",
        "parked:read",
        "parked:manage",
        "partners:manage",
    }
)

_READS: Final = frozenset(name for name in PERMISSIONS if name.endswith(":read"))
_SALES: Final = frozenset(
    {"customers:read", "customers:write", "leads:read", "leads:write", "deals:read", "deals:write"}
)
_REFERENCE: Final = frozenset({"catalogue:read", "targets:read", "kpis:read"})

ROLES: Final[Mapping[str, frozenset[str]]] = {
    "admin": PERMISSIONS,
    "boss": (_READS | {"kpis:define"}) - {"parked:read", "events:read"},
    "sales_lead": _SALES
    | _REFERENCE
    | {"deals:override", "targets:write", "catalogue:write", "projects:read"},
    "sales_rep": _SALES | _REFERENCE,
    "ops_lead": _REFERENCE
    | {"projects:read", "projects:write", "costs:read", "costs:write", "customers:read"},
    "ops_member": frozenset({"projects:read", "projects:write", "costs:read", "costs:write"}),
    "importer": (_READS | {name for name in PERMISSIONS if name.endswith(":write")})
    - {"parked:read", "events:read"},
    "partner": frozenset({"events:publish", "events:read"}),
    "sre": frozenset({"parked:read", "parked:manage", "events:read", "kpis:read"}),
}
"""Role to permissions. A role that is not here gives nothing."""

ALL_TEAM_ROLES: Final = frozenset({"admin", "boss", "importer", "sre"})
"""Roles that see every team; the others see those of the claim `teams` ("*" for all)."""


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """What holders of these roles may do together."""
    return frozenset[str]().union(*(ROLES.get(role, frozenset()) for role in roles))

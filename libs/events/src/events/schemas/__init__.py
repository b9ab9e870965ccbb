"""The contracts as JSON Schema: of today, of every release, and what may change between them."""

from __future__ import annotations

from events.schemas.compatibility import Breach, Rule, breaches
from events.schemas.generate import (
    EXAMPLES_FOLDER,
    SCHEMAS_FOLDER,
    outdated,
    schema_of,
    schema_path,
    short_name,
    write,
)
from events.schemas.releases import (
    RELEASES_FOLDER,
    Contract,
    Release,
    ReleaseRefused,
    add_release,
    breaches_of_releases,
    contracts_of,
    read_releases,
)
from events.schemas.sealed import SealBroken

__all__ = [
    "EXAMPLES_FOLDER",
    "RELEASES_FOLDER",
    "SCHEMAS_FOLDER",
    "Breach",
    "Contract",
    "Release",
    "ReleaseRefused",
    "Rule",
    "SealBroken",
    "add_release",
    "breaches",
    "breaches_of_releases",
    "contracts_of",
    "outdated",
    "read_releases",
    "schema_of",
    "schema_path",
    "short_name",
    "write",
]

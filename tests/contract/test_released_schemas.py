"""No change breaks a released event type, whatever versions lie between (full-transitive)."""

import pytest
from jsonschema import Draft202012Validator

from events.schemas import Release, breaches_of_releases, contracts_of, read_releases

RELEASES = read_releases()
assert RELEASES, "the releases are part of the repository"


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.version)
def test_a_release_can_be_read_and_written_by_this_version(release: Release) -> None:
    assert list(breaches_of_releases([release], contracts_of())) == []


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.version)
def test_a_release_is_valid_json_schema(release: Release) -> None:
    types = {wire_type: contract.data for wire_type, contract in release.types.items()}

    Draft202012Validator.check_schema({"$defs": {**release.definitions, **types}})

"""The examples that partners and other teams copy say who sends what."""

import json
from pathlib import Path

import pytest

from events.schemas import EXAMPLES_FOLDER
from events.topics import read_declaration

DECLARED = read_declaration(Path(__file__).parents[2] / "deploy/kafka/topics.yaml").topics


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_examples_come_from_the_owner_of_their_topic(name: str) -> None:
    sources = {
        json.loads(path.read_bytes())["source"] for path in (EXAMPLES_FOLDER / name).glob("*.json")
    }

    if name == "partner":
        assert sources
        assert all(source.startswith("/partners/") for source in sources)
    elif name == "heartbeat":  # every service beats
        assert all(source.startswith("/tandem/") for source in sources)
    else:
        assert sources == {f"/tandem/{DECLARED[name].owner}"}

"""The command `python -m events.asyncapi`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from events.asyncapi.document import document, field_names
from events.asyncapi.words import read_words
from events.schemas import short_name
from events.schemas.generate import PACKAGE_FOLDER
from events.schemas.layout import laid_out
from events.topics import read_declaration
from events.types import EVENT_TYPES

TOPICS: Final = PACKAGE_FOLDER.parents[1] / "deploy" / "kafka" / "topics.yaml"
COMMITTED: Final = Path(__file__).with_name("asyncapi.json")


def faults() -> list[str]:
    """What has no words yet: one sentence each."""
    return read_words().missing(
        topics=set(read_declaration(TOPICS).topics),
        events={short_name(name).rpartition(".v")[0] for name in EVENT_TYPES},
        fields=field_names(),
    )


def current() -> bytes:
    """The document as it should be."""
    return laid_out(document(read_declaration(TOPICS), read_words()))


def main() -> None:
    """Write or check the AsyncAPI document."""
    parser = argparse.ArgumentParser(prog="python -m events.asyncapi", description=main.__doc__)
    parser.add_argument("action", choices=["write", "check"])
    arguments = parser.parse_args()
    if sentences := faults():
        raise SystemExit("\n".join(sentences))
    if arguments.action == "write":
        COMMITTED.write_bytes(current())
    elif not COMMITTED.exists() or COMMITTED.read_bytes() != current():
        raise SystemExit(
            "asyncapi.json is not what the classes say; run: python -m events.asyncapi write"
        )


if __name__ == "__main__":
    main()

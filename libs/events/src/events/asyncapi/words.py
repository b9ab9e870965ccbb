"""The words of words.yaml: Chinese for people who read the document, and who reads which topic."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

WORDS: Final = Path(__file__).with_name("words.yaml")


class Both(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same in English and in Chinese."""

    en: str
    zh: str


class Titled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A title and a text."""

    title: Both
    text: Both


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. Events have a title and a sentence in Chinese."""

    title: Both
    description: Both
    servers: dict[str, Both]
    partners: dict[str, Titled]
    attributes: dict[str, Both]
    readers: dict[str, list[str]]
    topics: dict[str, str]
    events: dict[str, tuple[str, str]]
    fields: dict[str, str]

    def missing(self, *, topics: set[str], events: set[str], fields: set[str]) -> list[str]:
        """What has no words, or words without a thing: one sentence each."""
        sentences = []
        for kind, wanted, found in (
            ("topic", topics, set(self.topics)),
            ("topic's readers", topics, set(self.readers)),
            ("event", events, set(self.events)),
            ("field", fields, set(self.fields)),
        ):
            sentences += [
                f"{WORDS.name} lacks the {kind} {name}" for name in sorted(wanted - found)
            ]
            sentences += [f"{WORDS.name} has no {kind} {name}" for name in sorted(found - wanted)]
        return sentences


def read_words(path: Path = WORDS) -> Words:
    """Raises msgspec.ValidationError."""
    return msgspec.yaml.decode(path.read_bytes(), type=Words)


def titled(words: Titled) -> dict[str, str]:
    """As the document has it: English where the standard says, Chinese beside it."""
    return {
        "title": words.title.en,
        "description": words.text.en,
        "x-title-zh": words.title.zh,
        "x-description-zh": words.text.zh,
    }

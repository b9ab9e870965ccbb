"""The AsyncAPI 3 document of all events: made from the classes, their examples and topics.yaml."""

from __future__ import annotations

from importlib.resources import files


def committed_document() -> bytes:
    """The document as JSON, as it was made with the classes of this version."""
    return files(__name__).joinpath("asyncapi.json").read_bytes()


__all__ = ["committed_document"]

"""Pages of docs/ that a run writes, with notes below that people write."""

from pathlib import Path
from typing import Final

NOTES: Final = "\n<!-- What stands from here on is written by hand, and kept. -->\n"


def write_page(path: Path, text: str) -> None:
    """The new text, and the notes that were there. Whoever reads meanwhile has a whole page."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    incoming = path.with_suffix(".incoming")
    incoming.write_text(f"{text}{NOTES}{before.partition(NOTES)[2]}", encoding="utf-8")
    incoming.replace(path)

"""The command `python -m metrics.data_guide`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Final

from events.asyncapi.words import read_words
from metrics.data_guide.page import Language, Mappings, page
from metrics.kpis import CATALOGUE

GUIDES: Final = Path(__file__).parents[5] / "docs" / "guides"
PAGES: Final[dict[Language, Path]] = {"en": GUIDES / "data.md", "zh": GUIDES / "data.zh.md"}
_STEP: Final = re.compile(r"^  - event: (\S+)$", re.MULTILINE)


def ready_mappings() -> Mappings:
    """Which mappings of docs/guides/imports bring in which events."""
    found: dict[str, list[str]] = {}
    for path in sorted((GUIDES / "imports").glob("*.yaml")):
        for name in dict.fromkeys(_STEP.findall(path.read_text(encoding="utf-8"))):
            found.setdefault(name, []).append(path.stem)
    return found


def current(language: Language) -> str:
    """The page as it should be."""
    return page(language, catalogue=CATALOGUE, mappings=ready_mappings(), words=read_words())


def stale() -> list[Path]:
    """Pages that are not what the declarations make of them."""
    return [
        path
        for language, path in PAGES.items()
        if not path.exists() or path.read_text(encoding="utf-8") != current(language)
    ]


def main() -> None:
    """Write or check the guide to the events that KPIs need."""
    parser = argparse.ArgumentParser(prog="python -m metrics.data_guide", description=main.__doc__)
    parser.add_argument("action", choices=["write", "check"])
    if parser.parse_args().action == "write":
        for language, path in PAGES.items():
            path.write_text(current(language), encoding="utf-8")
    elif names := ", ".join(path.name for path in stale()):
        raise SystemExit(f"{names} is not up to date: python -m metrics.data_guide write")


if __name__ == "__main__":
    main()

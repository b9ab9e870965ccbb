"""The command `python -m metrics.catalogue_page`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from metrics.catalogue_page.page import page
from metrics.data_guide.page import Language
from metrics.kpis import CATALOGUE

DOCS: Final = Path(__file__).parents[5] / "docs"
PAGES: Final[dict[Language, Path]] = {
    "en": DOCS / "catalogue.md",
    "zh": DOCS / "catalogue.zh.md",
}


def current(language: Language) -> str:
    """The page as it should be."""
    return page(language, catalogue=CATALOGUE)


def stale() -> list[Path]:
    """Pages that are not what the declarations make of them."""
    return [
        path
        for language, path in PAGES.items()
        if not path.exists() or path.read_text(encoding="utf-8") != current(language)
    ]


def main() -> None:
    """Write or check the page of all KPIs."""
    parser = argparse.ArgumentParser(
        prog="python -m metrics.catalogue_page", description=main.__doc__
    )
    parser.add_argument("action", choices=["write", "check"])
    if parser.parse_args().action == "write":
        for language, path in PAGES.items():
            path.write_text(current(language), encoding="utf-8")
    elif names := ", ".join(path.name for path in stale()):
        raise SystemExit(f"{names} is not up to date: python -m metrics.catalogue_page write")


if __name__ == "__main__":
    main()

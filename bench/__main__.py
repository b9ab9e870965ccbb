"""`python -m bench`: measure everything on a stack of its own, write docs/measurements.md."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.folding import fold_rate
from bench.importing import import_rate
from bench.pushing import freshness
from bench.reading import hot_read
from bench.report import Figure, write_page
from bench.starting import resident_memory, start_and_rest
from local.settings import inherited_environment
from local.stack import Stack


def main() -> None:
    named = inherited_environment().get("CRM_SALES")
    here = Path(__file__).parents[1]
    folder = Path(named) if named else here.parent / "shared" / "data" / "crm_sales"
    if not folder.is_dir():
        sys.exit(f"bench: no opportunities file at {folder}; say where it is with CRM_SALES")
    sections: dict[str, list[Figure]] = {}
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as place:
        stack = Stack(Path(place) / "var")
        try:
            sections["Start and rest"] = _say(start_and_rest(stack))
            sections["Import"] = _say(import_rate(stack, folder))
            sections["Import"] += _say(resident_memory(stack, "after the import"))
            sections["Freshness"] = _say(freshness(stack, events_a_second=0))
            sections["Freshness"] += _say(freshness(stack, events_a_second=500))
            sections["Reads"] = _say(hot_read(stack))
            sections["Fold"] = _say(fold_rate(stack))
        finally:
            stack.stop()
    write_page(sections)


def _say(figures: list[Figure]) -> list[Figure]:
    for figure in figures:
        print(f"{figure.what}: {figure.value}  {figure.note}", flush=True)
    return figures


if __name__ == "__main__":
    main()

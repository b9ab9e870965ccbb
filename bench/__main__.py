"""`python -m bench`: measure everything, write docs/measurements.md; or one part alone.

python -m bench                 all parts, and the page
python -m bench --list          what there is
python -m bench fold relay      these parts, printed only
python -m bench fold --scale 0.1   a tenth of the events: to try it out, never to be quoted
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench.parts import PARTS
from bench.report import PAGE, Section, machine, page
from bench.running import run_apart, run_here


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *(part.name for part in PARTS)])
    parser.add_argument("--list", action="store_true", help="name the parts and end")
    parser.add_argument("--scale", type=float, default=1.0, help="a share of the usual size")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)  # one part, for its parent
    arguments = parser.parse_args()
    if arguments.list:
        for part in PARTS:
            print(f"{part.name:<10} {part.title}, at most {part.limit_seconds:.0f} s")
        return
    wanted = [part for part in PARTS if not arguments.parts or part.name in arguments.parts]
    if arguments.into:
        run_here(wanted[0], scale=arguments.scale, into=arguments.into)
        return
    sections: list[Section] = []
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
        for part in wanted:
            print(f"-- {part.title} (python -m bench {part.name})", flush=True)
            sections.append(run_apart(part, scale=arguments.scale, folder=Path(folder)))
    if not arguments.parts and arguments.scale == 1:
        PAGE.write_text(page(sections, machine()), encoding="utf-8")
        print(f"-- {sum(section.seconds for section in sections):.0f} s; see {PAGE}")
    failed = [section.part for section in sections if section.failure]
    if failed:
        sys.exit(f"bench: {', '.join(failed)} failed; what they found before stands above")


if __name__ == "__main__":
    main()

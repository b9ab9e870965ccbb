"""A page's ids as runs: these and no others."""

import random

import asyncpg

from events.relay.runs import runs_of


def test_ids_without_a_hole_are_one_run() -> None:
    assert runs_of([7, 8, 9]) == [asyncpg.Range(7, 10)]


def test_runs_hold_exactly_the_ids_that_were_read() -> None:
    draw = random.Random(1)
    for _ in range(200):
        ids = sorted(draw.sample(range(60), draw.randrange(1, 60)))

        held = [n for run in runs_of(ids) for n in range(run.lower or 0, run.upper or 0)]

        assert held == ids

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.parts import PARTS, Part
from bench.report import Figure
from bench.running import run_apart, run_here


def test_parts_have_names_of_their_own_and_modules_that_measure() -> None:
    assert len({part.name for part in PARTS}) == len(PARTS)
    for part in PARTS:
        assert isinstance(part.measure(1.0), Iterator)  # a generator: nothing has begun yet


def test_all_parts_together_take_twenty_minutes_at_most() -> None:
    assert sum(part.limit_seconds for part in PARTS) <= 20 * 60


class _Half(Part):
    def measure(self, scale: float) -> Iterator[Figure]:
        yield Figure("first", f"{scale}")
        raise RuntimeError("the second could not be measured")


def test_what_was_found_before_a_failure_is_kept(tmp_path: Path) -> None:
    half = _Half("half", "Half", "none", 10)
    with pytest.raises(RuntimeError):
        run_here(half, scale=0.5, into=tmp_path / "half.jsonl")
    assert b'"first"' in (tmp_path / "half.jsonl").read_bytes()


def test_a_part_that_cannot_run_is_a_section_with_its_reason(tmp_path: Path) -> None:
    nobody = Part("nobody", "Nobody", "none", 30)  # the child refuses the name
    section = run_apart(nobody, scale=1.0, folder=tmp_path)
    assert section.figures == []
    assert section.failure is not None
    assert "nobody" in section.failure


def test_a_part_that_takes_too_long_is_ended_and_says_so(tmp_path: Path) -> None:
    slow = Part("fold", "Fold", "bench.fold", 0.1)
    section = run_apart(slow, scale=0.01, folder=tmp_path)
    assert section.failure == "not done within 0 s"

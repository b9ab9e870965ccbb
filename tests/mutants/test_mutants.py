"""Every mutant still fits the product, in no time; `make mutants` shows that none survives."""

import re

import pytest

from mutants.__main__ import ROOT, DoesNotApply, main, mutated
from mutants.guards import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.guard)
def test_a_mutant_applies_and_its_test_is_there(mutant: Mutant) -> None:
    source = (ROOT / mutant.file).read_text(encoding="utf-8")
    compile(mutated(source, mutant), mutant.file, "exec")
    file, _, name = mutant.test.partition("::")
    tests = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"def {name.partition('[')[0]}\(", tests), f"{mutant.test} is not there"


def test_a_guard_that_has_changed_is_told() -> None:
    with pytest.raises(DoesNotApply, match="has 0 times"):
        mutated("something else", MUTANTS[0])


def test_words_that_no_guard_has_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONLY", "nonsense")
    assert main() == 2
    assert "no guard has the words 'nonsense'" in capsys.readouterr().err

"""What would turn a verdict over, and how sure it therefore is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from metrics.diagnosis.attribution import shapley
from metrics.diagnosis.evidence import Evidence
from metrics.diagnosis.rules import Owner, Rules
from metrics.diagnosis.verdict import MIXED, Case, Judgement, judge, judge_again

ELASTICITY_WITHIN: Final = 0.008
"""How exactly the elasticity at which a verdict flips is found."""


class Confidence(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


_LEVELS: Final = (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One other way to look at the periods, and the verdict that it would give."""

    check: str
    """method (Shapley for LMDI), elasticity, baseline or owners."""
    verdict: str
    above: float | None = None
    below: float | None = None
    """The elasticity from which on it flips."""


def flips(
    case: Case, judged: Judgement, rules: Rules, *, other: Case | None = None
) -> tuple[Flip, ...]:
    """All that flip it; `other` is the case against the other baseline."""
    found = []
    contested = replace(rules, owners={**rules.owners, **rules.contested})
    checks: dict[str, Callable[[], Judgement]] = {
        "method": lambda: judge_again(case, rules, method=shapley),
        "owners": lambda: judge_again(case, contested),
    }
    if other is not None:
        checks["baseline"] = lambda: judge(other, rules)
    for check, judged_otherwise in checks.items():
        verdict = judged_otherwise().verdict
        if verdict != judged.verdict:
            found.append(Flip(check=check, verdict=verdict))
    for elasticity in rules.elasticities:
        found += _elasticity_flips(case, judged, rules, until=elasticity)
    return tuple(found)


def _elasticity_flips(case: Case, judged: Judgement, rules: Rules, *, until: float) -> list[Flip]:
    """Where between the elasticity of the rules and `until` the verdict first flips, and to
    what. What it would be still further off says nothing more: there it is turned over already.
    """

    def verdict(elasticity: float) -> str:
        return judge_again(case, replace(rules, elasticity=elasticity)).verdict

    flips_to = verdict(until)
    if flips_to == judged.verdict:
        return []
    stands, flipped = rules.elasticity, until
    while abs(flipped - stands) > ELASTICITY_WITHIN:
        middle = (stands + flipped) / 2
        there = verdict(middle)
        if there == judged.verdict:
            stands = middle
        else:
            flipped, flips_to = middle, there
    if until > rules.elasticity:
        return [Flip(check="elasticity", verdict=flips_to, above=flipped)]
    return [Flip(check="elasticity", verdict=flips_to, below=flipped)]


def confidence(
    judged: Judgement,
    flipped: Sequence[Flip],
    seen: Sequence[Evidence],
    *,
    at_most: Confidence = Confidence.HIGH,
    rules: Rules,
) -> Confidence | None:
    """None where no cause is named. Evidence against a class that is named lowers it."""
    if judged.probability is None:
        return None
    level = Confidence.LOW
    if judged.probability >= rules.high_probability and not flipped:
        level = Confidence.HIGH
    elif judged.probability >= rules.medium_probability and _only_to_mixed(flipped):
        level = Confidence.MEDIUM
    rank = min(_LEVELS.index(level), _LEVELS.index(at_most))
    if any(one.contradicts in judged.order for one in seen) or _is_unwitnessed(judged, seen):
        rank = max(0, rank - 1)
    return _LEVELS[rank]


def _only_to_mixed(flipped: Sequence[Flip]) -> bool:
    return all(flip.verdict == MIXED for flip in flipped)


def _is_unwitnessed(judged: Judgement, seen: Sequence[Evidence]) -> bool:
    """A falling market takes the win rate with it, which then looks like sales: without the
    reasons of lost deals the two cannot be told apart.
    """
    both = {Owner.SALES, Owner.MARKET} <= set(judged.order)
    return both and not any(one.kpi == "lost_no_budget" for one in seen)

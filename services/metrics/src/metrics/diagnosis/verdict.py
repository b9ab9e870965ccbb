"""The verdict: is it sales, is it operations, or is it the market, or can that not be said?

Contributions are facts; whether a class of them differs from chance is inference. The
verdict says where the change sits, not why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from metrics.diagnosis.attribution import Method, lmdi
from metrics.diagnosis.figures import Figures
from metrics.diagnosis.materiality import is_material
from metrics.diagnosis.rules import JUDGED, Owner, Rules
from metrics.diagnosis.scene import Comparison, Scene

INSUFFICIENT = "insufficient_data"
NO_CHANGE = "no_material_change"
MIXED = "mixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """`verdict` is sales, operations, market, mixed, insufficient_data or no_material_change."""

    verdict: str
    reason: str
    """Machine-readable; empty when a cause is named or nothing fell."""
    order: tuple[Owner, ...]
    """The classes that the verdict names, the largest first."""
    probability: float | None
    """Of the draws in which each class named lost, and more than any other; None where no
    cause is named.
    """
    blame: Mapping[Owner, float]
    scene: Scene
    missing: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is judged: two periods of one scope, and how revenue moved in earlier years."""

    before: Figures
    after: Figures
    comparison: Comparison
    history: Sequence[float] = ()


def judge(case: Case, rules: Rules) -> Judgement:
    """Floors first: below them the draws that tell a material fall from chance mean little."""
    scene = case.comparison.scene(rules)
    missing = rules.floors.missing(case.before) | rules.floors.missing(case.after)
    if missing:
        return _judgement((INSUFFICIENT, "below_floor"), scene, rules, missing=missing)
    if not is_material(
        case.before.result_minor,
        case.after.result_minor,
        draws=scene.change_draws,
        history=case.history,
        rules=rules,
    ):
        return _judgement((NO_CHANGE, ""), scene, rules)
    return _whose(case, scene, rules)


def judge_again(case: Case, rules: Rules, *, method: Method = lmdi) -> Judgement:
    """Step 5 alone: whose a fall is that was found material before, seen in another way."""
    return _whose(case, case.comparison.scene(rules, method=method), rules, method=method)


def _whose(case: Case, scene: Scene, rules: Rules, *, method: Method = lmdi) -> Judgement:
    if _is_inherited(scene):
        scene = case.comparison.scene(rules, method=method, expanded=True)
        if _is_inherited(scene):
            return _judgement((INSUFFICIENT, "inherited_stock"), scene, rules)
    return _judgement(_cause(scene, rules), scene, rules)


def _is_inherited(scene: Scene) -> bool:
    """Whether the largest loss is nobody's present doing."""
    nobodys = scene.amounts[Owner.INHERITED] + scene.amounts[Owner.UNASSIGNED]
    return nobodys < min(0.0, *(scene.amounts[owner] for owner in JUDGED))


def _cause(scene: Scene, rules: Rules) -> tuple[str, str]:
    """Verdict and reason: step 5."""
    blame = _blame(scene)
    significant = [owner for owner in JUDGED if is_significant(scene, owner, rules)]
    leading = _leading(blame)
    several = sum(blame[owner] >= rules.mixed_share for owner in significant) >= 2
    if several and blame[leading] < rules.mixed_below:
        return MIXED, ""
    if leading in significant and blame[leading] >= rules.sole_share:
        return leading.value, ""
    return INSUFFICIENT, "no_cause_separable_from_noise"


def is_significant(scene: Scene, owner: Owner, rules: Rules) -> bool:
    """Whether the class lost more than chance would take."""
    bound = float(np.quantile(scene.draws[owner], rules.significant_confidence))
    return scene.amounts[owner] < 0 and bound < 0


def _judgement(
    found: tuple[str, str],
    scene: Scene,
    rules: Rules,
    *,
    missing: Mapping[str, tuple[int, int]] | None = None,
) -> Judgement:
    verdict, reason = found
    order = _order(verdict, scene, rules)
    return Judgement(
        verdict=verdict,
        reason=reason,
        order=order,
        probability=_probability(scene, order),
        blame=_blame(scene),
        scene=scene,
        missing=missing or {},
    )


def _blame(scene: Scene) -> dict[Owner, float]:
    losses = {owner: max(0.0, -scene.amounts[owner]) for owner in JUDGED}
    total = sum(losses.values())
    return {owner: loss / total if total else 0.0 for owner, loss in losses.items()}


def _leading(blame: Mapping[Owner, float]) -> Owner:
    return max(JUDGED, key=lambda owner: blame[owner])


def _order(verdict: str, scene: Scene, rules: Rules) -> tuple[Owner, ...]:
    blame = _blame(scene)
    ranked = sorted(JUDGED, key=lambda owner: -blame[owner])
    if verdict == MIXED:
        significant = (owner for owner in ranked if is_significant(scene, owner, rules))
        return tuple(owner for owner in significant if blame[owner] >= rules.mixed_share)
    return (ranked[0],) if verdict == ranked[0].value else ()


def _probability(scene: Scene, named: tuple[Owner, ...]) -> float | None:
    if not named:
        return None
    losses = np.stack(np.broadcast_arrays(*(-scene.draws[owner] for owner in JUDGED)))
    mine = np.isin(JUDGED, named)
    others = np.maximum.reduce(losses[~mine], axis=0, initial=0.0)
    return float(np.mean(losses[mine].min(axis=0) > others))

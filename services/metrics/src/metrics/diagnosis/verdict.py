"""The verdict: is it sales, is it operations, or is it the market, or can that not be said?

Contributions are facts; whether a class of them differs from chance is inference. The
verdict says where the change sits, not why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from metrics.diagnosis.attribution import Values, lmdi
from metrics.diagnosis.contributions import (
    FACTORS,
    Contribution,
    Method,
    by_factor,
    contributions,
)
from metrics.diagnosis.figures import Figures
from metrics.diagnosis.materiality import is_material
from metrics.diagnosis.rules import JUDGED, Owner, Rules
from metrics.diagnosis.sample import drawn, observed

INSUFFICIENT = "insufficient_data"
NO_CHANGE = "no_material_change"
MIXED = "mixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A factor or a class of factors with its contribution and 90 % interval, in minor units."""

    name: str
    owner: Owner
    amount: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`verdict` is sales, operations, market, mixed, insufficient_data or no_material_change."""

    verdict: str
    reason: str
    """Machine-readable; empty when a cause is named."""
    order: tuple[Owner, ...]
    """The classes that the verdict names, the largest first."""
    probability: float
    """Of the draws in which the first of them carries the largest blame."""
    delta_minor: int
    relative: float | None
    blame: Mapping[Owner, float]
    classes: tuple[Finding, ...]
    factors: tuple[Finding, ...]
    parts: tuple[Contribution, ...]
    missing: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Scene:
    """Contributions as observed and over all draws, by factor, with who answers for each."""

    exact: Mapping[str, Values]
    draws: Mapping[str, Values]
    owners: Mapping[str, Owner]

    def of(self, owner: Owner) -> tuple[float, Values]:
        mine = [factor for factor in FACTORS if self.owners[factor] is owner]
        exact = float(sum((self.exact[f] for f in mine), np.zeros(())))
        return exact, sum((self.draws[f] for f in mine), np.zeros(()))


def judge(
    before: Figures,
    after: Figures,
    *,
    rules: Rules,
    history: Sequence[float] = (),
    seed: Sequence[str] = (),
    method: Method = lmdi,
) -> Verdict:
    """Compare two periods of one scope; the same inputs and seed give the same verdict.

    `history` holds ln(period / same period a year before) of earlier periods: a fall
    that stands out of them is material even if a single comparison could be chance.
    """
    random = np.random.default_rng(_seed(seed))
    parts = contributions(
        observed(before), observed(after), elasticity=rules.elasticity, method=method
    )
    exact = by_factor(parts)
    # The draws are decomposed by LMDI in any case: Shapley would cost 64 products a cell.
    draws = by_factor(
        contributions(
            drawn(before, draws=rules.draws, random=random),
            drawn(after, draws=rules.draws, random=random),
            elasticity=rules.elasticity,
        )
    )
    scene = _Scene(exact, draws, _owners(exact, rules))
    material = is_material(
        before, after, draws=sum(draws.values(), np.zeros(())), history=history, rules=rules
    )
    return _verdict(before, after, rules=rules, scene=scene, parts=parts, material=material)


def _verdict(
    before: Figures,
    after: Figures,
    *,
    rules: Rules,
    scene: _Scene,
    parts: Sequence[Contribution],
    material: bool,
) -> Verdict:
    delta = after.revenue_minor - before.revenue_minor
    missing = rules.floors.missing(before) | rules.floors.missing(after)
    blame = _blame({owner: scene.of(owner)[0] for owner in JUDGED})
    if missing:
        named, reason = INSUFFICIENT, "below_floor"
    elif not material:
        named, reason = NO_CHANGE, ""
    else:
        named, reason = _cause(scene, blame, rules)
    leading = max(JUDGED, key=lambda owner: blame[owner])
    return Verdict(
        verdict=named,
        reason=reason,
        order=_order(named, blame, rules),
        probability=_probability(scene, leading),
        delta_minor=delta,
        relative=delta / before.revenue_minor if before.revenue_minor else None,
        blame=blame,
        classes=tuple(_finding(owner, scene.of(owner), name=owner.value) for owner in Owner),
        factors=tuple(
            _finding(scene.owners[f], (float(scene.exact[f]), scene.draws[f]), name=f)
            for f in FACTORS
        ),
        parts=tuple(parts),
        missing=missing,
    )


def _cause(scene: _Scene, blame: Mapping[Owner, float], rules: Rules) -> tuple[str, str]:
    """Verdict and reason: step 5 of the procedure in kpis.md section 5."""
    shares = {o: blame[o] for o in JUDGED if _is_significant(scene, o, rules)}
    leading = max(blame, key=lambda owner: blame[owner])
    several = sum(share >= rules.mixed_share for share in shares.values()) >= 2
    if several and blame[leading] < rules.mixed_below:
        return MIXED, ""
    if shares.get(leading, 0.0) >= rules.sole_share:
        return leading.value, ""
    return INSUFFICIENT, "no_cause_separable_from_noise"


def _is_significant(scene: _Scene, owner: Owner, rules: Rules) -> bool:
    exact, draws = scene.of(owner)
    return exact < 0 and float(np.quantile(draws, rules.significant_confidence)) < 0


def _owners(exact: Mapping[str, Values], rules: Rules) -> dict[str, Owner]:
    """The owner map, after the coupling guard: a longer queue is not slower selling."""
    owners = dict(rules.owners)
    capture, speed = float(exact["capture"]), float(exact["speed"])
    opposed = capture * speed < 0
    if opposed and abs(capture + speed) < rules.coupled_within * min(abs(capture), abs(speed)):
        owners["capture"] = owners["speed"] = Owner.UNASSIGNED
    return owners


def _blame(amounts: Mapping[Owner, float]) -> dict[Owner, float]:
    losses = {owner: max(0.0, -amount) for owner, amount in amounts.items()}
    total = sum(losses.values())
    return {owner: loss / total if total else 0.0 for owner, loss in losses.items()}


def _order(named: str, blame: Mapping[Owner, float], rules: Rules) -> tuple[Owner, ...]:
    ranked = sorted(JUDGED, key=lambda owner: -blame[owner])
    if named == MIXED:
        return tuple(owner for owner in ranked if blame[owner] >= rules.mixed_share)
    return (ranked[0],) if named == ranked[0].value else ()


def _probability(scene: _Scene, owner: Owner) -> float:
    losses = np.stack([np.maximum(0.0, -np.atleast_1d(scene.of(o)[1])) for o in JUDGED])
    return float(np.mean(np.argmax(losses, axis=0) == JUDGED.index(owner)))


def _finding(owner: Owner, part: tuple[float, Values], *, name: str) -> Finding:
    amount, draws = part
    low, high = np.quantile(draws, (0.05, 0.95))
    return Finding(name=name, owner=owner, amount=amount, low=float(low), high=float(high))


def _seed(words: Sequence[str]) -> int:
    return int.from_bytes(blake2b("\x00".join(words).encode(), digest_size=8).digest(), "big")

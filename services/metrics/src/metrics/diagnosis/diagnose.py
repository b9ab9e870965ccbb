"""From two periods of a scope to a verdict with everything that supports it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b

from metrics.diagnosis.actions import actions
from metrics.diagnosis.baseline import Baseline, BaselineKind, Window, alternative, wide_enough
from metrics.diagnosis.drill import Cut, drill
from metrics.diagnosis.evidence import Reading, evidence
from metrics.diagnosis.gate import GateFacts, Refusal, refused
from metrics.diagnosis.payload import Compared, Diagnosis
from metrics.diagnosis.robustness import Confidence, confidence, flips
from metrics.diagnosis.rules import Rules
from metrics.diagnosis.scene import compared
from metrics.diagnosis.verdict import INSUFFICIENT, Case, Judgement, judge
from metrics.diagnosis.views import classes_of, contributions_of, factors_of


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisInput:
    """All that a diagnosis is made from; nothing else is read."""

    tenant: str
    scope: str
    """As asked for, such as "region:north"; empty for the whole company."""
    period: str
    currency: str
    gate: GateFacts
    windows: Sequence[Window]
    """The period asked for, then wider ones that end with it: month, quarter, twelve months."""
    wanted_baseline: BaselineKind | None = None
    history: Sequence[float] = ()
    """ln(period / same period a year before) of earlier periods of the first window's grain."""
    readings: Sequence[Reading] = ()
    cuts: Sequence[Cut] = ()
    """Revenue of the first window and its baseline by other dimensions."""
    rules: Rules = field(default_factory=Rules)
    catalogue_version: str
    as_of: datetime

    @property
    def seed(self) -> int:
        words = f"{self.tenant}\x00{self.scope}\x00{self.period}\x00{self.catalogue_version}"
        return int.from_bytes(blake2b(words.encode(), digest_size=8).digest(), "big")


def diagnose(request: DiagnosisInput) -> Diagnosis:
    """The same request gives the same diagnosis, byte for byte."""
    refusal = refused(request.gate, request.rules)
    if refusal is not None:
        return _refusal(request, refusal)
    chosen = wide_enough(request.windows, request.rules, wanted=request.wanted_baseline)
    if chosen is None:
        wanted = request.wanted_baseline or BaselineKind.YEAR_AGO
        return _refusal(request, Refusal(reason="no_baseline", helps={"baseline": wanted.value}))
    window, found = chosen
    case = _case(request, window, found[0])
    judged = judge(case, request.rules)
    return _diagnosis(request, window, found, case=case, judged=judged)


def _case(request: DiagnosisInput, window: Window, baseline: Baseline) -> Case:
    before, after = baseline.figures, window.current
    return Case(
        before=before,
        after=after,
        comparison=compared(before, after, rules=request.rules, seed=request.seed),
        # Wider windows have another spread than the one that the history was told for.
        history=request.history if window is request.windows[0] else (),
    )


def _diagnosis(
    request: DiagnosisInput,
    window: Window,
    found: Sequence[Baseline],
    *,
    case: Case,
    judged: Judgement,
) -> Diagnosis:
    rules, scene = request.rules, judged.scene
    before, after = case.before, case.after
    other = alternative(found)
    flipped = (
        flips(case, judged, rules, other=_case(request, window, other) if other else None)
        if judged.order
        else ()
    )
    seen = evidence(request.readings, before, after, rules=rules)
    delta = after.revenue_minor - before.revenue_minor
    parts = contributions_of(scene, delta)
    is_first = window is request.windows[0]
    return replace(
        _bare(request, judged.verdict, reason=judged.reason, grain=window.grain),
        helps=_helps(judged, case),
        order=judged.order,
        confidence=confidence(judged, flipped, seen, at_most=_at_most(case, found[0]), rules=rules),
        probability=judged.probability,
        baseline=Compared(kind=found[0].kind, revenue=before.revenue_minor, season=before.season),
        current=after.revenue_minor,
        delta=delta,
        relative=delta / before.revenue_minor if before.revenue_minor else None,
        contributions=parts,
        factors=factors_of(scene, parts, rules),
        classes=classes_of(scene, parts, rules, blame=judged.blame),
        residual=delta - sum(part.amount for part in parts),
        evidence=seen,
        actions=actions(parts, judged.order) if judged.order else (),
        drill=drill(scene, before, after, cuts=request.cuts if is_first else (), rules=rules)
        if judged.order
        else (),
        flips_when=flipped,
        missing=judged.missing,
    )


def _refusal(request: DiagnosisInput, refusal: Refusal) -> Diagnosis:
    grain = request.windows[0].grain if request.windows else ""
    bare = _bare(request, INSUFFICIENT, reason=refusal.reason, grain=grain)
    return replace(bare, helps=refusal.helps)


def _bare(request: DiagnosisInput, verdict: str, *, reason: str, grain: str) -> Diagnosis:
    return Diagnosis(
        tenant=request.tenant,
        scope=request.scope,
        period=request.period,
        grain=grain,
        currency=request.currency,
        verdict=verdict,
        reason=reason,
        helps={},
        missing={},
        rules=request.rules,
        catalogue_version=request.catalogue_version,
        as_of=request.as_of,
    )


def _at_most(case: Case, baseline: Baseline) -> Confidence:
    """What is not known about market or season cannot be made up for by many facts."""
    sides = case.before, case.after
    unknown = any(side.market_minor is None or side.market_provisional for side in sides)
    seasonal = baseline.kind is BaselineKind.UNSEASONAL
    return Confidence.MEDIUM if unknown or seasonal else Confidence.HIGH


def _helps(judged: Judgement, case: Case) -> dict[str, str]:
    """What data would help to name a cause, or to name it more surely."""
    helps = {name: f"{there} < {floor}" for name, (there, floor) in judged.missing.items()}
    if any(side.market_minor is None for side in (case.before, case.after)):
        helps["market.size_reported"] = ""
    if judged.reason == "inherited_stock":
        helps["base_flows"] = helps["pipeline_flows"] = ""
    if judged.reason == "no_cause_separable_from_noise":
        helps["longer_period"] = ""
    return helps

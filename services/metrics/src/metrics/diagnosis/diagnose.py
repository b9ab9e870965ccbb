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
from metrics.diagnosis.payload import Compared, Diagnosis, Lens
from metrics.diagnosis.plan import Plan, against_plan
from metrics.diagnosis.robustness import Confidence, confidence, flips
from metrics.diagnosis.rules import Rules
from metrics.diagnosis.scene import compared
from metrics.diagnosis.verdict import INSUFFICIENT, Case, Judgement, judge
from metrics.diagnosis.views import classes_of, contributions_of, factors_of


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisInput:
    """All that a diagnosis is made from; nothing else is read."""

    tenant: str
    lens: Lens = "revenue"
    """What is judged; for profit the figures tell costs."""
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
    """Revenue of the window that is judged (see `wide_enough`) and its baseline, by other
    dimensions; `readings` are of the same periods.
    """
    plan: Plan | None = None
    """What targets say of the period asked for; told where it is to be compared with them."""
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
    if request.plan is not None:
        return _planned(request, request.plan)
    chosen = wide_enough(request.windows, request.rules, wanted=request.wanted_baseline)
    if chosen is None:
        return _refusal(request, Refusal(reason="no_baseline", helps=_lacking(request)))
    window, found = chosen
    case = _case(request, window, found[0])
    judged = judge(case, request.rules)
    diagnosis = _found(request, window, found[0], case=case, judged=judged)
    if not judged.order:
        return diagnosis
    other = alternative(found)
    against = _case(request, window, other) if other else None
    return _with_cause(diagnosis, request, case=case, judged=judged, other=against)


def _case(request: DiagnosisInput, window: Window, baseline: Baseline) -> Case:
    before, after = baseline.figures, window.current
    return Case(
        before=before,
        after=after,
        comparison=compared(before, after, rules=request.rules, seed=request.seed),
        # Wider windows have another spread than the one that the history was told for.
        history=request.history if window is request.windows[0] else (),
    )


def _found(
    request: DiagnosisInput, window: Window, baseline: Baseline, *, case: Case, judged: Judgement
) -> Diagnosis:
    """What can be said whether anybody is named or not."""
    rules, scene = request.rules, judged.scene
    before, after = case.before, case.after
    delta = after.result_minor - before.result_minor
    parts = contributions_of(scene, delta)
    return replace(
        _bare(request, judged.verdict, reason=judged.reason, grain=window.grain),
        helps=_helps(judged, case),
        baseline=Compared(kind=baseline.kind, amount=before.result_minor, season=before.season),
        current=after.result_minor,
        delta=delta,
        relative=delta / before.result_minor if before.result_minor > 0 else None,
        contributions=parts,
        factors=factors_of(scene, parts, rules),
        classes=classes_of(scene, parts, rules, blame=judged.blame),
        residual=delta - sum(part.amount for part in parts),
        evidence=evidence(request.readings, before, after, rules=rules),
        missing=judged.missing,
    )


def _with_cause(
    found: Diagnosis,
    request: DiagnosisInput,
    *,
    case: Case,
    judged: Judgement,
    other: Case | None,
) -> Diagnosis:
    """How sure it is, where it sits and what to do; `other` is the case against the other
    baseline.
    """
    rules = request.rules
    flipped = flips(case, judged, rules, other=other)
    at_most = _at_most(case, found.baseline)
    return replace(
        found,
        order=judged.order,
        probability=judged.probability,
        confidence=confidence(judged, flipped, found.evidence, at_most=at_most, rules=rules),
        flips_when=flipped,
        actions=actions(found.contributions, judged.order),
        drill=drill(judged.scene, case.before, case.after, cuts=request.cuts, rules=rules),
    )


def _planned(request: DiagnosisInput, plan: Plan) -> Diagnosis:
    """Against a plan of revenue nobody is named: it does not say who was to bring it."""
    if plan.amount is None:
        lacking = {"targets": ", ".join(plan.lacking)}
        return _refusal(request, Refusal(reason="no_baseline", helps=lacking))
    window = request.windows[0]
    bare = _bare(request, INSUFFICIENT, reason="plan_undivided", grain=window.grain)
    return against_plan(bare, plan.amount, current=window.current.result_minor)


def _refusal(request: DiagnosisInput, refusal: Refusal) -> Diagnosis:
    grain = request.windows[0].grain if request.windows else ""
    bare = _bare(request, INSUFFICIENT, reason=refusal.reason, grain=grain)
    return replace(bare, helps=refusal.helps)


def _lacking(request: DiagnosisInput) -> dict[str, str]:
    """What there is no baseline for want of."""
    wanted = request.wanted_baseline or BaselineKind.YEAR_AGO
    if wanted is BaselineKind.SEASONAL and request.rules.season is None:
        return {"season": ""}
    return {"baseline": wanted.value}


def _bare(request: DiagnosisInput, verdict: str, *, reason: str, grain: str) -> Diagnosis:
    return Diagnosis(
        tenant=request.tenant,
        lens=request.lens,
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


def _at_most(case: Case, baseline: Compared | None) -> Confidence:
    """What is not known about market or season cannot be made up for by many facts."""
    sides = case.before, case.after
    unknown = any(side.market_minor is None or side.market_provisional for side in sides)
    unseasonal = baseline is not None and baseline.kind is BaselineKind.UNSEASONAL
    return Confidence.MEDIUM if unknown or unseasonal else Confidence.HIGH


def _helps(judged: Judgement, case: Case) -> dict[str, str]:
    """What data would help to name a cause, or to name it more surely."""
    helps = {name: f"{there} < {floor}" for name, (there, floor) in judged.missing.items()}
    if any(side.market_minor is None for side in (case.before, case.after)):
        helps["market.size_reported"] = ""
    if judged.reason == "inherited_stock":
        sides = case.before, case.after
        for flows in ("base_flows", "pipeline_flows"):
            if any(getattr(side, flows) is None for side in sides):
                helps[flows] = ""
    if judged.reason == "no_cause_separable_from_noise":
        helps["longer_period"] = ""
    return helps

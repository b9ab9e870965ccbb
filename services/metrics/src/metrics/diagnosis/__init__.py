"""The diagnosis: results fell; is it sales, is it operations, or is it the market?

Pure: what a period was like is given as `Figures`, and nothing else is read. One call:

    diagnosis = diagnose(
        DiagnosisInput(
            tenant=..., scope="", period="2017-Q1", currency="CNY",
            gate=GateFacts(period_end=..., watermark=..., present=..., restated_share=...),
            windows=[
                Window(grain="quarter", current=q1, months_of_history=30,
                       year_ago=..., previous=..., seasonal_index=...),
                Window(grain="year", current=twelve_months, ...),   # if q1 is below the floors
            ],
            history=[...],        # ln(period / same period a year before) of earlier periods
            readings=[Reading(kpi="csat", baseline=0.9, current=0.8, baseline_count=210, ...)],
            cuts=[Cut(dimensions=("region",), before=..., after=...)],
            rules=Rules(),        # owner map, elasticity, thresholds: policy, with a version
            catalogue_version="7", as_of=...,
        )
    )
    diagnosis.data()                                       # for JSON
    sentence(diagnosis, Language.ZH)                       # in two lines
    report(diagnosis, Language.EN)                         # sentence, waterfall, reasons

It refuses by a verdict of `insufficient_data` with `reason` and `helps`, never by raising.
The same request gives the same diagnosis, byte for byte.

figures, sample -> tree, contributions (attribution) -> scene -> verdict -> robustness
gate and baseline stand before; drill, evidence, actions beside; payload and report after.
"""

from metrics.diagnosis.baseline import BaselineKind as BaselineKind
from metrics.diagnosis.baseline import Window as Window
from metrics.diagnosis.diagnose import DiagnosisInput as DiagnosisInput
from metrics.diagnosis.diagnose import diagnose as diagnose
from metrics.diagnosis.drill import Cut as Cut
from metrics.diagnosis.drill import Portion as Portion
from metrics.diagnosis.evidence import Reading as Reading
from metrics.diagnosis.figures import Band as Band
from metrics.diagnosis.figures import BaseFlows as BaseFlows
from metrics.diagnosis.figures import Costs as Costs
from metrics.diagnosis.figures import Figures as Figures
from metrics.diagnosis.figures import Funnel as Funnel
from metrics.diagnosis.figures import PipelineFlows as PipelineFlows
from metrics.diagnosis.figures import Spending as Spending
from metrics.diagnosis.gate import GateFacts as GateFacts
from metrics.diagnosis.payload import Diagnosis as Diagnosis
from metrics.diagnosis.payload import Lens as Lens
from metrics.diagnosis.plan import Plan as Plan
from metrics.diagnosis.report import report as report
from metrics.diagnosis.rules import Owner as Owner
from metrics.diagnosis.rules import Rules as Rules
from metrics.diagnosis.sentence import sentence as sentence
from metrics.diagnosis.words import Language as Language

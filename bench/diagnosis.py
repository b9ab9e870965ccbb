"""`python -m bench.diagnosis`: how often the diagnosis finds a cause that is known.

python -m bench.diagnosis                600 cases for each truth and volume, and the page
python -m bench.diagnosis --cases 60     to try it out; printed only
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import numpy as np

from bench.diagnosis_cases import Truth, case
from bench.diagnosis_page import Cost, Outcome, Row, page
from metrics.diagnosis import DiagnosisInput, Figures, GateFacts, Rules, Window, diagnose
from metrics.diagnosis.gate import NEEDED
from metrics.diagnosis.scene import compared
from metrics.diagnosis.verdict import Case, judge

PAGE: Final = Path(__file__).parents[1] / "docs" / "diagnosis-simulation.md"
CASES: Final = 600
VOLUMES: Final = (1_000, 250, 60)
ELASTICITIES: Final = (0.5, 0.75, 1.25, 1.5)
SEED: Final = 2_017
RULES: Final = Rules(draws=1_000)
"""As shipped but for the draws, of which a fourth tells the same over many cases."""
EXPECTED: Final = {
    Truth.NONE: "no_material_change",
    Truth.SALES: "sales",
    Truth.OPERATIONS: "operations",
    Truth.MIX: "operations",
    Truth.MARKET: "market",
    Truth.MIXED: "mixed",
    Truth.MARKET_UNSEEN: "market",
}
DEPARTMENTS: Final = frozenset({"sales", "operations", "market"})
NAIVE_FALL: Final = 0.05


def outcome(truth: Truth, verdict: str) -> Outcome:
    if verdict == EXPECTED[truth]:
        return Outcome.RIGHT
    guilty = {
        Truth.NONE: set[str](),
        Truth.MIXED: {"sales", "operations"},
    }.get(truth, {EXPECTED[truth]})
    if verdict == "mixed":
        return Outcome.PARTLY if guilty else Outcome.WRONG
    if verdict in DEPARTMENTS:
        return Outcome.PARTLY if verdict in guilty else Outcome.WRONG
    return Outcome.ABSTAINED


def ours(before: Figures, after: Figures, *, rules: Rules, seed: int) -> str:
    """Steps 2 to 5: robustness changes the confidence, never the verdict."""
    comparison = compared(before, after, rules=rules, seed=seed)
    return judge(Case(before=before, after=after, comparison=comparison), rules).verdict


def naive(before: Figures, after: Figures) -> str:
    """The largest relative fall of overall conversion, retention and market, from 5 % on; mixed
    where the other department's fall is at least half of it. Our reading of the article.
    """
    readings: dict[str, Callable[[Figures], float]] = {
        "sales": lambda f: f.won / max(f.workable, 1),
        "operations": lambda f: f.buyers / max(f.base, 1),
        "market": lambda f: float(f.market_minor or 1),
    }
    falls = {name: 1 - of(after) / of(before) for name, of in readings.items() if of(before)}
    worst = max(falls, key=lambda name: falls[name])
    if falls[worst] < NAIVE_FALL:
        return "no_material_change"
    departments = [falls.get("sales", 0.0), falls.get("operations", 0.0)]
    if worst != "market" and min(departments) >= max(NAIVE_FALL, max(departments) / 2):
        return "mixed"
    return worst


def measured(
    truth: Truth, volume: int, *, cases: int, elasticity: float = 1.0, rules: Rules = RULES
) -> Row:
    random = np.random.default_rng([SEED, list(Truth).index(truth), volume])
    counts = Counter[Outcome](), Counter[Outcome]()
    for number in range(cases):
        before, after = case(truth, volume, random=random, elasticity=elasticity)
        found = ours(before, after, rules=rules, seed=number)
        counts[0][outcome(truth, found)] += 1
        counts[1][outcome(truth, naive(before, after))] += 1
    shares = [{one: count[one] / cases for one in Outcome} for count in counts]
    return Row(truth, volume, ours=shares[0], naive=shares[1], elasticity=elasticity)


def rows(cases: int) -> tuple[list[Row], list[Row]]:
    """Of all truths and volumes, and of the market with other elasticities."""
    with ProcessPoolExecutor() as pool:
        asked = [
            pool.submit(measured, truth, volume, cases=cases)
            for volume in VOLUMES
            for truth in Truth
        ]
        limits = [
            pool.submit(measured, Truth.MARKET, VOLUMES[0], cases=cases, elasticity=elasticity)
            for elasticity in ELASTICITIES
        ]
        for future in as_completed([*asked, *limits]):
            row = future.result()
            told = f"{row.truth}, volume {row.volume}, elasticity {row.elasticity}"
            print(f"{told}: {_line(row.ours)}; naive {_line(row.naive)}", flush=True)
    table = sorted((f.result() for f in asked), key=lambda row: list(Truth).index(row.truth))
    return table, [future.result() for future in limits]


def cost(cases: int) -> Cost:
    """Processor time, so that a busy machine does not count."""
    random = np.random.default_rng(SEED)
    spent = []
    for number in range(cases):
        request = _request(*case(list(Truth)[number % 6], 1_000, random=random))
        start = time.process_time()
        diagnose(request)
        spent.append((time.process_time() - start) * 1_000)
    tracemalloc.start()
    diagnose(request)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Cost(median(spent), quantiles(spent, n=20)[-1], peak / 2**20)


def _request(before: Figures, after: Figures) -> DiagnosisInput:
    end = datetime(2017, 4, 1, tzinfo=UTC)
    return DiagnosisInput(
        tenant="bench",
        scope="",
        period="2017-Q1",
        currency="CNY",
        gate=GateFacts(period_end=end, watermark=end, present=NEEDED, restated_share=0.0),
        windows=[Window(grain="quarter", current=after, months_of_history=24, year_ago=before)],
        catalogue_version="1",
        as_of=end,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.diagnosis", description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES, help="for each truth and volume")
    cases = parser.parse_args().cases
    table, limits = rows(cases)
    spent = cost(min(cases, 120))
    print(spent)
    if cases == CASES:
        PAGE.write_text(page(table, limits, cost=spent, cases=cases, rules=RULES), encoding="utf-8")
        print(f"see {PAGE}")


def _line(shares: dict[Outcome, float]) -> str:
    return " / ".join(f"{shares[one]:.2f}" for one in Outcome)


if __name__ == "__main__":
    main()

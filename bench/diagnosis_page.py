"""The page of the diagnosis' simulation: what was found, how the cases were made, its limits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bench.diagnosis_cases import DRIFT, FAULTS, Channel, Company, Tenure, Truth
from metrics.diagnosis.rules import Rules

RIGHT_FLOOR: Final = 0.88
FALSE_BLAME_FLOOR: Final = 0.05


class Outcome(StrEnum):
    RIGHT = "right"
    WRONG = "wrong"
    """Somebody is blamed who has no part in it; of no cause, anybody at all."""
    PARTLY = "partly"
    """One of two causes, or one too many beside the true one."""
    ABSTAINED = "abstained"


@dataclass(frozen=True, slots=True)
class Row:
    """Shares of outcomes over the cases of one truth and volume."""

    truth: Truth
    volume: int
    ours: dict[Outcome, float]
    naive: dict[Outcome, float]
    elasticity: float = 1.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one whole diagnosis, with robustness and drill."""

    median_ms: float
    p95_ms: float
    peak_mib: float


def missed(row: Row) -> bool:
    """Whether it is below the floors for a volume of 1,000 deals."""
    right, wrong = row.ours[Outcome.RIGHT], row.ours[Outcome.WRONG]
    return right < RIGHT_FLOOR or wrong > FALSE_BLAME_FLOOR


def page(
    rows: Sequence[Row], limits: Sequence[Row], *, cost: Cost, cases: int, rules: Rules
) -> str:
    volume = max(row.volume for row in rows)
    asked = [r for r in rows if r.volume == volume and r.truth is not Truth.MARKET_UNSEEN]
    below = [row.truth.value for row in asked if missed(row)]
    company, (low, high) = Company(), FAULTS
    return TEMPLATE.format(
        cases=cases,
        volume=f"{volume:,}",
        landed=f"**Missed by: {', '.join(below)}.**" if below else "All reach it.",
        rows="\n".join(_row(row) for row in rows),
        near_ninety=f"{1.96 * (0.09 / cases) ** 0.5:.3f}",
        near_five=f"{1.96 * (0.0475 / cases) ** 0.5:.3f}",
        limits="\n".join(f"| {r.elasticity:g} | {_shares(r.ours, Outcome)} |" for r in limits),
        cost=cost,
        company=company,
        basket=f"{company.basket_minor / 100:,.0f}",
        channels="\n".join(_channel(name, c) for name, c in company.channels.items()),
        bands="\n".join(_band(name, b) for name, b in company.bands.items()),
        drift=DRIFT,
        low=low,
        high=high,
        rules=rules,
    )


def _row(row: Row) -> str:
    naive = _shares(row.naive, (Outcome.RIGHT, Outcome.WRONG))
    return f"| {row.truth} | {row.volume:,} | {_shares(row.ours, Outcome)} | {naive} |"


def _shares(shares: dict[Outcome, float], which: Iterable[Outcome]) -> str:
    return " | ".join(f"{shares[one]:.2f}" for one in which)


def _channel(name: str, c: Channel) -> str:
    return f"| {name} | {c.share:.0%} | {c.decided:.0%} | {c.won:.0%} | {c.deal_minor / 100:,.0f} |"


def _band(name: str, b: Tenure) -> str:
    return f"| {name} | {b.share:.0%} | {b.active:.0%} | {b.buying:.0%} |"


TEMPLATE: Final = """\
# Does the diagnosis find the cause?

Made by `python -m bench.diagnosis`; do not edit. Companies are made up, a fault is laid or none,
and the verdict is compared with what was laid: {cases} cases in each line.

Right: the verdict is the truth. Wrong: somebody is blamed who has no part in it (where nothing was
laid: anybody at all). Partly: one of two causes, or one too many. Abstained: no cause was named
though there was one, or a fall was seen though nothing was laid. Naive: the largest relative fall
of overall conversion, retention and market size, from 5 % on; mixed where the other department
fell at least half as much.

Asked of volume {volume}: right ≥ 0.88, wrong ≤ 0.05. {landed}

| Truth | Volume | Ours: right | wrong | partly | abstained | Naive: right | wrong |
|---|--:|--:|--:|--:|--:|--:|--:|
{rows}

With {cases} cases a share of 0.90 is known to ±{near_ninety}, one of 0.05 to ±{near_five}.

## When the elasticity is not what the rules assume

Truth: market, volume {volume}; the rules assume 1.

| True elasticity | right | wrong | partly | abstained |
|--:|--:|--:|--:|--:|
{limits}

## What one diagnosis costs

Whole, with robustness, drill and evidence; three channels and four tenure bands; processor time of
one thread: median {cost.median_ms:.0f} ms, 95th percentile {cost.p95_ms:.0f} ms, peak memory
{cost.peak_mib:.0f} MiB. It does not depend on the number of deals: figures are counts and sums.

## How the cases are made

Volume v: {company.workable} v workable deals and {company.base} v customers in each period. New
and repeat sales each bring about half of revenue.

| Channel | of the deals | decided | of these won | deal value |
|---|--:|--:|--:|--:|
{channels}

| Tenure (days) | of the base | active | of these buy |
|---|--:|--:|--:|
{bands}

- {company.orders} orders a buyer, at {basket}.
- Both periods are drawn independently: deals Poisson, rates binomial, further orders Poisson,
  amounts log-normal with a coefficient of variation of {company.deal_cv} (deals) and
  {company.basket_cv} (orders).
- Beside a fault the market drifts by {drift[market]:.0%} and the customer base by {drift[base]:.0%}
  (standard deviations). "None" is the same truth twice.
- A fault takes {low:.0%} to {high:.0%}, evenly drawn, of the branch (new or repeat sales) in which
  it is laid, all else equal; which one of the list is evenly drawn too.
  Sales: decision rate, win rate or deal value of all channels.
  Operations: deals shift to the worst channel, fewer workable deals, fewer active customers, or
  fewer buyers among them.
  Market: its size, and deals and orders with it.
  Mixed: one fault of sales and one of operations, drawn apart.
- Rules version {rules.version} as shipped, but {rules.draws:,} draws; no earlier periods are known:
  a fall is material by the two periods alone.

## Limits

- The generator is ours, and it draws from the families of distributions that the diagnosis assumes:
  this is a regression test of the rules, not accuracy in the field. Real deals are not independent
  (one customer, one campaign, one seller), so real intervals are wider than ours.
- A fault here hits one factor of all channels or bands at once, by a fifth at least. Smaller or
  more local faults are found less often; most of them end as an abstention.
- At low volume it mostly abstains. That is meant: the naive rule is right more often there on some
  faults because it nearly always names somebody, and it does so too where nothing happened.
- A market that moves results by much more than the elasticity assumed reads as mixed; the verdict
  says from which elasticity on it flips.
- A falling market that shows in the win rate while leads stay (the last truth of the table) cannot
  be told from worse selling by these figures. The reasons of lost deals are asked for there, and
  without them the confidence is one level lower.
- One quiet period in twelve falls beyond a one-sided 92 % bound by chance alone, so "none" cannot
  be right much more often than that; about half of those end without a name.
- Decomposition is not causation: the verdict says where the change sits, the evidence suggests why.
"""

"""What every KPI must be, by brute force over plain events.

Shares no code with the engine, on purpose: nothing of `metrics` or `events` is
imported. Stocks are looked up day by day, nothing is incremental, slow is fine.
An oracle bears the id of its KPI; it is in the file of its area and listed in ORACLES.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kpi_oracles.books import Ask, Books, Expected
from kpi_oracles.costs import (
    cac,
    channel_cpl,
    channel_roi,
    cost_control,
    cost_reduction,
    operating_cost,
    unit_operating_cost,
)
from kpi_oracles.customers import (
    clv_observed,
    customer_retention,
    net_revenue_retention,
    purchase_frequency,
    repeat_purchase_rate,
)
from kpi_oracles.earning import cpi, spi_t
from kpi_oracles.feedback import csat, nps, sales_csat
from kpi_oracles.leads import first_response_min, lead_conversion, lead_qualification
from kpi_oracles.market import market_share
from kpi_oracles.operations import error_rate, first_pass_yield, time_saved, utilization
from kpi_oracles.pipeline import deals_lost, pipeline_weighted, stage_conversion
from kpi_oracles.projects import project_acceptance, project_on_time
from kpi_oracles.sales import (
    avg_deal_value,
    decision_rate,
    pipeline_open,
    revenue_attainment,
    revenue_net,
    sales_cycle_days,
    win_rate,
)
from kpi_oracles.usage import dau, mau, stickiness, user_retention

__all__ = ["ORACLES", "Ask", "Books", "Expected", "expected"]

ORACLES: Final[dict[str, Callable[[Books, Ask], Expected]]] = {
    oracle.__name__: oracle
    for oracle in (
        revenue_net,
        revenue_attainment,
        win_rate,
        decision_rate,
        sales_cycle_days,
        avg_deal_value,
        pipeline_open,
        pipeline_weighted,
        stage_conversion,
        deals_lost,
        lead_conversion,
        lead_qualification,
        first_response_min,
        clv_observed,
        customer_retention,
        repeat_purchase_rate,
        purchase_frequency,
        net_revenue_retention,
        dau,
        mau,
        stickiness,
        user_retention,
        operating_cost,
        cost_control,
        project_on_time,
        project_acceptance,
        cpi,
        spi_t,
        unit_operating_cost,
        cost_reduction,
        time_saved,
        utilization,
        first_pass_yield,
        error_rate,
        csat,
        sales_csat,
        nps,
        channel_cpl,
        channel_roi,
        cac,
        market_share,
    )
}


def expected(kpi: str, books: Books, ask: Ask) -> Expected:
    return ORACLES[kpi](books, ask)

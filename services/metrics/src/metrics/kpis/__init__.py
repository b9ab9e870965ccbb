"""The company's KPIs, one file per area. To add one: docs/guides/add-a-kpi.md."""

from __future__ import annotations

from typing import Final

from metrics.engine.catalogue import Catalogue
from metrics.kpis.channels import CHANNEL_CPL, CHANNEL_ROI
from metrics.kpis.costs import COST_CONTROL, COST_REDUCTION, OPERATING_COST, UNIT_OPERATING_COST
from metrics.kpis.customers import (
    CAC,
    CLV_OBSERVED,
    CUSTOMER_RETENTION,
    NET_REVENUE_RETENTION,
    PURCHASE_FREQUENCY,
    REPEAT_PURCHASE_RATE,
)
from metrics.kpis.diagnosis import DIAGNOSIS_INPUTS
from metrics.kpis.feedback import CSAT, NPS, SALES_CSAT
from metrics.kpis.leads import FIRST_RESPONSE_MIN, LEAD_CONVERSION, LEAD_QUALIFICATION
from metrics.kpis.market import MARKET_SHARE
from metrics.kpis.models import CLV_PREDICTED
from metrics.kpis.operations import ERROR_RATE, FIRST_PASS_YIELD, TIME_SAVED, UTILIZATION
from metrics.kpis.pipeline import DEALS_LOST, PIPELINE_WEIGHTED, STAGE_CONVERSION
from metrics.kpis.projects import CPI, PROJECT_ACCEPTANCE, PROJECT_ON_TIME_RATE, SPI_T
from metrics.kpis.sales import (
    AVG_DEAL_VALUE,
    DECISION_RATE,
    PIPELINE_OPEN,
    REVENUE_ATTAINMENT,
    REVENUE_NET,
    SALES_CYCLE_DAYS,
    WIN_RATE,
)
from metrics.kpis.usage import DAU, MAU, STICKINESS, USER_RETENTION

__all__ = ["CATALOGUE"]

CATALOGUE: Final = Catalogue(
    (
        REVENUE_NET,
        REVENUE_ATTAINMENT,
        WIN_RATE,
        DECISION_RATE,
        SALES_CYCLE_DAYS,
        AVG_DEAL_VALUE,
        PIPELINE_OPEN,
        PIPELINE_WEIGHTED,
        STAGE_CONVERSION,
        DEALS_LOST,
        LEAD_CONVERSION,
        CAC,
        LEAD_QUALIFICATION,
        FIRST_RESPONSE_MIN,
        CLV_OBSERVED,
        CLV_PREDICTED,
        CUSTOMER_RETENTION,
        REPEAT_PURCHASE_RATE,
        PURCHASE_FREQUENCY,
        NET_REVENUE_RETENTION,
        MARKET_SHARE,
        SALES_CSAT,
        NPS,
        CHANNEL_CPL,
        CHANNEL_ROI,
        CSAT,
        DAU,
        MAU,
        STICKINESS,
        USER_RETENTION,
        OPERATING_COST,
        UNIT_OPERATING_COST,
        COST_REDUCTION,
        COST_CONTROL,
        TIME_SAVED,
        UTILIZATION,
        FIRST_PASS_YIELD,
        ERROR_RATE,
        PROJECT_ACCEPTANCE,
        PROJECT_ON_TIME_RATE,
        CPI,
        SPI_T,
    ),
    inputs=DIAGNOSIS_INPUTS,
)

"""The vocabulary of own definitions: the kinds of moments that they may name, in words.

What stands here is public: definitions of users rest on it. A kind that only makes sense
in one KPI's hands (said for exactly one period, or a price) is no part of it; a test sees
that each kind is either described or left out on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from metrics.definitions.word import Word
from metrics.facts.buyer import loyalty, prospects
from metrics.facts.capacity import CAPACITY
from metrics.facts.cost import COST_ACQUISITION, COST_OF_CAMPAIGN, COST_OF_PROJECT, COST_OPERATING
from metrics.facts.deal import DEAL_CREATED, DEAL_LOST, DEAL_OPEN, DEAL_WON
from metrics.facts.earning import PROJECT_EARNED
from metrics.facts.lead import (
    CONVERSION_DAYS,
    EARNING_DAYS,
    LEAD_CAPTURED,
    LEAD_CONTACTED,
    LEAD_CONVERTED,
    LEAD_CONVERTED_SOON,
    LEAD_EARNED,
    LEAD_QUALIFIED,
    SOON_DAYS,
)
from metrics.facts.order import ORDER_PAID
from metrics.facts.process_run import (
    RUN_COMPLETED,
    RUN_DEFECTS,
    RUN_FLAWLESS,
    RUN_MINUTES,
    RUN_OPPORTUNITIES,
    RUN_TIMED,
    RUN_UNITS,
)
from metrics.facts.project import (
    PROBATION_DAYS,
    PROJECT_ACCEPTED,
    PROJECT_BUDGET,
    PROJECT_COMPLETED,
    PROJECT_DUE,
    PROJECT_DUE_REPLANNED,
    PROJECT_ON_TIME,
    PROJECT_ON_TIME_REPLANNED,
)
from metrics.facts.sale import SALE_REFUNDED
from metrics.facts.survey import (
    CSAT_RESPONDED,
    CSAT_SATISFIED,
    NPS_DETRACTOR,
    NPS_PROMOTER,
    NPS_RESPONDED,
    SALES_CSAT_RESPONDED,
    SALES_CSAT_SATISFIED,
)
from metrics.facts.time_log import TIME_LOGGED, TIME_PRODUCTIVE
from metrics.facts.user import USER_BEGAN, USER_IN_MONTH, USER_ON_DAY

_CREATED: Final = ("the day of creation", "创建日")
_CLOSED: Final = ("the day of closing", "关闭日")
_HELD: Final = ("every day on which it lasts", "存续的每一天")
_CAPTURED: Final = ("the day on which the lead was captured", "线索获取日")
_PAID: Final = ("the day of payment", "付款日")
_ANSWERED: Final = ("the day of the answer", "答卷日")
_INCURRED: Final = ("the day on which it was incurred", "费用发生日")
_COMPLETED: Final = ("the day of completion", "完成日")
_WORKED: Final = ("the day of the work", "工作日期")
_FIRST_BOUGHT: Final = ("the day of the first purchase", "首购日")
_DUE: Final = ("the day that was due by the first baseline", "首个基线的到期日")
_DUE_REPLANNED: Final = ("the day that was due by the latest baseline", "最新基线的到期日")
_ACTIVE: Final = ("the local day of the activity", "活动当日")

_DECIDABLE: Final = (DEAL_OPEN, DEAL_CREATED)
_OWNERS: Final = ("owner",)
_PRODUCTS: Final = ("product",)
_BUYERS: Final = ("owner", "product")
"""A buyer is cut as the sale was, which can have several owners or products."""

_WORDS: Final = (
    Word(DEAL_CREATED, ("deals created", "新建商机"), _CREATED, shared=_OWNERS),
    Word(DEAL_OPEN, ("open deals", "在途商机"), _HELD, "money", shared=_OWNERS, ageing=True),
    Word(
        DEAL_WON,
        ("deals won", "赢单"),
        _CLOSED,
        "money",
        lasted=("days from the first contact to the closing", "首次接触到赢单的天数"),
        shared=_OWNERS,
        part_of=_DECIDABLE,
        still_open=DEAL_OPEN,
    ),
    Word(DEAL_LOST, ("deals lost", "输单"), _CLOSED, shared=_OWNERS, part_of=_DECIDABLE),
    Word(LEAD_CAPTURED, ("leads captured", "获取线索"), _CAPTURED),
    Word(
        LEAD_CONTACTED,
        ("leads that were answered", "已首次响应的线索"),
        _CAPTURED,
        lasted=("working minutes from the capture to the answer", "获取到首次响应的工作分钟数"),
        lasted_in="minutes",
        part_of=(LEAD_CAPTURED,),
    ),
    Word(LEAD_QUALIFIED, ("qualified leads", "合格线索"), _CAPTURED, part_of=(LEAD_CAPTURED,)),
    Word(
        LEAD_CONVERTED,
        ("leads that led to a sale within 90 days", "90天内成交的线索"),
        _CAPTURED,
        part_of=(LEAD_CAPTURED,),
        settles_after_days=CONVERSION_DAYS,
    ),
    Word(
        LEAD_CONVERTED_SOON,
        ("leads that led to a sale within 30 days", "30天内成交的线索"),
        _CAPTURED,
        part_of=(LEAD_CONVERTED,),
        settles_after_days=SOON_DAYS,
    ),
    Word(
        LEAD_EARNED,
        ("sales from leads within 365 days", "线索365天内带来的成交"),
        _CAPTURED,
        "money",
        settles_after_days=EARNING_DAYS,
    ),
    Word(ORDER_PAID, ("orders paid", "付款订单"), _PAID, "money", shared=_PRODUCTS),
    Word(
        SALE_REFUNDED,
        ("refunds", "退款"),
        ("the day of the refund", "退款日"),
        "money",
        shared=_BUYERS,
    ),
    Word(
        loyalty.BUYER_NEW, ("customers who first bought", "首购客户"), _FIRST_BOUGHT, shared=_BUYERS
    ),
    Word(
        loyalty.BUYER_REPEATED,
        ("first buyers who bought again within 180 days", "180天内复购的首购客户"),
        _FIRST_BOUGHT,
        shared=_BUYERS,
        part_of=(loyalty.BUYER_NEW,),
        settles_after_days=loyalty.REPEAT_DAYS,
    ),
    Word(loyalty.BUYER_AGAIN, ("repeat purchases", "再次购买"), _CLOSED, "money", shared=_BUYERS),
    Word(
        loyalty.BUYER_BASE,
        ("customers with a purchase in the last 365 days", "近365天有购买的客户"),
        _HELD,
        shared=_BUYERS,
    ),
    Word(
        prospects.PROSPECT_CREATED,
        ("deals created with those who had not bought before", "未购客户的新建商机"),
        _CREATED,
        shared=_BUYERS,
    ),
    Word(
        prospects.PROSPECT_OPEN,
        ("fresh open deals with those who have not bought yet", "未购客户的新鲜在途商机"),
        _HELD,
        shared=_BUYERS,
    ),
    Word(
        prospects.PROSPECT_DECIDED,
        ("deals decided with those who had not bought before", "未购客户的已决商机"),
        _CLOSED,
        shared=_BUYERS,
    ),
    Word(
        prospects.PROSPECT_WON,
        ("first purchases", "首次购买"),
        _CLOSED,
        "money",
        shared=_BUYERS,
        part_of=(prospects.PROSPECT_DECIDED,),
    ),
    Word(
        prospects.PROSPECT_LISTED,
        ("first purchases at list value", "首次购买的标价"),
        _CLOSED,
        "money",
        shared=_BUYERS,
    ),
    Word(CSAT_RESPONDED, ("satisfaction answers", "满意度答卷"), _ANSWERED),
    Word(CSAT_SATISFIED, ("satisfied answers", "满意答卷"), _ANSWERED, part_of=(CSAT_RESPONDED,)),
    Word(SALES_CSAT_RESPONDED, ("answers asked at the sale", "销售触点答卷"), _ANSWERED),
    Word(
        SALES_CSAT_SATISFIED,
        ("satisfied answers at the sale", "销售触点满意答卷"),
        _ANSWERED,
        part_of=(SALES_CSAT_RESPONDED,),
    ),
    Word(NPS_RESPONDED, ("recommendation answers", "推荐度答卷"), _ANSWERED),
    Word(NPS_PROMOTER, ("promoters (9-10)", "推荐者(9-10分)"), _ANSWERED, part_of=(NPS_RESPONDED,)),
    Word(NPS_DETRACTOR, ("detractors (0-6)", "贬损者(0-6分)"), _ANSWERED, part_of=(NPS_RESPONDED,)),
    Word(COST_OPERATING, ("operating costs", "运营成本"), _INCURRED, "money"),
    Word(COST_ACQUISITION, ("acquisition costs", "获客费用"), _INCURRED, "money"),
    Word(COST_OF_PROJECT, ("costs of projects", "项目成本"), _INCURRED, "money"),
    Word(COST_OF_CAMPAIGN, ("costs of campaigns", "活动费用"), _INCURRED, "money"),
    Word(PROJECT_DUE, ("projects due", "到期项目"), _DUE, ahead=True),
    Word(
        PROJECT_ON_TIME,
        ("projects completed on time", "按时完成的项目"),
        _DUE,
        part_of=(PROJECT_DUE,),
        ahead=True,
    ),
    Word(
        PROJECT_DUE_REPLANNED,
        ("projects due by their latest plan", "按最新计划到期的项目"),
        _DUE_REPLANNED,
        ahead=True,
    ),
    Word(
        PROJECT_ON_TIME_REPLANNED,
        ("projects completed on time by their latest plan", "按最新计划按时完成的项目"),
        _DUE_REPLANNED,
        part_of=(PROJECT_DUE_REPLANNED,),
        ahead=True,
    ),
    Word(PROJECT_COMPLETED, ("projects completed", "已完成项目"), _COMPLETED),
    Word(
        PROJECT_ACCEPTED,
        ("projects accepted at once", "一次验收通过的项目"),
        _COMPLETED,
        part_of=(PROJECT_COMPLETED,),
        settles_after_days=PROBATION_DAYS,
    ),
    Word(
        PROJECT_BUDGET,
        ("instalments of project budgets", "项目预算分期"),
        ("the day that they are planned for", "计划日"),
        "money",
        ahead=True,
    ),
    Word(PROJECT_EARNED, ("earned values of projects", "项目挣值"), _HELD, "money"),
    Word(RUN_COMPLETED, ("runs completed, tickets included", "已完成执行(含工单)"), _COMPLETED),
    Word(
        RUN_FLAWLESS,
        ("runs without rework or defect", "无返工无缺陷的执行"),
        _COMPLETED,
        part_of=(RUN_COMPLETED,),
    ),
    Word(RUN_UNITS, ("units made in runs", "执行产出件数"), _COMPLETED, "pieces"),
    Word(RUN_TIMED, ("units of runs that were timed", "计时执行的产出件数"), _COMPLETED, "pieces"),
    Word(RUN_MINUTES, ("minutes of work on runs", "执行工时"), _COMPLETED, "minutes"),
    Word(RUN_OPPORTUNITIES, ("opportunities for errors", "出错机会"), _COMPLETED, "pieces"),
    Word(
        RUN_DEFECTS,
        ("defects of runs", "执行缺陷"),
        _COMPLETED,
        "pieces",
        part_of=(RUN_OPPORTUNITIES,),
    ),
    Word(TIME_LOGGED, ("time logged", "登记工时"), _WORKED, "minutes"),
    Word(TIME_PRODUCTIVE, ("productive time", "有效工时"), _WORKED, "minutes"),
    Word(CAPACITY, ("time available", "可用工时"), _WORKED, "minutes"),
    Word(USER_BEGAN, ("users first active", "首次活跃用户"), _ACTIVE),
    Word(USER_ON_DAY, ("different users active on a day", "日活跃用户"), _ACTIVE),
    Word(USER_IN_MONTH, ("different users active in 28 days", "28天活跃用户"), _HELD),
)

VOCABULARY: Final[Mapping[str, Word]] = {word.kind.name: word for word in _WORDS}
"""By the name of the kind."""

"""The words of a verdict, in English and Chinese."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Language(StrEnum):
    EN = "en"
    ZH = "zh"


FACTORS: Final = {
    "market": ("market", "市场"),
    "capture": ("pipeline per market", "商机获取"),
    "leads": ("leads per market", "线索获取"),
    "lead_mix": ("lead mix", "线索结构"),
    "qualification": ("qualification", "线索合格率"),
    "opening": ("opening pipeline", "期初商机"),
    "opening_stock": ("pipeline a year ago", "一年前商机存量"),
    "opening_created": ("deals created in the last year", "过去一年新建商机"),
    "opening_decided": ("deals decided in the last year", "过去一年已决商机"),
    "opening_aged": ("deals left to age", "搁置过久的商机"),
    "mix": ("channel mix", "渠道结构"),
    "speed": ("decision rate", "决策率"),
    "win_rate": ("win rate", "赢单率"),
    "deal_value": ("deal value", "客单价"),
    "list_value": ("list value", "标价"),
    "discount": ("discounts", "折扣"),
    "base": ("customer base", "客户基数"),
    "base_stock": ("customer base a year ago", "一年前客户基数"),
    "base_acquired": ("customers won in the last year", "过去一年新客户"),
    "base_returned": ("customers who came back", "回流客户"),
    "base_lapsed": ("customers who lapsed", "流失客户"),
    "tenure": ("tenure mix", "客龄结构"),
    "activity": ("activity", "活跃度"),
    "buying": ("buyers among the active", "活跃客户购买率"),
    "frequency": ("frequency against market", "相对市场频次"),
    "basket": ("basket", "单次金额"),
    "reactivation": ("reactivated customers", "唤回客户"),
    "same_period": ("further sales to new customers", "新客当期复购"),
    "refunds": ("refunds", "退款"),
    "unmatched": ("not matched to a deal", "未对应成交"),
    "lead_count": ("number of paid leads", "付费线索数量"),
    "cost_per_lead": ("cost per lead", "线索单价"),
    "work_volume": ("volume of work", "业务量"),
    "unit_cost": ("unit cost", "单位成本"),
    "plan": ("not divided by the plan", "计划未拆分"),
    "other_costs": ("costs without leads or runs", "无对应产出的成本"),
}
CLASSES: Final = {
    "sales": ("sales", "销售"),
    "operations": ("operations", "运营"),
    "market": ("the market", "市场"),
    "inherited": ("inherited", "期初存量"),
    "unassigned": ("unassigned", "未归属"),
}
CHANGES: Final = {
    "year_ago": ("year on year", "同比"),
    "seasonal": ("on the season-adjusted period before", "较经季节调整的上期"),
    "unseasonal": ("on the period before, season not adjusted", "环比（未作季节调整）"),
    "plan": ("against plan", "较计划"),
}
RESULTS: Final = {
    "revenue": ("Revenue", "销售额"),
    "profit": ("Revenue less acquisition and operations", "扣除获客与运营成本后的收益"),
}
"""What is judged, by lens."""
CONFIDENCE: Final = {"high": ("high", "高"), "medium": ("medium", "中"), "low": ("low", "低")}
NOT_FIRST: Final = {
    "operations": ("sales training should not come first", "不建议以销售培训为先"),
    "sales": ("changes in operations should not come first", "不建议以运营调整为先"),
}
"""What the verdict speaks against."""
REASONS: Final = {
    "period_incomplete": ("the period's data have not all arrived", "本期数据尚未到齐"),
    "events_missing": ("events that are needed have not arrived", "缺少必要的事件"),
    "restatement": ("the facts are still being corrected", "数据仍在更正"),
    "no_baseline": ("there is no period to compare with", "没有可比的基期"),
    "plan_undivided": (
        "the plan tells revenue and not what was to bring it",
        "计划只给出销售额，未给出构成",
    ),
    "below_floor": ("there are too few facts", "样本过少"),
    "inherited_stock": (
        "the largest loss was inherited, and what made it is not known",
        "最大降幅来自期初存量，且其成因未知",
    ),
    "no_cause_separable_from_noise": (
        "no cause can be told from chance",
        "没有任何原因可与随机波动区分",
    ),
}
HELPS: Final = {
    "watermark": ("data up to", "数据需到"),
    "events": ("events", "事件"),
    "restatement": ("fewer corrections", "更少的更正"),
    "baseline": ("a period to compare with", "可比的基期"),
    "targets": ("targets", "目标"),
    "season": ("the usual volume of each month, in the rules", "规则中各月的通常业务量"),
    "decided": ("decided deals", "已决商机"),
    "won": ("won deals", "赢单"),
    "lost": ("lost deals", "输单"),
    "base": ("customers", "客户基数"),
    "buyers": ("buyers", "购买客户"),
    "market.size_reported": ("the size of the market", "市场规模"),
    "base_flows": ("customers won, back and lapsed in the last year", "过去一年的客户增减"),
    "pipeline_flows": ("deals created and closed in the last year", "过去一年的商机增减"),
    "longer_period": ("a longer period", "更长的期间"),
}
CHECKS: Final = {
    "method": ("by Shapley", "改用 Shapley 分解"),
    "owners": ("with contested factors at the other department", "争议因素改归另一部门"),
    "baseline": ("against the other baseline", "改用另一基期"),
    "elasticity": ("with a market elasticity", "市场弹性"),
}
VERDICTS: Final = {
    **CLASSES,
    "mixed": ("mixed", "多因"),
    "insufficient_data": ("not to be told", "无法判断"),
    "no_material_change": ("no material change", "无实质变化"),
}
EVIDENCE: Final = {
    "win_rate": ("win rate", "赢单率"),
    "lead_conversion": ("leads sold to in 90 days (fewer?)", "90 天线索转化率（是否变少）"),
    "lead_conversion_soon": (
        "of these, sold to in 30 days (slower?)",
        "其中 30 天内成交的比例（是否变慢）",
    ),
    "sales_csat": ("feedback on sales", "销售过程满意度"),
    "sales_cycle_days": ("sales cycle (days)", "销售周期（天）"),
    "first_response_min": ("first response (min)", "首次响应（分钟）"),
    "lost_service": ("lost for service", "因服务输单"),
    "lost_price": ("lost for price", "因价格输单"),
    "user_retention": ("user retention", "用户留存率"),
    "customer_retention": ("customer retention", "客户保留率"),
    "dau": ("daily active", "日活"),
    "mau": ("monthly active", "月活"),
    "stickiness": ("DAU/MAU", "活跃粘性"),
    "channel_cpl": ("cost per lead", "渠道获客单价"),
    "channel_roi": ("channel return", "渠道效率"),
    "csat": ("satisfaction", "客户满意度"),
    "first_pass_yield": ("first pass", "一次通过率"),
    "project_on_time": ("on time", "按时完成率"),
    "market_size": ("market size", "市场规模"),
    "market_share": ("market share", "市场份额"),
    "lost_competitor": ("lost to competitors", "输给竞品"),
    "lost_no_budget": ("lost for want of budget", "因无预算输单"),
}
DIMENSIONS: Final = {
    "team": ("team", "团队"),
    "channel": ("channel", "渠道"),
    "segment": ("segment", "客群"),
    "region": ("region", "区域"),
    "product": ("product", "产品"),
}
SLICES: Final = {
    "0-90": ("customers of up to 90 days", "客龄 90 天内"),
    "91-180": ("customers of 91 to 180 days", "客龄 91–180 天"),
    "181-365": ("customers of 181 to 365 days", "客龄 181–365 天"),
    "366-": ("customers of more than a year", "客龄一年以上"),
    "unknown": ("unknown", "未知"),
}
"""Slices that are ours to name: tenure bands, and what nobody told."""
MEMBERS: Final = {
    "channel": {
        "referral": ("referral", "转介绍"),
        "search": ("search", "搜索广告"),
        "search_ads": ("search ads", "搜索广告"),
        "social": ("social media", "社交媒体"),
        "trade_fair": ("trade fair", "展会"),
        "web": ("web", "网站"),
        "retail": ("retail", "门店"),
        "partner": ("partner", "合作伙伴"),
        "email": ("email", "邮件"),
        "phone": ("phone", "电话"),
    },
    "segment": {
        "small": ("small", "小型客户"),
        "medium": ("medium", "中型客户"),
        "enterprise": ("enterprise", "大型客户"),
    },
    "region": {
        "north": ("north", "北区"),
        "south": ("south", "南区"),
        "east": ("east", "东区"),
        "west": ("west", "西区"),
    },
}
"""Members by their usual words, by dimension; any other is told as its company calls it."""


def member(dimension: str, name: str, language: Language) -> str:
    """What a member of a dimension is called; without a name, that nobody told."""
    return said({**SLICES, **MEMBERS.get(dimension, {})}, name, language)


def slice_name(name: str, language: Language) -> str:
    """What a factor is cut by: a channel, a band of tenure, or a process."""
    return member("channel", name, language)


def said(words: dict[str, tuple[str, str]], name: str, language: Language) -> str:
    """A name that is in no list (a new factor, another KPI) is said as it is."""
    en, zh = words.get(name, (name, name))
    return en if language is Language.EN else zh

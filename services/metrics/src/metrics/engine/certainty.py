"""How sure a KPI's values are: which interval they get, and why some get none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from metrics.engine.cohort import Curve, Funnel
from metrics.engine.expectation import Forecast, Model
from metrics.engine.kpi import Amount, Kpi, Quantile, Ratio

Method = Literal["wilson", "normal"]


@dataclass(frozen=True, slots=True)
class Certainty:
    """`method` is that of the 95 % interval, None where there is none; `why` says why so."""

    method: Method | None
    why: Mapping[str, str]


_SHARE: Final = Certainty(
    "wilson",
    {"en": "a share of things that are counted", "zh": "可数对象的占比"},
)
_MEAN_OF_SHARES: Final = Certainty(
    "wilson",
    {
        "en": "a mean of shares: at least as sure as one share of as many",
        "zh": "占比的均值: 其不确定性不超过同样本量的占比",
    },
)
_BALANCE: Final = Certainty(
    "normal",
    {"en": "a difference of two shares", "zh": "两个占比之差"},
)
_ALL_OF_IT: Final = Certainty(
    None,
    {
        "en": "all of it is counted, nothing is sampled",
        "zh": "全量计数, 并非抽样",
    },
)
_OF_AMOUNTS: Final = Certainty(
    None,
    {
        "en": "a ratio of sums is no share of things that are counted, and sums do not tell "
        "how single amounts spread",
        "zh": "两个总量之比不是可数对象的占比, 总量也不反映单笔金额的离散程度",
    },
)
_ALL_VALUES: Final = Certainty(
    None,
    {
        "en": "a percentile of all values; other percentiles tell how they spread",
        "zh": "取自全部数值的分位数; 离散程度可查看其他分位数",
    },
)
_FORECAST: Final = Certainty(
    None,
    {
        "en": "what is not decided yet has no sample to tell its error by",
        "zh": "尚未发生的结果没有样本可估计误差",
    },
)
_HELD_OUT: Final = Certainty(
    None,
    {
        "en": "it is told only where the model foresaw well what it was not shown",
        "zh": "仅当模型对留出数据预测足够准确时才给出",
    },
)


_BY_CLASS: Final[Mapping[type[Kpi], Certainty]] = {
    Amount: _ALL_OF_IT,
    Quantile: _ALL_VALUES,
    Curve: _SHARE,
    Funnel: _SHARE,
    Forecast: _FORECAST,
    Model: _HELD_OUT,
}


def certainty_of(kpi: Kpi) -> Certainty:
    if not isinstance(kpi, Ratio):
        return _BY_CLASS[type(kpi)]
    if kpi.rate:
        return _SHARE if kpi.divided_by == 1 else _MEAN_OF_SHARES
    return _BALANCE if kpi.balance else _OF_AMOUNTS

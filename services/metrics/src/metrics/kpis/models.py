"""KPIs that a model predicts."""

from __future__ import annotations

from metrics.engine.calendar import Grain
from metrics.engine.expectation import Model
from metrics.engine.measure import Count, Money, binned
from metrics.facts.buyer.loyalty import BUYER_NEW, BUYER_VALUE

CLV_PREDICTED = Model(
    id="clv_predicted",
    name={"en": "Predicted customer value", "zh": "客户预测价值"},
    better="up",
    grains=(Grain.MONTH,),
    dimensions=("channel", "segment", "region", "product"),
    customers=Count(BUYER_NEW),
    purchases=binned(Money(BUYER_VALUE)),
    floor=500,
    tolerance=0.3,
    discount=0.1,
    formula={
        "en": "purchases expected in the 12 months after the period (MBG/NBD) x their expected "
        "net amount (Gamma-Gamma), discounted by 10 % a year / customers",
        "zh": "期后12个月预期购买次数 (MBG/NBD) 乘以预期单次净额 (Gamma-Gamma), "
        "年折现率10%, ÷客户数",
    },
    source="Batislam, Denizel and Filiztekin, 2007 (MBG/NBD); Fader and Hardie, 2013 (Gamma-Gamma)",
)

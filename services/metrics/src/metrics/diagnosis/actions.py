"""What to do about a loss, and how much of it could come back.

The texts are those of the article that the product is built on, FAQ 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from metrics.diagnosis.rules import JUDGED, Owner
from metrics.diagnosis.views import ContributionView

Texts = Mapping[str, str]
"""By language: en, zh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """`text` is for a list; `brief` is the clause of a sentence, `{slice}` the slice at fault."""

    text: Texts
    brief: Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    factor: str
    slice: str
    """The channel or band that lost most by the factor."""
    owner: Owner
    recoverable: int
    """The factor's loss over all slices, in minor units."""
    text: Texts


def _advice(en: str, zh: str, *, brief_en: str, brief_zh: str) -> Advice:
    return Advice(
        text=MappingProxyType({"en": en, "zh": zh}),
        brief=MappingProxyType({"en": brief_en, "zh": brief_zh}),
    )


_MARKET = _advice(
    "Sales and operations respond to the market together",
    "销售和运营共同应对",
    brief_en="respond to the market with sales and operations together",
    brief_zh="由销售和运营共同应对市场",
)
_CHANNELS = _advice(
    "Find the most and the least effective channels, and move resources",
    "找出最有效和最无效渠道，优化资源配置",
    brief_en="restore the {slice} channel",
    brief_zh="恢复{slice}渠道",
)
_REACH = _advice(
    "Find the most and the least effective channels, and move resources",
    "找出最有效和最无效渠道，优化资源配置",
    brief_en="bring more leads from the channels that work",
    brief_zh="加大有效渠道的获客",
)
_TRAINING = _advice(
    "Training in selling and negotiation",
    "销售技巧与谈判培训",
    brief_en="train selling and negotiation",
    brief_zh="做销售技巧与谈判培训",
)
_FOLLOW_UP = _advice(
    "Follow up in time, mend the sales process",
    "及时跟进，优化销售流程",
    brief_en="follow up in time and mend the sales process",
    brief_zh="及时跟进、优化销售流程",
)
_PRICES = _advice(
    "Review prices and strategy",
    "价格与策略复核",
    brief_en="review prices and strategy",
    brief_zh="复核价格与策略",
)
_CONTENT = _advice(
    "Plan content, organise campaigns",
    "内容策划与活动组织",
    brief_en="win customers back with content and campaigns",
    brief_zh="做内容与活动召回",
)
_RETENTION = _advice(
    "A retention strategy, a better experience",
    "留存策略、体验优化",
    brief_en="improve retention and experience",
    brief_zh="优化留存与体验",
)
_PROCESSES = _advice(
    "Mend processes, coordinate resources",
    "流程优化、资源协调",
    brief_en="mend processes and coordinate resources",
    brief_zh="优化流程、协调资源",
)
ADVICE: Final[Mapping[str, Advice]] = MappingProxyType(
    {
        "market": _MARKET,
        **dict.fromkeys(("mix", "lead_mix"), _CHANNELS),
        **dict.fromkeys(("capture", "leads", "opening_created"), _REACH),
        **dict.fromkeys(("qualification", "win_rate"), _TRAINING),
        **dict.fromkeys(("speed", "opening_aged"), _FOLLOW_UP),
        **dict.fromkeys(("deal_value", "list_value", "discount"), _PRICES),
        "activity": _CONTENT,
        **dict.fromkeys(
            ("buying", "frequency", "basket", "reactivation", "same_period"), _RETENTION
        ),
        **dict.fromkeys(("base_lapsed", "base_returned"), _RETENTION),
        "cost_per_lead": _CHANNELS,
        "lead_count": _CHANNELS,
        **dict.fromkeys(("refunds", "unit_cost", "other_costs"), _PROCESSES),
    }
)


def actions(parts: Sequence[ContributionView], named: tuple[Owner, ...]) -> tuple[Action, ...]:
    """One for each factor that lost and that somebody answers for: those of the classes that
    the verdict names first, the largest first.
    """
    found = []
    for factor, advice in ADVICE.items():
        mine = [part for part in parts if part.node == factor and part.owner in JUDGED]
        lost = -sum(part.amount for part in mine)
        if lost > 0:
            worst = min(mine, key=lambda part: part.amount)
            found.append(
                Action(
                    factor=factor,
                    slice=worst.slice,
                    owner=worst.owner,
                    recoverable=lost,
                    text=advice.text,
                )
            )
    found.sort(key=lambda action: (action.owner not in named, -action.recoverable))
    return tuple(found)

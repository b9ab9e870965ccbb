"""What is shown: as text in two languages, and as data."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from unicodedata import east_asian_width

import pytest
from diagnosis_example import AFTER, BEFORE, FIT, asked

from metrics.diagnosis import (
    Cut,
    Diagnosis,
    DiagnosisInput,
    Language,
    Plan,
    Portion,
    Reading,
    Rules,
    Window,
    diagnose,
    report,
    sentence,
)
from metrics.diagnosis.actions import ADVICE
from metrics.diagnosis.contributions import FACTORS as TREE_FACTORS
from metrics.diagnosis.evidence import WITNESSES
from metrics.diagnosis.plan import UNDIVIDED
from metrics.diagnosis.rules import DEFAULT_OWNERS, Owner
from metrics.diagnosis.sentence import amount
from metrics.diagnosis.words import EVIDENCE, FACTORS, HELPS, REASONS, said

GUIDES = Path(__file__).parents[5] / "docs" / "guides"
PAYLOAD = {
    *("verdict", "confidence", "probability", "baseline", "delta", "contributions", "residual"),
    *("evidence", "actions", "flips_when", "floors", "catalogue_version", "as_of"),
}


def test_the_english_sentence_says_the_same() -> None:
    assert sentence(diagnose(asked()), Language.EN) == (
        "Revenue fell 9.9% year on year (−774.1k). Main cause: operations: channel mix −878.1k, "
        "activity −351.8k; the market −291.4k; sales +128.1k (not significant). "
        "Advice: restore the referral channel, then win customers back with content and campaigns; "
        "sales training should not come first. Confidence: medium."
    )


@pytest.mark.parametrize("language", Language)
def test_the_sentence_comes_first_then_a_waterfall_that_adds_up_then_the_reasons(
    language: Language,
) -> None:
    diagnosis = diagnose(asked())
    blocks = report(diagnosis, language).split("\n\n")

    assert blocks[0] == sentence(diagnosis, language)
    first, *steps, last = (_amount(line) for line in blocks[1].splitlines())
    assert first + sum(steps) == pytest.approx(last, abs=1e-6)
    assert (first, last) == (7_850_000.00, 7_075_900.00)
    assert any("1.11" in block for block in blocks[2:])


def _amount(line: str) -> float:
    [number] = [word for word in line.replace("−", "-").split() if word.lstrip("+-")[0].isdigit()]
    return float(number.replace(",", ""))


def test_usual_members_are_named_in_the_readers_language_and_others_as_they_are_called() -> None:
    places: list[tuple[str, ...]] = [("team-a", "north"), ("team-b", "Nordost")]
    before = {place: Portion(amount_minor=60_000_000, count=400) for place in places}
    after = {place: Portion(amount_minor=20_000_000, count=100) for place in places}
    cut = Cut(dimensions=("team", "region"), before=before, after=after)
    told = report(diagnose(asked(cuts=[cut])), Language.ZH)

    assert "团队 team-a × 区域 北区：−40.0 万" in told
    assert "团队 team-b × 区域 Nordost：−40.0 万" in told
    assert "转介绍" in told
    assert "referral" not in told


def test_what_could_come_back_names_each_advice_once() -> None:
    [advised] = [
        block
        for block in report(diagnose(asked()), Language.EN).split("\n\n")
        if "come back" in block
    ]
    texts = [line.partition(": ")[0] for line in advised.splitlines()[1:]]

    assert len(texts) == len(set(texts))
    assert "channel mix (referral) 878.1k" in advised


def test_every_factor_has_an_owner_and_words_and_every_judged_one_an_advice() -> None:
    assert set(TREE_FACTORS) == DEFAULT_OWNERS.keys() == FACTORS.keys() - {UNDIVIDED}
    judged = {f for f, o in DEFAULT_OWNERS.items() if o not in {Owner.INHERITED, Owner.UNASSIGNED}}
    assert judged == ADVICE.keys()


def test_the_data_are_json_and_hold_the_whole_payload() -> None:
    data = diagnose(asked()).data()

    assert data.keys() >= PAYLOAD
    assert json.loads(json.dumps(data)) == data
    assert data["floors"] == {"decided": 30, "won": 10, "lost": 10, "base": 100, "buyers": 20}


def test_the_policy_stands_beside_the_verdict() -> None:
    mine = Rules(version="7b", elasticity=1.05)

    diagnosis = diagnose(asked(rules=mine))

    assert diagnosis.rules == mine
    assert "7b" in report(diagnosis, Language.EN).splitlines()[-1]


def test_no_field_is_for_a_person() -> None:
    names = {field.name for field in fields(Diagnosis)}

    assert not names & {"person", "owner_id", "employee", "user", "seller", "name"}
    owners = {part.owner for part in diagnose(asked()).contributions}
    assert owners <= set(Owner)


def test_actions_carry_what_their_factor_lost() -> None:
    diagnosis = diagnose(asked())
    lost = {total.node: -total.amount for total in diagnosis.factors if total.amount < 0}

    assert {action.factor: action.recoverable for action in diagnosis.actions} == lost
    first, second, *_ = diagnosis.actions
    assert (first.factor, first.slice, second.factor) == ("mix", "referral", "activity")
    assert first.text["zh"] == "找出最有效和最无效渠道，优化资源配置"


def test_a_refusal_says_why_and_what_would_help() -> None:
    diagnosis = diagnose(asked(gate=replace(FIT, present=frozenset({"deal.won"}))))

    assert sentence(diagnosis, Language.EN) == (
        "No verdict: events that are needed have not arrived. "
        "What would help: events deal.created, deal.lost."
    )
    assert sentence(diagnosis, Language.ZH) == (
        "不作判断：缺少必要的事件。若有以下数据则有帮助：事件 deal.created, deal.lost。"
    )


@pytest.mark.parametrize(
    ("currency", "english", "chinese", "exact"),
    [
        ("CNY", "−774.1k", "−77.4 万", "7,850,000.00"),
        ("JPY", "−77.4M", "−7,741.0 万", "785,000,000"),
        ("KWD", "−77.4k", "−7.7 万", "785,000.000"),
    ],
)
def test_amounts_have_the_digits_of_their_currency(
    currency: str, english: str, chinese: str, exact: str
) -> None:
    diagnosis = diagnose(replace(asked(), currency=currency))
    for language, about in ((Language.EN, english), (Language.ZH, chinese)):
        told = report(diagnosis, language)
        assert about in told.splitlines()[0]
        assert exact in told


@pytest.mark.parametrize(
    ("minor", "english", "chinese"),
    [
        (0, "+0.00", "+0.00"),
        (-5, "−0.05", "−0.05"),
        (99_994, "+999.94", "+999.94"),
        (99_999, "+1.0k", "+999.99"),
        (100_000, "+1.0k", "+1,000.00"),
        (-1_000_000, "−10.0k", "−1.0 万"),
        (1_000_000_000, "+10.0M", "+1,000.0 万"),
        (10_000_000_000, "+100.0M", "+1.0 亿"),
    ],
)
def test_amounts_are_told_in_the_unit_that_suits_them(
    minor: int, english: str, chinese: str
) -> None:
    assert amount(minor, Language.EN, "USD") == english
    assert amount(minor, Language.ZH, "USD") == chinese


def test_columns_are_aligned_though_chinese_is_twice_as_wide() -> None:
    waterfall = report(diagnose(asked()), Language.ZH).split("\n\n")[1].splitlines()
    ends = set()
    for line in waterfall:
        [number] = re.findall(r"[−+]?[\d,]+\.\d\d", line)
        until = line[: line.index(number) + len(number)]
        ends.add(sum(2 if east_asian_width(char) in "WF" else 1 for char in until))
    assert len(ends) == 1


REFUSALS = {
    "period_incomplete": replace(FIT, watermark=FIT.period_end - timedelta(days=1)),
    "events_missing": replace(FIT, present=frozenset()),
    "restatement": replace(FIT, restated_share=0.2),
}


@pytest.mark.parametrize("reason", [*REASONS])
@pytest.mark.parametrize("language", Language)
def test_every_refusal_says_what_data_would_help(reason: str, language: Language) -> None:
    diagnosis = diagnose(refused_for(reason))

    assert (diagnosis.verdict, diagnosis.reason) == ("insufficient_data", reason)
    assert diagnosis.helps
    assert not diagnosis.order
    assert not diagnosis.actions
    text = sentence(diagnosis, language)
    for name in diagnosis.helps:
        assert said(HELPS, name, language) in text
        assert HELPS[name][0] != HELPS[name][1]


def refused_for(reason: str) -> DiagnosisInput:
    if reason in REFUSALS:
        return asked(gate=REFUSALS[reason])
    match reason:
        case "no_baseline":
            return replace(asked(), windows=[Window(grain="quarter", current=AFTER)])
        case "plan_undivided":
            return asked(plan=Plan(amount=2 * AFTER.revenue_minor))
        case "below_floor":
            few = {name: replace(f, won=3) for name, f in AFTER.funnels.items()}
            return asked(BEFORE, replace(AFTER, funnels=few))
        case "inherited_stock":
            half = {
                name: replace(
                    band,
                    base=band.base // 2,
                    active=band.active // 2,
                    buyers=band.buyers // 2,
                    orders=band.orders // 2,
                    revenue_minor=band.revenue_minor // 2,
                )
                for name, band in BEFORE.bands.items()
            }
            return asked(BEFORE, replace(BEFORE, bands=half))
    # A fall that three classes share too evenly for any to be told from chance.
    less = {name: replace(f, amount_minor=f.amount_minor * 9 // 10) for name, f in
            BEFORE.funnels.items()}  # fmt: skip
    return replace(
        asked(BEFORE, replace(BEFORE, funnels=less)),
        rules=Rules(material_confidence=0.5, significant_confidence=0.999),
    )


def test_what_would_name_a_person_is_refused() -> None:
    portions: dict[tuple[str, ...], Portion] = {("ann",): Portion(amount_minor=1, count=1)}
    with pytest.raises(ValueError, match="never names a person"):
        Cut(dimensions=("team", "owner"), before=portions, after=portions)
    with pytest.raises(ValueError, match="never names a person"):
        Reading(kpi="win_rate", baseline=0.1, current=0.2, link="/v1/kpis?filter=owner:ann")


def test_a_period_that_did_not_fall_blames_nobody() -> None:
    for before, after in ((BEFORE, BEFORE), (AFTER, BEFORE)):
        diagnosis = diagnose(asked(before, after))
        assert diagnosis.verdict == "no_material_change"
        assert (diagnosis.confidence, diagnosis.probability, diagnosis.actions) == (None, None, ())
        assert "nobody is to blame" in sentence(diagnosis, Language.EN)
        assert "不作归因" in sentence(diagnosis, Language.ZH)


def test_both_departments_are_named_when_it_was_both() -> None:
    worse = replace(
        BEFORE,
        funnels={
            name: replace(f, won=f.won // 2, amount_minor=f.amount_minor // 2)
            for name, f in BEFORE.funnels.items()
        },
        bands={
            name: replace(
                b,
                active=b.active // 2,
                buyers=b.buyers // 2,
                orders=b.orders // 2,
                revenue_minor=b.revenue_minor // 2,
            )
            for name, b in BEFORE.bands.items()
        },
    )
    diagnosis = diagnose(asked(BEFORE, worse))

    assert diagnosis.verdict == "mixed"
    text = sentence(diagnosis, Language.ZH)
    assert "主因在销售与运营：赢单率" in text
    assert "不建议" not in text


def test_every_reason_and_witness_has_words() -> None:
    assert EVIDENCE.keys() == WITNESSES.keys()
    assert all(en and zh for en, zh in REASONS.values())


@pytest.mark.parametrize("language", Language)
def test_the_guide_shows_what_is_really_printed(language: Language) -> None:
    name = {Language.EN: "diagnosis.md", Language.ZH: "diagnosis.zh.md"}[language]
    guide = (GUIDES / name).read_text(encoding="utf-8")
    said, waterfall, *_ = report(diagnose(asked()), language).split("\n\n")

    assert waterfall in guide
    gap = " " if language is Language.EN else ""
    assert said in gap.join(guide.splitlines())

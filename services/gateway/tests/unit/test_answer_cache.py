from __future__ import annotations

from datetime import date

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from events.types.kpi import ChangedKpi
from gateway.kpi.cache import AnswerCache, KpiAnswer, touches
from gateway.kpi.query import AnswerKey, KpiQuery


def key(kpi: str = "win_rate", period: str = "2017-Q1", scope: str = "*") -> AnswerKey:
    return AnswerKey(KpiQuery(kpi, (("period", period),)), scope)


def answer(text: str) -> KpiAnswer:
    return KpiAnswer.of(text.encode())


def change(kpi: str = "win_rate", first: str = "2017-02-01") -> ChangedKpi:
    day = date.fromisoformat(first)
    return ChangedKpi(kpi=kpi, first_on=day, last_on=day)


def test_change_within_or_before_the_period_drops_the_answer() -> None:
    for first, dropped in (("2016-01-01", True), ("2017-03-31", True), ("2017-04-01", False)):
        cache = AnswerCache(lambda: 0.0)
        cache.put(key(), answer("1"), cache.stamp())
        cache.change([change(first=first)])
        assert (cache.get(key()) is None) is dropped


def test_change_of_another_kpi_leaves_it() -> None:
    cache = AnswerCache(lambda: 0.0)
    cache.put(key(), answer("1"), cache.stamp())
    cache.change([change(kpi="revenue_net")])
    assert cache.get(key()) is not None


def test_answer_that_a_change_overtook_is_not_kept() -> None:
    cache = AnswerCache(lambda: 0.0)
    stamp = cache.stamp()
    cache.change([change(first="2018-01-01")])
    assert cache.put(key(), answer("1"), stamp)
    stamp = cache.stamp()
    cache.change([change()])
    assert not cache.put(key(), answer("2"), stamp)


def test_stamp_from_too_long_ago_is_not_trusted() -> None:
    cache = AnswerCache(lambda: 0.0)
    stamp = cache.stamp()
    cache.change([change(kpi="other")] * 2001)
    assert not cache.put(key(), answer("1"), stamp)
    stamp = cache.stamp()
    cache.clear()
    assert not cache.put(key(), answer("1"), stamp)


def test_oldest_used_go_first_and_bytes_are_bounded() -> None:
    cache = AnswerCache(lambda: 0.0, most_entries=2, most_bytes=100)
    for scope in "abc":
        cache.put(key(scope=scope), answer("x" * 10), cache.stamp())
        cache.get(key(scope="a"))
    assert [cache.get(key(scope=scope)) is not None for scope in "abc"] == [True, False, True]
    cache.put(key(scope="d"), answer("x" * 95), cache.stamp())
    assert cache.size_bytes <= 100
    cache.put(key(scope="e"), answer("x" * 200), cache.stamp())
    assert len(cache) == 0


def test_answers_age_out() -> None:
    now = 0.0
    cache = AnswerCache(lambda: now, oldest_seconds=30)
    cache.put(key(), answer("1"), cache.stamp())
    now = 31.0
    assert cache.get(key()) is None
    assert cache.size_bytes == 0


KEYS = [key(kpi, period) for kpi in ("a", "b") for period in ("2016", "2017", "2018")]


class AgainstTheTruth(RuleBasedStateMachine):
    """The cache beside a metrics service whose values move; it must never show an old one."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = AnswerCache(lambda: 0.0, most_entries=4)
        self.truth = dict.fromkeys(KEYS, 0)
        self.under_way: list[tuple[AnswerKey, int, int]] = []

    @rule(asked=st.sampled_from(KEYS))
    def ask(self, asked: AnswerKey) -> None:
        stamp = self.cache.stamp()
        self.under_way.append((asked, self.truth[asked], stamp))

    @rule(index=st.integers(0, 10))
    def arrive(self, index: int) -> None:
        if index < len(self.under_way):
            asked, value, stamp = self.under_way.pop(index)
            self.cache.put(asked, answer(str(value)), stamp)

    @rule(kpi=st.sampled_from(["a", "b"]), year=st.integers(2015, 2019))
    def fold(self, kpi: str, year: int) -> None:
        changed = change(kpi, f"{year}-06-01")
        for each in KEYS:
            self.truth[each] += touches(changed, each)
        self.cache.change([changed])

    @invariant()
    def nothing_old_is_shown(self) -> None:
        for each in KEYS:
            found = self.cache.get(each)
            assert found is None or int(found.body) == self.truth[each]
        assert len(self.cache) <= 4


AgainstTheTruth.TestCase.settings = settings(
    max_examples=150, stateful_step_count=30, deadline=None
)
TestAgainstTheTruth = AgainstTheTruth.TestCase

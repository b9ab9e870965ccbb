import msgspec
import pytest
from bench.loading import Patterns, Spread


@pytest.fixture(scope="module")
def uniform() -> Patterns:
    return Patterns()


def test_every_event_is_another_deal_with_one_id_throughout(uniform: Patterns) -> None:
    keys = set()
    for key, value, _ in uniform.records(19_990, 100):  # across the end of the patterns
        event = msgspec.json.decode(value)
        assert event["subject"] == event["data"]["deal"]["deal_id"] == key.decode()
        keys.add(key)
    assert len(keys) == 100


def test_an_outbox_holds_the_data_of_the_same_events(uniform: Patterns) -> None:
    records = uniform.records(5, 3)
    for (key, value, _), (subject, payload) in zip(records, uniform.payloads(5, 3), strict=True):
        assert subject == key.decode()
        assert msgspec.json.decode(payload) == msgspec.json.decode(value)["data"]


@pytest.mark.parametrize("spread", ["uniform", "hot tenant", "high cardinality"])
def test_the_sums_are_those_of_the_events(spread: Spread) -> None:
    patterns = Patterns(spread)
    counted: dict[tuple[int, str], list[int]] = {}
    for _, value, _ in patterns.records(0, 20_500):
        deal = msgspec.json.decode(value)["data"]["deal"]
        sums = counted.setdefault((deal["closed_at"][:10], deal["owners"][0]["owner_id"]), [0, 0])
        sums[0] += 1
        sums[1] += deal["amount"]["amount_minor"]
    said = patterns.sums(20_500, views=1)
    assert sorted(said.values()) == sorted(tuple(sums) for sums in counted.values())


def test_a_hot_tenant_is_nine_events_of_ten() -> None:
    sums = Patterns("hot tenant").sums(20_000, views=1)
    assert 17_500 < max(n for n, _ in sums.values()) < 18_500

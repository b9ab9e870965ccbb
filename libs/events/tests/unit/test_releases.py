"""Releases: appended, never edited, and held against today's classes one and all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from events.schemas import (
    Contract,
    ReleaseRefused,
    SealBroken,
    add_release,
    breaches_of_releases,
    contracts_of,
    read_releases,
)

WON = "com.tandem.pipeline.deal.won.v1"
TODAY = contracts_of()


def changed(change: Callable[[dict[str, Any]], object], of: str = WON) -> dict[str, Contract]:
    """Today's contracts, one of them with a changed schema."""
    data = json.loads(json.dumps(TODAY[of].data))
    change(data)
    return TODAY | {of: msgspec.structs.replace(TODAY[of], data=data)}


def with_field(name: str, kind: str) -> dict[str, Contract]:
    return changed(lambda data: data["properties"].update({name: {"type": kind, "default": None}}))


def broken(present: dict[str, Contract]) -> list[str]:
    return list(breaches_of_releases(read_releases(), present))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda data: data["$defs"]["DealState"]["properties"].pop("amount"),
            "amount: was removed",
        ),
        (lambda data: data["required"].append("overridden"), "overridden: became required"),
        (lambda data: data["$defs"]["Money"]["properties"]["currency"].pop("pattern"), "pattern"),
        (
            lambda data: data["$defs"]["DealState"]["properties"]["status"]["enum"].remove("lost"),
            "deal.status: 'lost' is refused",
        ),
        (
            lambda data: data["$defs"]["Money"]["properties"]["amount_minor"].update(maximum=99),
            "deal.amount.amount_minor: maximum 1000000000000000 became 99",
        ),
        (
            lambda data: data["properties"]["overridden"].update(default=True),
            "overridden: its default False became True",
        ),
    ],
)
def test_the_gate_names_type_release_field_rule_and_mend(
    change: Callable[[dict[str, Any]], object], words: str
) -> None:
    (sentence,) = broken(changed(change))

    assert sentence.startswith(f"{WON} since 0.1.0: ")
    assert words in sentence
    assert ("keep" in sentence) or ("give" in sentence)


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("topic", "sales", "topic_changed"),
        ("key", "deal.customer_id", "key_changed"),
        ("from_partners", False, "partners_refused"),
    ],
)
def test_topic_key_and_openness_to_partners_are_part_of_the_promise(
    field: str, value: object, rule: str
) -> None:
    (sentence,) = broken(TODAY | {WON: msgspec.structs.replace(TODAY[WON], **{field: value})})

    assert rule in sentence


def test_a_released_type_is_never_taken_away() -> None:
    (sentence,) = broken({name: one for name, one in TODAY.items() if name != WON})

    assert "type_gone" in sentence


def test_new_types_and_optional_fields_pass() -> None:
    new_major = {WON.replace(".v1", ".v2"): msgspec.structs.replace(TODAY[WON], data={})}

    assert broken(TODAY | new_major) == []
    assert broken(with_field("discount", "integer")) == []


def test_a_release_holds_what_is_new_and_earlier_ones_stay_as_they_are(tmp_path: Path) -> None:
    assert add_release("0.1.0", TODAY, tmp_path) == sorted(TODAY)
    first = (tmp_path / "0.1.0.json").read_bytes()

    assert add_release("0.10.0", with_field("discount", "integer"), tmp_path) == [WON]
    assert (tmp_path / "0.1.0.json").read_bytes() == first
    assert [release.version for release in read_releases(tmp_path)] == ["0.1.0", "0.10.0"]


def test_every_release_counts_not_only_the_last_and_the_first(tmp_path: Path) -> None:
    add_release("0.1.0", TODAY, tmp_path)
    add_release("0.2.0", with_field("discount", "integer"), tmp_path)
    releases = read_releases(tmp_path)

    (removed,) = breaches_of_releases(releases, TODAY)
    (retyped,) = breaches_of_releases(releases, with_field("discount", "string"))
    assert removed.startswith(f"{WON} since 0.2.0: discount: was removed")
    assert retyped.startswith(f"{WON} since 0.2.0: discount: integer became string")


@pytest.mark.parametrize(
    ("version", "present", "words"),
    [
        ("0.1.0", with_field("discount", "integer"), "0.1.0 is released already"),
        ("0.0.9", with_field("discount", "integer"), "0.1.0 is released already"),
        ("0.2.0", TODAY, "no contract changed"),
        ("0.2.0", changed(lambda data: data["required"].append("overridden")), "became required"),
    ],
)
def test_a_release_is_refused_when_it_is_none(
    tmp_path: Path, version: str, present: dict[str, Contract], words: str
) -> None:
    add_release("0.1.0", TODAY, tmp_path)

    with pytest.raises(ReleaseRefused, match=words):
        add_release(version, present, tmp_path)
    assert [path.name for path in tmp_path.glob("*.json")] == ["0.1.0.json"]


def test_an_edited_or_vanished_release_is_noticed(tmp_path: Path) -> None:
    add_release("0.1.0", TODAY, tmp_path)
    path = tmp_path / "0.1.0.json"
    path.write_text(path.read_text().replace("10000", "20000"))
    with pytest.raises(SealBroken, match=r"0\.1\.0\.json is not what was released"):
        read_releases(tmp_path)

    path.unlink()
    with pytest.raises(SealBroken, match=r"0\.1\.0\.json is not what was released"):
        read_releases(tmp_path)

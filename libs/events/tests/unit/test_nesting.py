"""Depth and items of JSON, told from its brackets alone."""

from __future__ import annotations

import json

import pytest

from events.partners.nesting import is_deeper, split_array

LEVELS = 32


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b",".join([b'{"a":[1]}'] * 1000) + b"]",
        b'{"text":"' + b"[{" * 500 + b'\\"' + b"[" * 100 + b'"}',
        b"[" * LEVELS + b"]" * LEVELS,
    ],
)
def test_wide_texts_and_brackets_in_strings_are_not_deep(text: bytes) -> None:
    assert not is_deeper(text, LEVELS)


@pytest.mark.parametrize(
    "text",
    [
        b"[" * (LEVELS + 1),
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'["\\\\",' * 40,
        b"[{" * 500_000,
    ],
)
def test_deep_texts_are_told(text: bytes) -> None:
    assert is_deeper(text, LEVELS)


@pytest.mark.parametrize(
    "items",
    [[], [1], [{"a": [1, 2]}, "x,]", [[]], None, {"b": '"}'}], ["\\", 'a"b'], [[], {}]],
)
def test_an_array_is_split_as_a_parser_would(items: list[object]) -> None:
    text = json.dumps(items).encode()
    found = split_array(b" \n" + text + b" ")
    assert found is not None
    assert [json.loads(item) for item in found] == items


def test_a_broken_item_is_one_item() -> None:
    assert split_array(b'[{"a":1}, {"b":nope, "c":[}]}, 5]') is None
    assert split_array(b'[{"a":1}, {"b":nope}, \xff, 5]') == [
        *(b'{"a":1}', b'{"b":nope}', b"\xff", b"5")
    ]


@pytest.mark.parametrize("text", [b"", b"{}", b"[", b"]", b"[]]", b"[][]", b"[1", b"[1],2"])
def test_what_is_no_array_is_not_split(text: bytes) -> None:
    assert split_array(text) is None

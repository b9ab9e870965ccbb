from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.partner_keys.secret import hash_of, id_of, new_id, new_key


def test_key_names_its_id_and_never_repeats() -> None:
    key_id = new_id()
    keys = {new_key(key_id, kind="test") for _ in range(100)}
    assert len(keys) == 100
    assert {id_of(key) for key in keys} == {key_id}
    assert len({hash_of(key) for key in keys}) == 100


def test_kind_can_be_seen_by_whoever_finds_a_key() -> None:
    assert new_key(new_id(), kind="live").startswith("tandem_live_")
    assert new_key(new_id(), kind="test").startswith("tandem_test_")


@pytest.mark.parametrize(
    "damage",
    [
        lambda key: key[:-1],
        lambda key: key + "0",
        lambda key: key.swapcase(),
        lambda key: key.replace("_test_", "_live_"),
        lambda key: key + "\n",
        lambda _key: "tandem_",
        lambda _key: "tandem_test_",
    ],
)
def test_key_that_is_not_whole_names_nothing(damage: object) -> None:
    assert callable(damage)
    assert id_of(damage(new_key(new_id(), kind="test"))) is None


@given(place=st.integers(0, 76), letter=st.sampled_from(string.ascii_letters + string.digits))
def test_one_wrong_letter_is_noticed(place: int, letter: str) -> None:
    key = new_key(new_id(), kind="test")
    changed = key[:place] + letter + key[place + 1 :]
    assert (id_of(changed) is None) == (changed != key)


@given(st.text())
def test_any_text_is_read_without_harm(text: str) -> None:
    assert id_of("tandem_" + text) is None

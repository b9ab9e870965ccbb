from __future__ import annotations

import pytest

from gateway.ingress.nesting import MOST_LEVELS, NestedTooDeeply, refuse_deep_nesting


def test_wide_bodies_and_brackets_in_text_pass() -> None:
    refuse_deep_nesting(b"[" + b",".join([b'{"a":[1]}'] * 1000) + b"]")
    refuse_deep_nesting(b'{"text":"' + b"[{" * 500 + b'\\"' + b"[" * 100 + b'"}')
    refuse_deep_nesting(b"[" * MOST_LEVELS + b"]" * MOST_LEVELS)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * (MOST_LEVELS + 1),
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'["\\\\",' * 40,
        b"[{" * 500_000,
    ],
)
def test_deep_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(NestedTooDeeply):
        refuse_deep_nesting(body)

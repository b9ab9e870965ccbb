"""How deep JSON is nested and where an array's items end, told without recursion.

Both look at brackets outside of strings only, so that they can be asked before
anything recursive reads what a stranger sent.
"""

from __future__ import annotations

import re
from typing import Final

_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKET: Final = re.compile(rb"[\[\]{}]")
_MARK: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{},]', re.DOTALL)
_SPACE: Final = b" \t\r\n"


def is_deeper(text: bytes, levels: int) -> bool:
    """Whether it opens more arrays and objects inside each other than `levels`."""
    if text.count(b"{") + text.count(b"[") <= levels:
        return False
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", text)):
        depth += 1 if bracket in b"[{" else -1
        if depth > levels:
            return True
    return False


def split_array(text: bytes) -> list[bytes] | None:
    """The items of an array whose brackets pair up, each as it came; None for anything else.

    For a batch of which no parser reads the whole: its good items are still found.
    """
    stripped = text.strip(_SPACE)
    if not (stripped.startswith(b"[") and stripped.endswith(b"]")):
        return None
    items: list[bytes] = []
    depth, begin = 0, 1
    for mark in _MARK.finditer(stripped):
        sign = mark[0]
        if sign in (b"[", b"{"):
            depth += 1
        elif sign in (b"]", b"}"):
            depth -= 1
            if depth == 0 and mark.end() != len(stripped):
                return None
        if (sign == b"," and depth == 1) or depth == 0:
            items.append(stripped[begin : mark.start()].strip(_SPACE))
            begin = mark.end()
    if depth != 0 or begin != len(stripped):
        return None
    return [] if items == [b""] else items

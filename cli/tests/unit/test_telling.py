"""What strangers wrote is shown on a terminal as text, and does nothing there."""

from __future__ import annotations

import pytest

from tandem.session import say_table


def test_what_is_not_printable_is_shown_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    say_table([{"id": "a\x1b[2J\n\x9b1m", "name": "订单 é"}], ["id", "name"], empty="none")
    shown = capsys.readouterr().out
    assert r"a\x1b[2J\n\x9b1m" in shown
    assert "订单 é" in shown
    assert "\x1b" not in shown
    assert "\x9b" not in shown

"""A stream that is refused says why, as every other answer does."""

from __future__ import annotations

import httpx
import pytest

from tandem.client import Gateway, GatewayRefused, GatewayUnreachable
from tandem.demo.live import live_story


def gateway(monkeypatch: pytest.MonkeyPatch, transport: httpx.MockTransport) -> Gateway:
    asking = Gateway("http://gateway.test", "a-token")
    client = httpx.Client(base_url="http://gateway.test", transport=transport)
    monkeypatch.setattr(asking, "_client", client)
    return asking


def test_a_refused_stream_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            503, json={"detail": "figures are being made"}, headers={"retry-after": "2"}
        )

    asking = gateway(monkeypatch, httpx.MockTransport(refuse))
    with (
        pytest.raises(GatewayRefused, match="figures are being made") as refused,
        asking.stream("/v1/kpis/stream", {}),
    ):
        pass
    assert refused.value.retry_after_seconds == 2


def test_a_stream_from_nobody_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody")

    asking = gateway(monkeypatch, httpx.MockTransport(break_off))
    with pytest.raises(GatewayUnreachable, match="make up"), asking.stream("/v1/kpis/stream", {}):
        pass


def test_the_live_story_ends_with_a_word_when_its_stream_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/stream"):
            return httpx.Response(200, text=": nothing yet\n\n")
        return httpx.Response(200, json={"items": [{"id": "one"}]})

    told: list[str] = []
    live_story(gateway(monkeypatch, httpx.MockTransport(answer)), told.append)
    assert told == ["The stream ended before it told a number; try again in a moment."]

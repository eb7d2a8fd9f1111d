"""maker.client where URL, token, proxy or answer are not what they should be: an error with its remedy."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from maker.client import MakerClient
from runtime.errors import ConfigError, DependencyError, EngineError

URL = "http://127.0.0.1:8080"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


def answering(content: Any, status: int = 200) -> MakerClient:
    """A client of a server that has one answer for everything."""
    transport = httpx.MockTransport(lambda request: httpx.Response(status, json=content))
    return MakerClient(URL, "token", transport=transport)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://127.0.0.1", "127.0.0.1:8080", "http://", "https:///maker", "http://127.0.0.1:abc"),
        *("http://[::1", "http://127.0.0.1/\n"),
    ],
)
def test_what_is_no_url_is_named(url: str) -> None:
    with pytest.raises(ConfigError, match="is not a URL: give http://HOST:PORT"):
        MakerClient(url, "token")


@pytest.mark.parametrize("token", ["b\u00e4d", "two\nlines"])
def test_a_token_of_other_characters_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ConfigError, match="characters that no token has") as refused:
        MakerClient(URL, token)
    assert token not in str(refused.value)


def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://127.0.0.1:1")
    with pytest.raises(ConfigError, match="unset HTTP_PROXY, HTTPS_PROXY and ALL_PROXY"):
        MakerClient(URL, "token")


def test_a_host_with_an_impossible_name_does_not_answer() -> None:
    no_host = f"http://{'a' * 70}.example"  # a label has 63 characters at the most, so none is asked for it
    with MakerClient(no_host, "token") as maker, pytest.raises(DependencyError, match="no gateway answers"):
        maker.active()


CALLS: tuple[Callable[[MakerClient], object], ...] = (
    lambda maker: maker.start("BTC/USDT"),
    lambda maker: maker.stop("BTC/USDT"),
    lambda maker: maker.status("BTC/USDT"),
    lambda maker: maker.active(),
    lambda maker: maker.performance("BTC/USDT"),
    lambda maker: maker.alerts(),
    lambda maker: maker.halt("*", "storm"),
    lambda maker: maker.resume("*", "over"),
    lambda maker: maker.settings(),
    lambda maker: maker.change("pricing.min_edge_bps", "1", "why"),
    lambda maker: maker.revert("change", "why"),
    lambda maker: maker.engine(),
)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("content", [[1, 2], {}, {"symbol": 5, "settings": [1]}, "text", None])
def test_what_is_no_answer_of_a_gateway_is_said(call: Callable[[MakerClient], object], content: Any) -> None:
    with answering(content) as maker, pytest.raises(DependencyError, match="no gateway answers"):
        call(maker)


@pytest.mark.parametrize("content", [[1], "text", {"detail": 5}, {"detail": None, "hint": 1}])
@pytest.mark.parametrize("status", [401, 404, 503])
def test_a_problem_without_words_has_its_status(content: Any, status: int) -> None:
    with answering(content, status) as maker, pytest.raises(EngineError, match=f"status {status}"):
        maker.active()


def test_a_problem_and_its_remedy_are_two_sentences() -> None:
    found = {"detail": "Symbol not found", "hint": "Nearest: BTC/USDT."}
    with answering(found, 404) as maker, pytest.raises(ConfigError) as refused:
        maker.status("BTCUSDT")
    assert str(refused.value) == "Symbol not found. Nearest: BTC/USDT."


@pytest.mark.parametrize("name", ["../../session", "BTC/USDT?x=1", "BTC/USDT#code", "a/../../b"])
def test_no_name_leads_to_another_path(name: str) -> None:
    paths: list[bytes] = []

    def note(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.raw_path)
        return httpx.Response(404, text=json.dumps({"detail": "no"}))

    with MakerClient(URL, "token", transport=httpx.MockTransport(note)) as maker:
        calls: tuple[Callable[[], object], ...] = (
            lambda: maker.status(name),
            lambda: maker.performance(name),
            lambda: maker.change(name, "1", "why"),
        )
        for call in calls:
            with pytest.raises(ConfigError):
                call()
    starts = (b"/api/v1/maker/status/", b"/api/v1/maker/performance/", b"/api/v1/maker/settings/")
    for path, start in zip(paths, starts, strict=True):
        assert path.startswith(start)
        assert b"/" not in path.removeprefix(start)
        assert b"?" not in path

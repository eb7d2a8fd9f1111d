"""`maker start`, `stop` and `remove`: what they send, and values that are no numbers."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from maker.cli.app import app
from maker.cli.terminal import run_to_end
from maker.client import MakerClient

SWITCHED = {"symbol": "BTC/USDT", "status": "started", "message": "done", "command_id": "c", "settings": []}
SENT = {"symbol": "BTC/USDT", "venue": "sim", "message": "going", "command_id": "c"}


class Gateway:
    """Answers every question, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1/maker/")
        self.asked.append((path, json.loads(request.content)))
        return httpx.Response(202, json=SENT if path == "remove" else SWITCHED)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    found = Gateway()

    def client_at(url: str, token_file: Path | None) -> MakerClient:
        return MakerClient(url, "token", transport=httpx.MockTransport(found.answer))

    monkeypatch.setattr("maker.reaching_http.client_at", client_at)
    return found


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["maker", *arguments])
    return run_to_end(app)


def test_a_start_sends_the_values_that_are_given_exactly(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = ("--max-loss", "-400.50", "--base-spread", "0.0030")
    assert run(monkeypatch, "start", "BTC/USDT", *values, "--reason", "why") == 0
    assert gateway.asked == [
        (
            "start",
            {"symbol": "BTC/USDT", "reason": "why", "max_loss": "-400.50", "base_spread": "0.0030"},
        )
    ]


@pytest.mark.parametrize("force", [False, True])
def test_a_removal_is_forced_only_where_that_is_asked(
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    force: bool,
) -> None:
    assert run(monkeypatch, "remove", "BTC/USDT", *(["--force"] if force else [])) == 0
    assert gateway.asked == [("remove", {"symbol": "BTC/USDT", "force": force, "reason": "by hand"})]
    assert capsys.readouterr().out == "going\n"


def test_a_stop_answers_in_json_for_programs(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "stop", "BTC/USDT", "--json") == 0
    assert json.loads(capsys.readouterr().out) == SWITCHED


@pytest.mark.parametrize("option", ["--max-position", "--max-loss", "--base-spread"])
@pytest.mark.parametrize("text", ["nan", "inf", "half", ""])
def test_what_is_no_number_is_named_and_nothing_is_sent(
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: str,
    text: str,
) -> None:
    assert run(monkeypatch, "start", "BTC/USDT", f"{option}={text}") == 2
    assert f"{option} {text!r} is not a number" in capsys.readouterr().err
    assert gateway.asked == []

"""What the application says while the state store is away, or its writer silent."""

import asyncio
import json
from typing import Any, Literal

import pytest
from gateway_api.access.visibility import ALL_OF_IT
from gateway_api.app.overview import Overview

from runtime.store.documents import StoreStatus
from schemas.config import Config
from schemas.control import Command
from tests.kit.fakes import LaggingStore
from tests.unit.gateway_api.conftest import Client, Engine

API = "/api/v1"
READINGS = ("status/BTC/USDT", "active", "performance/BTC/USDT", "risk/alerts", "why/BTC/USDT")


@pytest.fixture
def engine(engine: Engine) -> Engine:
    engine.store = LaggingStore(12)
    return engine


def set_status(engine: Engine, state: Literal["live", "stale", "away"], age_ms: int | None) -> None:
    assert isinstance(engine.store, LaggingStore)
    engine.store.view = StoreStatus(state, age_ms)


@pytest.fixture
def client(trading: Engine, client_of: type[Client]) -> Client:
    return client_of(trading)


@pytest.mark.parametrize("path", READINGS)
def test_a_live_view_is_whole(client: Client, path: str) -> None:
    answer = client.get(f"{API}/maker/{path}")
    shown = answer.json()
    assert (shown["partial"], shown["partial_because"], shown["store_age_ms"]) == (False, None, 12)
    assert answer.headers["maker-view"] == "live"


@pytest.mark.parametrize("path", READINGS)
@pytest.mark.parametrize(("state", "age_ms"), [("stale", 2_500), ("away", 700), ("stale", None)])
def test_data_that_may_be_old_says_so_and_is_still_shown(
    client: Client, trading: Engine, path: str, state: Literal["stale", "away"], age_ms: int | None
) -> None:
    set_status(trading, state, age_ms)
    answer = client.get(f"{API}/maker/{path}")
    shown = answer.json()
    assert answer.status_code == 200
    assert (shown["partial"], shown["partial_because"], shown["store_age_ms"]) == (True, state, age_ms)
    assert answer.headers["maker-view"].startswith(f"partial; store={state}")
    assert ("age_ms" in answer.headers["maker-view"]) == (age_ms is not None)


def test_answers_without_data_say_so_in_their_header(client: Client, trading: Engine) -> None:
    set_status(trading, "away", None)
    for answer in (client.get(f"{API}/maker/status/NOTHING"), client.get("/"), client.get("/health/live")):
        assert answer.headers["maker-view"] == "partial; store=away"


def test_alive_but_not_ready_while_the_store_is_away(client: Client, trading: Engine) -> None:
    set_status(trading, "away", 700)
    assert client.get("/health/live").status_code == 200
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_away")
    assert "redis.url" in answer.json()["hint"]


def test_ready_with_a_view_that_is_stale(client: Client, trading: Engine) -> None:
    set_status(trading, "stale", 3_000)
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["partial_because"] == "stale"


def test_commands_are_taken_while_the_store_is_away(client: Client, trading: Engine) -> None:
    set_status(trading, "away", 700)
    answer = client.post(f"{API}/maker/risk/halt", json={"symbol": "*", "reason": "test"})
    assert answer.status_code == 202
    assert [command.action for command in trading.sent(Command)] == ["halt"]


def test_the_stream_tells_each_change_of_the_view_once(trading: Engine) -> None:
    overview = Overview(trading.store, Config(), ALL_OF_IT)

    def news() -> Any:
        seen = overview.change
        asyncio.run(overview.refresh())
        return json.loads(b"{%s}" % overview.since(seen))

    assert news()["view"] == "live"
    assert news() == {}
    set_status(trading, "away", 700)
    assert news() == {"view": "away"}
    set_status(trading, "live", 10)
    assert news() == {"view": "live"}

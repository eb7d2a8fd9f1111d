"""What the application says while the state store is away, or its writer silent."""

import asyncio
import json

import pytest
from gateway_api.app.overview import Overview, Sight

from chassis.store import MemoryStore, StoreStatus
from schemas.config import Config

API = "/api/v1"
READINGS = ("status/BTC/USDT", "active", "performance/BTC/USDT", "risk/alerts", "why/BTC/USDT")


class LaggingStore(MemoryStore):
    """A store whose writer is somewhere else."""

    def __init__(self) -> None:
        super().__init__()
        self.view = StoreStatus("live", 12)

    def status(self) -> StoreStatus:
        return self.view


@pytest.fixture
def engine(engine):
    engine.store = LaggingStore()
    return engine


@pytest.fixture
def client(trading, client_of):
    return client_of(trading)


@pytest.mark.parametrize("path", READINGS)
def test_a_live_view_is_whole(client, path):
    answer = client.get(f"{API}/maker/{path}")
    shown = answer.json()
    assert (shown["partial"], shown["partial_because"], shown["store_age_ms"]) == (False, None, 12)
    assert answer.headers["maker-view"] == "live"


@pytest.mark.parametrize("path", READINGS)
@pytest.mark.parametrize(("state", "age_ms"), [("stale", 2_500), ("away", 700), ("stale", None)])
def test_data_that_may_be_old_says_so_and_is_still_shown(client, trading, path, state, age_ms):
    trading.store.view = StoreStatus(state, age_ms)
    answer = client.get(f"{API}/maker/{path}")
    shown = answer.json()
    assert answer.status_code == 200
    assert (shown["partial"], shown["partial_because"], shown["store_age_ms"]) == (True, state, age_ms)
    assert answer.headers["maker-view"].startswith(f"partial; store={state}")
    assert ("age_ms" in answer.headers["maker-view"]) == (age_ms is not None)


def test_answers_without_data_say_so_in_their_header(client, trading):
    trading.store.view = StoreStatus("away", None)
    for answer in (client.get(f"{API}/maker/status/NOTHING"), client.get("/"), client.get("/health/live")):
        assert answer.headers["maker-view"] == "partial; store=away"


def test_alive_but_not_ready_while_the_store_is_away(client, trading):
    trading.store.view = StoreStatus("away", 700)
    assert client.get("/health/live").status_code == 200
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_away")
    assert "redis.url" in answer.json()["hint"]


def test_ready_with_a_view_that_is_stale(client, trading):
    trading.store.view = StoreStatus("stale", 3_000)
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["partial_because"] == "stale"


def test_commands_are_taken_while_the_store_is_away(client, trading):
    trading.store.view = StoreStatus("away", 700)
    answer = client.post(f"{API}/maker/risk/halt", json={"symbol": "*", "reason": "test"})
    assert answer.status_code == 202
    assert [command.action for command in trading.commands] == ["halt"]


def test_the_stream_tells_each_change_of_the_view_once(trading):
    overview = Overview(trading.store, Config(), Sight(("*",), shows_pnl=True))

    def news() -> dict[str, object]:
        seen = overview.change
        asyncio.run(overview.refresh())
        return json.loads(b"{%s}" % overview.since(seen))

    assert news()["view"] == "live"
    assert news() == {}
    trading.store.view = StoreStatus("away", 700)
    assert news() == {"view": "away"}
    trading.store.view = StoreStatus("live", 10)
    assert news() == {"view": "live"}

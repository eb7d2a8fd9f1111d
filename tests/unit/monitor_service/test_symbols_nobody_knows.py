"""Settings for a symbol that nobody knows: refused with the nearest name as soon as symbols are known."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from monitor_service.core.monitor import MonitorCore
from monitor_service.feeds.live.feed import LiveFeed
from monitor_service.feeds.recorded import RecordedFeed
from monitor_service.feeds.synthetic import SyntheticFeed
from structlog.testing import capture_logs

from runtime.errors import ConfigError
from runtime.process.definition import AdapterContext
from runtime.store.documents import MemoryStore
from schemas.config import Config
from tests.unit.monitor_service.recorded_files import T0, TERMS, book, config, write

OWN: dict[str, Any] = {"market_making": {"base_spread": 0.05}}


def test_the_synthetic_feed_refuses_all_of_them_at_once() -> None:
    settings = Config.model_validate(
        {
            "per_symbol": {"BTCUSDT": OWN},
            "routing": {"permitted": ["synthetic:btc/usdt", "synthetic:ETH/USDT"]},
        }
    )
    with pytest.raises(ConfigError) as refused:
        SyntheticFeed(settings, T0)
    assert str(refused.value).splitlines() == [
        "per_symbol: no symbol is called BTCUSDT; did you mean 'BTC/USDT'?",
        "routing.permitted: no contract is called synthetic:btc/usdt; did you mean 'synthetic:BTC/USDT'?",
    ]


def test_a_built_in_market_that_can_be_started_later_is_known() -> None:
    only_btc = {name: each for name, each in Config().feed.symbols.items() if name == "BTC/USDT"}
    settings = Config.model_validate({"per_symbol": {"LTC/USDT": OWN}, "feed": {"symbols": only_btc}})
    SyntheticFeed(settings, T0)


def test_a_recording_refuses_what_it_does_not_hold(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", book())
    RecordedFeed(config(path, per_symbol={"BTC/USDT": OWN}, routing={"permitted": ["binance:BTC/USDT"]}))
    with pytest.raises(
        ConfigError, match="per_symbol: no symbol is called BTC-USDT; did you mean 'BTC/USDT'"
    ):
        RecordedFeed(config(path, per_symbol={"BTC-USDT": OWN}))
    with pytest.raises(ConfigError, match="is called kraken:BTC/USDT; did you mean 'binance:BTC/USDT'"):
        RecordedFeed(config(path, routing={"permitted": ["kraken:BTC/USDT"]}))


def test_a_contract_that_a_recording_does_not_hold_is_named_with_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", book())
    with capture_logs() as logs:
        RecordedFeed(config(path, instruments={**TERMS, "btc/usdt": {"tick_size": 1}}))
        RecordedFeed(config(path, instruments={**TERMS, "ETH": {"tick_size": 1, "venue": "elsewhere"}}))
    assert [each["because"] for each in logs] == [
        "instruments: no symbol is called btc/usdt; did you mean 'BTC/USDT'?"
    ]


class Markets:
    """A venue's client that has loaded its markets."""

    def __init__(self, *symbols: str) -> None:
        self.markets = {symbol: market_of(symbol) for symbol in symbols}

    async def load_markets(self) -> None:
        """They are loaded."""

    async def close(self) -> None:
        """There is no connection."""


def market_of(symbol: str) -> dict[str, Any]:
    base, _, quote = symbol.partition("/")
    precision = {"price": "0.1", "amount": "0.001"}
    return {"symbol": symbol, "base": base, "quote": quote, "spot": True, "precision": precision, "info": {}}


def live(per_symbol: str) -> LiveFeed:
    exchange = {"id": "binance", "symbols": ["BTC/USDT"], "url": "http://127.0.0.1:9"}
    settings = Config.model_validate(
        {"feed": {"kind": "live"}, "exchange": exchange, "per_symbol": {per_symbol: OWN}}
    )
    return LiveFeed(AdapterContext(settings, MonitorCore(settings), MemoryStore(), 0))


def test_a_live_feed_refuses_what_the_venue_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "monitor_service.feeds.live.feed.make_client", lambda *_, **__: Markets("BTC/USDT", "ETH/USDT")
    )

    async def ended(feed: LiveFeed) -> None:
        await feed.open(lambda: None)
        try:
            async with asyncio.timeout(10):
                while True:
                    feed.next_due_ns()
                    await asyncio.sleep(0)
        finally:
            await feed.aclose()

    with pytest.raises(ConfigError, match="no symbol is called ETHUSDT; did you mean 'ETH/USDT'"):
        asyncio.run(ended(live("ETHUSDT")))

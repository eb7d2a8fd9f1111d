"""The rate of the currency in which an exchange may take fees: asked for, or the start is refused."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from monitor_service.core.monitor import MonitorCore
from monitor_service.feeds.live.fee_rate import FeeMarket, FeeRateWatch, fee_market
from monitor_service.feeds.live.sink import Sink

from runtime.errors import ConfigError
from schemas.config import Config
from schemas.market import FeedRate, Rate
from tests.servers.local import PATIENCE_S

REAL = {
    "venue": {"kind": "ccxt"},
    "feed": {"kind": "live"},
    "exchange": {"symbols": ["BTC/USDT"]},
    "risk_limits": {
        "max_position": 1, "max_position_notional": 1000, "max_loss": -10, "account_max_loss": -10,
        "max_drawdown": -0.1, "max_exposure": 0.1, "resume_people": 1,
    },
    "routing": {"price_collar": 0.02, "order_value_max": 10, "order_size_max": 1, "permitted": []},
    "protection": {"trips_max": 3},
    "reporting": {"capital": 1000},
}  # fmt: skip
BNB = FeeMarket("BNB/USDT", "BNB", "USDT")


def config(**sections: dict[str, Any]) -> Config:
    return Config.model_validate({**REAL, **sections})


def test_the_exchanges_own_market_is_asked_in_the_reporting_currency_first() -> None:
    markets = {"BNB/EUR", "BNB/USDT", "BTC/USDT", "BTC/EUR"}
    assert fee_market(config(), markets) == BNB
    euro = {"capital": 1000, "rates": {"USDT": "1", "EUR": "1.1"}}
    both = config(exchange={"symbols": ["BTC/EUR"]}, reporting=euro)
    assert fee_market(both, markets) == BNB
    assert fee_market(both, markets - {"BNB/USDT"}) == FeeMarket("BNB/EUR", "BNB", "EUR")
    futures = config(exchange={"symbols": ["BTC/USDT:USDT"], "id": "binanceusdm"})
    assert fee_market(futures, {"BNB/USDT:USDT"}) == FeeMarket("BNB/USDT:USDT", "BNB", "USDT")


def test_a_start_is_refused_where_nobody_can_say_the_rate() -> None:
    with pytest.raises(ConfigError, match=r"binance takes fees in BNB .* set reporting\.rates\.BNB"):
        fee_market(config(), {"BTC/USDT", "BNB/JPY"})


@pytest.mark.parametrize(
    "sections",
    [
        {"reporting": {"capital": 1000, "rates": {"USDT": "1", "BNB": "600"}}},
        {"exchange": {"symbols": ["BTC/USDT", "BNB/USDT"]}},
        {"exchange": {"symbols": ["BTC/USDT:USDT", "BNB/USDT:USDT"], "id": "binanceusdm"}},
        {"exchange": {"symbols": ["BTC/USDT"], "id": "kraken"}},
        {"venue": {"kind": "simulated"}},
    ],
)
def test_where_somebody_says_it_or_nothing_is_paid_nobody_asks(sections: dict[str, Any]) -> None:
    assert fee_market(config(**sections), {"BNB/USDT", "BTC/USDT"}) is None
    assert fee_market(config(**sections), {"BTC/USDT"}) is None


def test_a_simulator_need_not_have_the_market() -> None:
    simulator = config(exchange={"symbols": ["BTC/USDT"], "url": "http://127.0.0.1:1"})
    assert fee_market(simulator, {"BTC/USDT"}) is None
    assert fee_market(simulator, {"BNB/USDT"}) == BNB


class Client:
    """Answers each question with the next book."""

    def __init__(self, *books: Any) -> None:
        self.books = list(books)

    async def fetch_order_book(self, symbol: str, levels: int) -> Any:
        assert symbol == BNB.symbol
        book = self.books.pop(0)
        if isinstance(book, Exception):
            raise book
        return book


def test_the_mid_comes_in_as_a_rate_and_goes_to_inventory() -> None:
    sink = Sink("binance", lambda: 7, 1_000)
    watch = FeeRateWatch(BNB, Client({"bids": [[594.2, 1]], "asks": [[594.3, 1]]}), sink)
    asyncio.run(watch.ask())
    (said,) = sink.queue
    assert isinstance(said, FeedRate)
    (rate,) = MonitorCore(Config()).on_event(said)
    assert isinstance(rate, Rate)
    assert (rate.key, rate.rate, rate.base_currency) == ("binance:BNB/USDT", Decimal("594.25"), "BNB")
    assert MonitorCore(Config()).on_event(said.model_copy(update={"rate": Decimal(0)})) == ()


def test_a_question_that_fails_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    good = {"bids": [[594.2, 1]], "asks": [[594.3, 1]]}
    sink = Sink("binance", lambda: 7, 1_000)
    client = Client(OSError("away"), {"bids": [], "asks": [[1, 1]]}, good)
    monkeypatch.setattr("monitor_service.feeds.live.fee_rate._RETRY_S", 0)

    async def until_asked() -> None:
        asked = asyncio.Event()
        sink.wake = asked.set
        task = asyncio.create_task(FeeRateWatch(BNB, client, sink).run())
        await asyncio.wait_for(asked.wait(), PATIENCE_S)
        task.cancel()

    asyncio.run(until_asked())
    assert (len(sink.queue), client.books) == (1, [])

"""What ccxt sends for our calls, venue by venue: as its own recorded cases say, post-only, with our ids."""

import asyncio
import json
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from quote_service.routing.venues.exchange.dialects import Dialect, dialect_of
from quote_service.routing.venues.exchange.facts import VenueContract, order_facts

from runtime.exchange.clients import Client, Credentials, make_client
from schemas.deployment import ExchangeSettings
from schemas.venues import VENUES, VenueId
from tests.conftest import RECORDINGS

Sent = dict[str, Any]
STATIC = RECORDINGS.parent / "ccxt_static" / "binance_spot_requests.json"
IDS: dict[VenueId, str] = {
    "binance": "LTCUSDT", "binanceusdm": "LTCUSDT", "kraken": "LTCUSDT", "okx": "LTC-USDT"
}  # fmt: skip


def market(client: Client, base: str, venue: VenueId) -> Any:
    """What ccxt knows of a contract, without having asked for it."""
    is_swap = venue == "binanceusdm"
    settled = "USDT" if is_swap else None
    lot = 0.00001 if base == "BTC" else 0.001
    return client.safe_market_structure(
        {
            "id": IDS[venue].replace("LTC", base),
            "symbol": f"{base}/USDT:USDT" if is_swap else f"{base}/USDT",
            "base": base, "quote": "USDT", "baseId": base, "quoteId": "USDT", "settle": settled,
            "settleId": settled, "type": "swap" if is_swap else "spot", "spot": not is_swap, "swap": is_swap,
            "contract": is_swap, "linear": is_swap or None, "contractSize": 1 if is_swap else None,
            "future": False, "option": False, "margin": False, "active": True,
            "precision": {"price": 0.01, "amount": lot},
            "limits": {"amount": {}, "price": {}, "cost": {}, "leverage": {}},
            "info": {"orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT"]},
        }
    )  # fmt: skip


class Wire:
    """A client that goes nowhere: what it would send is kept."""

    def __init__(self, venue: VenueId) -> None:
        symbol = "LTC/USDT:USDT" if venue == "binanceusdm" else "LTC/USDT"
        secret = "c2VjcmV0" if venue == "kraken" else "secret"
        exchange = ExchangeSettings(id=venue, symbols=(symbol,))
        self.sent: list[Sent] = []
        self.client: Client = make_client(exchange, Credentials("key", secret, "pass"))
        self.client.set_markets([market(self.client, base, venue) for base in ("LTC", "BTC", "SOL")])
        self.client.fetch = self._fetch
        self.dialect: Dialect = dialect_of(VENUES[venue], self.client)
        units = (Decimal("0.01"), Decimal("0.001"))
        self.contract = VenueContract(f"{venue}:{symbol}", venue, symbol, 1, *units, "LTC", "USDT")

    async def _fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        parts = urlsplit(url)
        fields: dict[str, Any] = dict(parse_qsl(parts.query))
        if body:
            fields |= _fields(body)
        self.sent.append({"method": method, "path": parts.path, **fields})
        return {}

    def after(self, work: Any) -> Sent:
        """The request that a call led to; what ccxt makes of the answer is not looked at here."""

        async def run() -> None:
            try:
                await work
            except Exception as error:
                self.error = error

        asyncio.run(run())
        assert self.sent, self.error
        return self.sent[-1]


@cache
def made(venue: VenueId) -> Wire:
    """Made once: ccxt takes a quarter of a second for it."""
    return Wire(venue)


def wire_to(venue: VenueId) -> Wire:
    """A client of a venue that has sent nothing yet."""
    venue_order = made(venue)
    venue_order.sent.clear()
    return venue_order


def _fields(body: str) -> dict[str, Any]:
    if body[:1] not in "[{":
        return dict(parse_qsl(body))
    parsed = json.loads(body)
    first: dict[str, Any] = parsed[0] if isinstance(parsed, list) else parsed
    return first


def static_cases() -> list[Any]:
    if not STATIC.exists():
        return []
    found: list[Any] = json.loads(STATIC.read_text())["cases"]
    return found


@pytest.mark.skipif(not STATIC.exists(), reason=f"{STATIC} is not there")
@pytest.mark.parametrize("case", static_cases(), ids=lambda case: case["description"])
def test_our_client_sends_what_ccxt_recorded(case: dict[str, Any]) -> None:
    """Our settings of the client change nothing about a request but its time, window and signature."""
    skipped = {"signature", "timestamp", "recvWindow", "newClientOrderId", "newClientStrategyId"}
    venue_order = wire_to("binance")
    method = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in case["method"])
    sent = venue_order.after(getattr(venue_order.client, method)(*case["input"]))
    parts = urlsplit(case["url"])
    expected = dict(parse_qsl(parts.query)) | dict(parse_qsl(case.get("output") or ""))
    assert (sent.pop("method"), sent.pop("path")) == (case["http"], parts.path)
    assert {k: v for k, v in sent.items() if k not in skipped} == {
        name: value for name, value in expected.items() if name not in skipped
    }


def test_a_recorded_answer_is_read_as_the_order_it_is() -> None:
    path = STATIC.parent / "binance_spot_responses.json"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    [case] = json.loads(path.read_text())["cases"]
    venue_order = wire_to("binance")
    order = venue_order.client.parse_order(case["httpResponse"], venue_order.client.market("SOL/USDT"))
    contract = venue_order.contract._replace(symbol="SOL/USDT")
    facts = order_facts(order, contract)
    assert (facts.venue_id, facts.side) == ("9780331417", "buy")
    assert facts.venue_client_id == "x-R4BD3S824d31be3228a348eaa0a303"
    assert (facts.price_ticks, facts.size_lots, facts.filled_lots, facts.state) == (24_100, 50, 0, "open")


ORDERS: list[tuple[VenueId, str, Sent]] = [
    (
        "binance",
        "/api/v3/order",
        {"type": "LIMIT_MAKER", "newClientOrderId": "mm1", "selfTradePreventionMode": "EXPIRE_MAKER"},
    ),
    ("binanceusdm", "/fapi/v1/order", {"type": "LIMIT", "timeInForce": "GTX", "newClientOrderId": "mm1"}),
    ("kraken", "/0/private/AddOrder", {"ordertype": "limit", "oflags": "post", "cl_ord_id": "mm1"}),
    ("okx", "/api/v5/trade/batch-orders", {"ordType": "post_only", "clOrdId": "mm1"}),
]  # fmt: skip


@pytest.mark.parametrize(("venue", "path", "fields"), ORDERS)
def test_an_order_is_post_only_and_carries_our_id(venue: VenueId, path: str, fields: Sent) -> None:
    venue_order = wire_to(venue)
    sent = venue_order.after(venue_order.dialect.place(venue_order.contract, "buy", 9_001, 123, "mm1"))
    assert (sent["method"], sent["path"]) == ("POST", path)
    assert {name: sent.get(name) for name in fields} == fields
    prices = {str(value) for name, value in sent.items() if name in {"price", "px"}}
    sizes = {str(value) for name, value in sent.items() if name in {"quantity", "volume", "sz"}}
    assert (prices, sizes) == ({"90.01"}, {"0.123"})


@pytest.mark.parametrize("venue", ["binance", "binanceusdm", "kraken", "okx"])
def test_self_trade_prevention_stands_in_every_order_where_the_venue_has_it(venue: VenueId) -> None:
    venue_order = wire_to(venue)
    sent = venue_order.after(venue_order.dialect.place(venue_order.contract, "sell", 9_001, 123, "mm1"))
    names = {"selfTradePreventionMode", "stptype", "stpMode"} & set(sent)
    assert bool(names) == bool(VENUES[venue].stp_modes)
    assert not {"NONE", "none"} & {str(sent[name]) for name in names}


IOC: list[tuple[VenueId, Sent]] = [
    ("binance", {"type": "LIMIT", "timeInForce": "IOC", "selfTradePreventionMode": "EXPIRE_MAKER"}),
    ("binanceusdm", {"type": "LIMIT", "timeInForce": "IOC", "selfTradePreventionMode": "EXPIRE_MAKER"}),
    ("kraken", {"ordertype": "limit", "timeinforce": "IOC", "stptype": "cancel-oldest"}),
    ("okx", {"ordType": "ioc", "stpMode": "cancel_maker"}),
]  # fmt: skip


@pytest.mark.parametrize(("venue", "fields"), IOC)
def test_an_order_that_takes_never_rests_and_ends_an_own_quote_in_its_way(
    venue: VenueId, fields: Sent
) -> None:
    venue_order = wire_to(venue)
    placed = venue_order.dialect.place(venue_order.contract, "sell", 9_001, 123, "mm1", "ioc")
    sent = venue_order.after(placed)
    assert {name: sent.get(name) for name in fields} == fields
    assert "post" not in str(sent.get("oflags"))


CANCELS: list[tuple[VenueId, str, str, Sent]] = [
    ("binance", "DELETE", "/api/v3/order", {"origClientOrderId": "mm1", "symbol": "LTCUSDT"}),
    ("binanceusdm", "DELETE", "/fapi/v1/order", {"origClientOrderId": "mm1", "symbol": "LTCUSDT"}),
    ("kraken", "POST", "/0/private/CancelOrder", {"cl_ord_id": "mm1"}),
    ("okx", "POST", "/api/v5/trade/cancel-order", {"clOrdId": "mm1", "instId": "LTC-USDT"}),
]


@pytest.mark.parametrize(("venue", "method", "path", "fields"), CANCELS)
def test_a_cancel_names_the_order_by_our_id(venue: VenueId, method: str, path: str, fields: Sent) -> None:
    venue_order = wire_to(venue)
    sent = venue_order.after(venue_order.dialect.cancel(venue_order.contract, "mm1", "77"))
    assert (sent["method"], sent["path"]) == (method, path)
    assert {name: sent.get(name) for name in fields} == fields


AMENDS: list[tuple[VenueId, str, str, Sent]] = [
    ("binance", "POST", "/api/v3/order/cancelReplace", {"cancelOrigClientOrderId": "mm1"}),
    ("binanceusdm", "PUT", "/fapi/v1/order", {"orderId": "77", "price": "90.02", "quantity": "0.1"}),
    ("kraken", "POST", "/0/private/AmendOrder", {"cl_ord_id": "mm1", "limit_price": "90.02"}),
    ("okx", "POST", "/api/v5/trade/amend-order", {"clOrdId": "mm1", "newPx": "90.02", "newSz": "0.1"}),
]  # fmt: skip


@pytest.mark.parametrize(("venue", "method", "path", "fields"), AMENDS)
def test_an_amend_is_what_the_venue_has(venue: VenueId, method: str, path: str, fields: Sent) -> None:
    venue_order = wire_to(venue)
    sent = venue_order.after(
        venue_order.dialect.amend(venue_order.contract, "buy", 9_002, 100, "mm1", "mm1R1", "77")
    )
    assert (sent["method"], sent["path"]) == (method, path)
    assert {name: sent.get(name) for name in fields} == fields


def test_less_size_at_binance_keeps_the_place() -> None:
    venue_order = wire_to("binance")
    sent = venue_order.after(
        venue_order.dialect.shrink(venue_order.contract, "buy", 9_001, 50, "mm1", "mm1", "77")
    )
    assert (sent["method"], sent["path"]) == ("PUT", "/api/v3/order/amend/keepPriority")
    assert (sent["origClientOrderId"], sent["newQty"], sent["symbol"]) == ("mm1", "0.05", "LTCUSDT")


SWITCHES: list[tuple[VenueId, str, Sent]] = [
    ("binanceusdm", "/fapi/v1/countdownCancelAll", {"symbol": "LTCUSDT", "countdownTime": "60000"}),
    ("kraken", "/0/private/CancelAllOrdersAfter", {"timeout": "60"}),
    ("okx", "/api/v5/trade/cancel-all-after", {"timeOut": "60"}),
]


@pytest.mark.parametrize(("venue", "path", "fields"), SWITCHES)
def test_the_dead_mans_switch_is_armed_in_the_venues_own_unit(
    venue: VenueId, path: str, fields: Sent
) -> None:
    venue_order = wire_to(venue)
    sent = venue_order.after(venue_order.dialect.arm((venue_order.contract.symbol,), 60_000))
    assert sent["path"] == path
    assert {name: str(sent.get(name)) for name in fields} == fields

"""The sandbox's own books: matching, filters, self-trades, money; nothing is made or lost."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quote_service.sandbox.accounts import Account
from quote_service.sandbox.errors import VenueError
from quote_service.sandbox.exchange import Exchange, NewOrder

from schemas.market import Book, Instrument, Trade

SYMBOL = "BTC/USDT"
TERMS: dict[str, Any] = {"venue": "sim", "symbol": SYMBOL}


class Floor:
    """An exchange with one market, bid 99 and ask 101, and two accounts."""

    def __init__(self, maker_bps: str = "0", taker_bps: str = "0") -> None:
        self.heard: list[tuple[str, str]] = []
        self.exchange = Exchange(
            lambda: 0, lambda account, order, kind, trade: self.heard.append((account, kind))
        )
        self.exchange.see_instrument(
            Instrument(
                event_time_ns=0,
                **TERMS,
                tick_size=Decimal(1),
                lot_size=Decimal(1),
                maker_fee_bps=Decimal(maker_bps),
                taker_fee_bps=Decimal(taker_bps),
                base_currency="BTC",
                quote_currency="USDT",
                reporting_rate=Decimal(1),
            )
        )
        self.book()
        self.anna, self.bert = (self._account(name) for name in ("anna", "bert"))

    def _account(self, name: str) -> Account:
        account = self.exchange.accounts[name] = Account(name, "secret")
        account.free.update({"BTC": Decimal(1_000), "USDT": Decimal(100_000)})
        return account

    def book(self, bid: int = 99, ask: int = 101, size: int = 5) -> None:
        self.exchange.see_book(
            Book(
                event_time_ns=0,
                **TERMS,
                status="live",
                bid_prices=(bid, bid - 1),
                bid_sizes=(size, size),
                ask_prices=(ask, ask + 1),
                ask_sizes=(size, size),
            )
        )

    def trade(self, price: int, size: int, side: Any) -> None:
        self.exchange.see_trade(
            Trade(event_time_ns=0, **TERMS, price_ticks=price, size_lots=size, side=side, trade_id="t")
        )

    def order(self, account: Account, side: Any, price: int, size: int, **more: Any) -> Any:
        fields = {
            "order_type": "LIMIT",
            "time_in_force": "GTC",
            "client_id": f"c{len(account.orders)}",
        } | more
        return self.exchange.place(
            account, NewOrder(symbol=SYMBOL, side=side, price_ticks=price, size_lots=size, **fields)
        )


def total(floor: Floor, currency: str) -> Decimal:
    return sum(
        (account.free[currency] + account.locked[currency] for account in floor.exchange.accounts.values()),
        Decimal(0),
    )


def test_a_taker_gets_the_best_price_first_and_rests_with_what_is_left() -> None:
    floor = Floor()
    order = floor.order(floor.anna, "buy", 102, 12)
    assert [(t.price_ticks, t.size_lots) for t in floor.anna.trades] == [(101, 5), (102, 5)]
    assert (order.status, order.remaining_lots) == ("PARTIALLY_FILLED", 2)
    assert floor.anna.locked["USDT"] == 2 * 102
    assert floor.anna.free["USDT"] == 100_000 - 5 * 101 - 5 * 102 - 2 * 102


def test_two_accounts_meet_and_the_older_order_is_served_first() -> None:
    floor = Floor()
    first, second = floor.order(floor.anna, "sell", 100, 3), floor.order(floor.anna, "sell", 100, 3)
    floor.order(floor.bert, "buy", 100, 4)
    assert (first.status, second.filled_lots) == ("FILLED", 1)
    assert total(floor, "BTC") == 2_000


def test_a_trade_of_the_feed_fills_who_stands_in_its_way() -> None:
    floor = Floor()
    order = floor.order(floor.anna, "buy", 100, 4)
    floor.trade(99, 3, "sell")
    assert order.filled_lots == 3


def test_post_only_never_takes() -> None:
    floor = Floor()
    for price in (101, 105):
        with pytest.raises(VenueError, match="immediately match"):
            floor.order(floor.anna, "buy", price, 1, order_type="LIMIT_MAKER")
    floor.order(floor.bert, "sell", 100, 1)
    with pytest.raises(VenueError, match="immediately match"):
        floor.order(floor.anna, "buy", 100, 1, order_type="LIMIT_MAKER")


@pytest.mark.parametrize(
    ("mode", "maker", "taker"),
    [
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "NEW"),
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
        ("NONE", "FILLED", "FILLED"),
    ],
)
def test_the_takers_mode_decides_what_becomes_of_a_self_trade(mode: str, maker: str, taker: str) -> None:
    floor = Floor()
    resting = floor.order(floor.anna, "sell", 100, 2)
    crossing = floor.order(floor.anna, "buy", 100, 2, stp_mode=mode)
    assert (resting.status, crossing.status) == (maker, taker)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"size": 0}, "LOT_SIZE"),
        ({"price": 0}, "PRICE_FILTER"),
        ({"price": 1_000}, "PERCENT_PRICE_BY_SIDE"),
        ({"price": 10}, "PERCENT_PRICE_BY_SIDE"),
        ({"size": 1_001}, "insufficient balance"),
    ],
)
def test_what_the_venue_would_refuse_is_refused(fields: dict[str, int], text: str) -> None:
    floor = Floor()
    wanted = {"price": 100, "size": 1} | fields
    with pytest.raises(VenueError, match=text):
        floor.order(floor.anna, "buy", wanted["price"], wanted["size"])
    assert floor.anna.locked["USDT"] == 0


def test_an_id_is_taken_as_long_as_its_order_is_open() -> None:
    floor = Floor()
    first = floor.order(floor.anna, "buy", 90, 1, client_id="a")
    with pytest.raises(VenueError, match="Duplicate"):
        floor.order(floor.anna, "buy", 90, 1, client_id="a")
    floor.exchange.cancel(floor.anna, first)
    assert floor.order(floor.anna, "buy", 90, 1, client_id="a").status == "NEW"


def test_less_size_gives_back_what_it_held() -> None:
    floor = Floor()
    order = floor.order(floor.anna, "buy", 90, 10)
    floor.exchange.shrink(floor.anna, order, 4)
    assert floor.anna.locked["USDT"] == 360
    with pytest.raises(VenueError, match="amend"):
        floor.exchange.shrink(floor.anna, order, 4)


def test_fees_are_taken_of_what_comes_in_and_a_rebate_is_given() -> None:
    floor = Floor(maker_bps="-10", taker_bps="100")
    floor.order(floor.anna, "sell", 100, 4)
    floor.order(floor.bert, "buy", 100, 4)
    assert floor.bert.free["BTC"] == 1_000 + 4 - Decimal("0.04")
    assert floor.anna.free["USDT"] == 100_000 + 400 + Decimal("0.4")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["anna", "bert", "cancel", "book", "trade"]),
        st.sampled_from(["buy", "sell"]),
        st.integers(95, 105),
        st.integers(1, 8),
    ),
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(steps=STEPS)
def test_nothing_is_made_or_lost(steps: list[tuple[str, str, int, int]]) -> None:
    """What is locked is what open orders hold, and of both currencies only the feed brings and takes."""
    floor = Floor()
    for name, side, price, size in steps:
        account = floor.bert if name == "bert" else floor.anna
        if name in {"anna", "bert"}:
            floor.order(account, side, price, size)
        elif name == "cancel" and account.live():
            floor.exchange.cancel(account, account.live()[0])
        elif name == "book":
            floor.book(price, price + 1 + size % 3, size)
        elif name == "trade":
            floor.trade(price, size, side)
        check(floor)


def check(floor: Floor) -> None:
    for account in floor.exchange.accounts.values():
        live = account.live()
        assert account.locked["BTC"] == sum(o.remaining_lots for o in live if o.side == "sell")
        assert account.locked["USDT"] == sum(
            o.remaining_lots * o.price_ticks for o in live if o.side == "buy"
        )
        assert min(account.free.values()) >= 0
        bought = sum(t.size_lots * (1 if t.side == "buy" else -1) for t in account.trades)
        assert account.free["BTC"] + account.locked["BTC"] == 1_000 + bought
        for order in account.orders.values():
            filled = sum(t.size_lots for t in account.trades if t.order_id == order.order_id)
            assert filled == order.filled_lots <= order.size_lots
            worst = [t.price_ticks for t in account.trades if t.order_id == order.order_id]
            assert all(
                p <= order.price_ticks if order.side == "buy" else p >= order.price_ticks for p in worst
            )

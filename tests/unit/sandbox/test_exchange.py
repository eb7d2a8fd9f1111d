"""The sandbox's own books: matching, filters, self-trades, money; nothing is made or lost."""

from decimal import ROUND_DOWN, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.errors import VenueError
from sandbox.fees import Commission
from sandbox.shapes import execution_report
from tests.unit.sandbox.floor import SYMBOL, Floor


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
    floor.exchange.shrink(floor.anna, order, 4, "d")
    assert floor.anna.locked["USDT"] == 360
    with pytest.raises(VenueError, match="change no state"):
        floor.exchange.shrink(floor.anna, order, 4, "d")


def test_fees_are_taken_of_what_comes_in_and_a_rebate_is_given() -> None:
    floor = Floor(maker_bps="-10", taker_bps="100")
    floor.order(floor.anna, "sell", 100, 4)
    floor.order(floor.bert, "buy", 100, 4)
    assert floor.bert.free["BTC"] == 1_000 + 4 - Decimal("0.04")
    assert floor.anna.free["USDT"] == 100_000 + 400 + Decimal("0.4")


@pytest.mark.parametrize(("held", "has_market"), [("1", False), ("1", True), ("0", False)])
def test_commissions_are_taken_in_a_third_currency_where_there_is_enough(held: str, has_market: bool) -> None:
    floor = Floor(taker_bps="100")
    anna = floor.anna
    anna.commission = Commission(price=Decimal(200), discount=Decimal("0.25"))
    anna.free["BNB"] = Decimal(held)
    if has_market:
        floor.list("BNB/USDT", "BNB")
        floor.book(399, 401, symbol="BNB/USDT")
    floor.order(anna, "buy", 101, 4)
    trade, price = anna.trades[0], 400 if has_market else 200
    if held == "1":
        fee = (Decimal(404) / 100 / price * 3 / 4).quantize(Decimal("1e-8"), ROUND_DOWN)
        assert (trade.fee, trade.fee_currency) == (fee, "BNB")
        assert (anna.free["BNB"], anna.free["BTC"]) == (1 - fee, Decimal(1_004))
    else:
        assert (trade.fee, trade.fee_currency) == (Decimal("0.04"), "BTC")
        assert (anna.free["BNB"], anna.free["BTC"]) == (Decimal(0), 1_004 - Decimal("0.04"))


def test_orders_and_trades_are_numbered_by_symbol_and_both_sides_of_a_trade_alike() -> None:
    floor = Floor()
    floor.list("ETH/USDT", "ETH")
    floor.book(symbol="ETH/USDT")
    for symbol in (SYMBOL, "ETH/USDT"):
        floor.anna.free["ETH"] = Decimal(100)
        sold = floor.order(floor.anna, "sell", 100, 1, symbol=symbol, client_id="same")
        floor.order(floor.bert, "buy", 100, 1, symbol=symbol)
        assert sold.order_id == 1
        assert [account.trades[-1].trade_id for account in (floor.anna, floor.bert)] == [1, 1]
        assert floor.exchange.find(floor.anna, symbol, None, "same") is sold
    assert floor.exchange.find(floor.anna, SYMBOL, 1, "other") is None


def test_the_stream_tells_an_amend_with_both_ids() -> None:
    floor = Floor()
    order = floor.order(floor.anna, "buy", 90, 10, client_id="a")
    floor.exchange.shrink(floor.anna, order, 4, "b")
    event = execution_report(floor.exchange.markets[SYMBOL].instrument, floor.heard[-1])
    assert {name: event[name] for name in "xXcCqi"} == {
        "x": "REPLACED", "X": "NEW", "c": "b", "C": "a", "q": "4", "i": 1,
    }  # fmt: skip


def test_the_stream_tells_a_prevented_trade_as_the_documents_do() -> None:
    floor = Floor()
    floor.order(floor.anna, "sell", 100, 2)
    floor.order(floor.anna, "buy", 100, 5)
    market = floor.exchange.markets[SYMBOL]
    told = [execution_report(market.instrument, each) for each in floor.heard]
    event = next(each for each in told if each["x"] == "TRADE_PREVENTION")
    wanted = {"X": "EXPIRED_IN_MATCH", "i": 1, "U": 2, "v": 1, "A": "2", "B": "2", "pl": "2", "pL": "100"}
    assert {name: event[name] for name in wanted} == wanted
    assert event["Cs"] == "BTCUSDT"
    assert [(match.taker_order_id, match.maker_order_id) for match in market.prevented] == [(2, 1)]


def test_a_break_expires_what_rests_and_takes_no_orders() -> None:
    floor = Floor()
    order = floor.order(floor.anna, "buy", 90, 1)
    floor.exchange.stop_trading(SYMBOL)
    event = execution_report(floor.exchange.markets[SYMBOL].instrument, floor.heard[-1])
    assert (event["x"], event["X"], event["eR"]) == ("EXPIRED", "EXPIRED", "EXCHANGE_CANCELED")
    assert (order.status, floor.anna.locked["USDT"]) == ("EXPIRED", Decimal(0))
    with pytest.raises(VenueError, match="Market is closed"):
        floor.order(floor.anna, "buy", 90, 1)
    with pytest.raises(VenueError, match="Unknown order"):
        floor.exchange.cancel(floor.anna, order)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["anna", "bert", "cancel", "book", "trade"]),
        st.sampled_from(["buy", "sell"]),
        st.integers(95, 105),
        st.integers(1, 8),
    ),
    max_size=40,
)


@settings(max_examples=100)
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

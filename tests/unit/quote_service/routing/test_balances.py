"""Balances: what they can fund, and differences that our fills do not explain."""

from decimal import Decimal

import pytest

from tests.kit.messages import MS, T0
from tests.unit.quote_service.routing.exchange_desk import ExchangeDesk


@pytest.mark.control("S7")
def test_the_second_quote_that_cannot_be_paid_is_denied() -> None:
    desk = ExchangeDesk()
    desk.balances(0, USDT=("100", "0"), BTC=("0", "0"))
    denied = ("denied", ("INSUFFICIENT_BALANCE",))
    assert desk.place(1, 1, bids=[(60, 10), (59, 10)]) == [("place_intent", ()), denied]


@pytest.mark.control("S7")
@pytest.mark.parametrize(("free", "code"), [("1.0", ()), ("0.9999", ("INSUFFICIENT_BALANCE",))])
def test_what_is_sold_must_be_there(free: str, code: tuple[str, ...]) -> None:
    desk = ExchangeDesk(free)
    desk.balances(0, USDT=("0", "0"), BTC=(free, "0"))
    [(_, reasons)] = desk.place(1, 1, asks=[(110, 10)])
    assert reasons == code


@pytest.mark.control("S7")
def test_what_our_own_orders_hold_is_ours_and_an_amend_frees_its_order() -> None:
    desk = ExchangeDesk()
    desk.balances(0, USDT=("99", "0"), BTC=("0", "0"))
    [intent] = desk.live(1, 1, bids=[(90, 11)])
    desk.balances(5, USDT=("0", "99"), BTC=("0", "0"))
    [amend] = desk.target(10, 2, bids=[(99, 10)])
    assert (amend.kind, amend.client_order_id) == ("amend_intent", intent.client_order_id)


@pytest.mark.control("S7")
def test_a_fee_that_is_a_cost_is_paid_too() -> None:
    desk = ExchangeDesk()
    desk.send(desk.symbol.contract.instruments[1].model_copy(update={"maker_fee_bps": Decimal(100)}))
    desk.balances(0, USDT=("100", "0"), BTC=("0", "0"))
    [(_, reasons)] = desk.place(1, 1, bids=[(100, 10)])
    assert reasons == ("INSUFFICIENT_BALANCE",)
    [(kind, _)] = desk.place(10, 2, bids=[(99, 10)])
    assert kind == "place_intent"


@pytest.mark.control("S7")
def test_without_a_word_from_the_venue_nothing_is_judged() -> None:
    assert ExchangeDesk().place(1, 1, bids=[(90, 10)]) == [("place_intent", ())]


@pytest.mark.control("S7")
def test_margin_is_the_venues_to_judge() -> None:
    desk = ExchangeDesk()
    desk.send(desk.symbol.contract.instruments[1].model_copy(update={"contract_kind": "linear"}))
    desk.balances(0, USDT=("1", "0"))
    assert desk.place(1, 1, asks=[(110, 10)]) == [("place_intent", ())]


def steady(desk: ExchangeDesk, from_ms: float, to_ms: float) -> None:
    at_ms = from_ms
    while at_ms <= to_ms:
        desk.beat(at_ms)
        desk.tick(at_ms)
        at_ms += 250


def stating(desk: ExchangeDesk, btc: str, *at_s: int) -> None:
    """The venue states its balances at those times; the router's ticks go on until three seconds later."""
    for each in at_s:
        desk.balances(each * 1_000, USDT=("10000", "0"), BTC=(btc, "0"))
        steady(desk, each * 1_000 + 250, each * 1_000 + 3_000)


@pytest.mark.control("M2")
def test_a_balance_that_our_fills_do_not_explain_stops_the_symbol() -> None:
    desk = ExchangeDesk("5")
    stating(desk, "5", 3)
    stating(desk, "5.11", 33)
    assert desk.stops == [], "one statement may be a moment's"
    stating(desk, "5.11", 43)
    [stop] = desk.stops
    assert (stop.code, stop.needs_person) == ("POSITION_BREAK", True)
    assert "+0.11 BTC" in stop.text
    assert desk.place(46_100, 1, bids=[(90, 10)]) == []


@pytest.mark.control("M2")
def test_a_first_doubt_cancels_asks_for_trades_and_ends_with_the_trade_that_explains_it() -> None:
    desk = ExchangeDesk("5")
    stating(desk, "5", 3)
    [intent] = desk.live(6_500, 1, bids=[(90, 10)])
    desk.balances(7_000, USDT=("10000", "0"), BTC=("5.4", "0"))
    steady(desk, 7_250, 9_250)
    [doubt] = desk.doubts
    assert (doubt.code, doubt.needs_person, doubt.symbol) == ("POSITION_BREAK", False, "BTC/USDT")
    assert doubt.text.startswith("not quoted until the account's trades are read: the venue holds +0.4 BTC")
    assert (desk.events[-1].kind, desk.events[-1].reasons) == ("cancel_intent", ("POSITION_BREAK",))
    assert desk.place(9_300, 2, asks=[(120, 10)]) == []
    made = desk.fill(9_400, intent, 4, "t1", recovered=True, executed_ns=T0 + 6_900 * MS)
    assert [event.kind for event in made] == ["partial_fill", "place_intent"]
    stating(desk, "5.4", 10, 13)
    assert desk.stops == []
    assert len(desk.doubts) == 1


@pytest.mark.control("M2")
def test_where_trades_are_not_read_a_difference_lasts_for_a_request_longer() -> None:
    desk = ExchangeDesk("5")
    desk.reads_trades = False
    stating(desk, "5", 3)
    stating(desk, "5.4", 6, 9)
    assert desk.stops == []
    stating(desk, "5.4", 12)
    [stop] = desk.stops
    assert stop.needs_person


@pytest.mark.control("M2")
def test_fills_and_fees_explain_a_balance() -> None:
    desk = ExchangeDesk("5")
    stating(desk, "5", 3)
    [intent] = desk.live(6_500, 1, bids=[(90, 10)])
    fee = {"fee": Decimal(18), "fee_currency": "USDT", "base_fee": Decimal("0.2")}
    desk.fill(6_600, intent, 4, "t1", **fee)
    stating(desk, "5.2", 33, 63)
    assert desk.stops == []


@pytest.mark.control("M2")
def test_a_fee_that_the_position_knows_of_is_not_counted_twice() -> None:
    """inventory-service lowers the position by whole lots of 0.1; the rest is still to come."""
    desk = ExchangeDesk("5")
    stating(desk, "5", 3)
    [intent] = desk.live(6_500, 1, bids=[(90, 10)])
    fee = {"fee": Decimal(18), "fee_currency": "USDT", "base_fee": Decimal("0.25")}
    desk.fill(6_600, intent, 4, "t1", **fee)
    desk.position(6_700, 2, fills=1, base_fees_taken=Decimal("0.2"))
    stating(desk, "5.15", 33, 63)
    assert desk.stops == []
    stating(desk, "4.95", 93, 123)
    assert [stop.code for stop in desk.stops] == ["POSITION_BREAK"]


@pytest.mark.control("M2")
@pytest.mark.parametrize("filled_ms", [31_500, 33_500, 34_900])
def test_a_statement_around_a_fill_does_not_count(filled_ms: float) -> None:
    """Nobody knows whether it holds the fill; the next one does."""
    desk = ExchangeDesk("5")
    stating(desk, "5", 3)
    [intent] = desk.live(6_500, 1, bids=[(90, 10)])
    steady(desk, 6_750, 31_000)
    if filled_ms < 33_000:
        desk.fill(filled_ms, intent, 4, "t1")
    desk.balances(33_000, BTC=("5", "0"))
    steady(desk, 33_250, 33_400)
    if filled_ms > 33_000:
        desk.fill(filled_ms, intent, 4, "t1")
    steady(desk, 34_950, 60_000)
    stating(desk, "5.4", 63, 93)
    assert desk.stops == []
    stating(desk, "5", 123, 153)
    assert [stop.code for stop in desk.stops] == ["POSITION_BREAK"]


@pytest.mark.control("M2")
def test_a_difference_that_goes_away_or_is_one_lot_is_no_break() -> None:
    desk = ExchangeDesk("5")
    stating(desk, "5", 3)
    stating(desk, "5.3", 33)
    stating(desk, "5.1", 63, 93, 123)
    assert desk.stops == []


@pytest.mark.control("M2")
def test_what_is_not_stated_is_nothing() -> None:
    desk = ExchangeDesk("5")
    stating(desk, "5", 3)
    for at_s in (33, 63):
        desk.balances(at_s * 1_000, USDT=("10000", "0"))
        steady(desk, at_s * 1_000 + 250, at_s * 1_000 + 3_000)
    [stop] = desk.stops
    assert "-5 BTC" in stop.text


@pytest.mark.control("M2")
def test_after_people_have_looked_it_is_traded_once_the_ledger_is_what_the_account_holds() -> None:
    desk = ExchangeDesk("5")
    stating(desk, "5", 3)
    stating(desk, "7", 33, 63)
    assert desk.stopped_by() == "POSITION_BREAK"
    assert "`maker positions adopt BTC/USDT --reason TEXT`" in desk.stops[0].text
    desk.position(66_500, 20)  # a person adopted what the account shows: 2 BTC are 20 lots
    desk.beat(67_000, "HALT", "BTC/USDT")
    desk.beat(67_100, "RUN", "BTC/USDT")
    assert desk.place(67_200, 1, bids=[(90, 10)]) == [("place_intent", ())]
    stating(desk, "7", 93, 123)
    assert desk.stopped_by() is None
    assert len(desk.stops) == 1


@pytest.mark.control("M2")
def test_a_resume_that_settles_nothing_lets_nothing_be_quoted_and_halts_again() -> None:
    desk = ExchangeDesk("5")
    stating(desk, "5", 3)
    stating(desk, "7", 33, 63)
    desk.beat(67_000, "HALT", "BTC/USDT")
    desk.beat(67_100, "RUN", "BTC/USDT")
    assert desk.place(67_200, 1, bids=[(90, 10)]) == []
    stating(desk, "7", 70, 73)
    assert [stop.needs_person for stop in desk.stops] == [True, True]


@pytest.mark.control("M2")
def test_an_adjustment_that_makes_the_ledger_untrue_is_a_break() -> None:
    desk = ExchangeDesk("5")
    stating(desk, "5", 3)
    desk.position(6_500, -10)
    stating(desk, "5", 33, 63)
    [stop] = desk.stops
    assert "+1 BTC" in stop.text


@pytest.mark.control("M2")
def test_money_that_comes_or_goes_changes_no_position() -> None:
    desk = ExchangeDesk("5")
    stating(desk, "5", 3)
    for at_s in (33, 63):
        desk.balances(at_s * 1_000, USDT=("999999", "0"), BTC=("5", "0"))
        steady(desk, at_s * 1_000 + 250, at_s * 1_000 + 3_000)
    assert desk.stops == []

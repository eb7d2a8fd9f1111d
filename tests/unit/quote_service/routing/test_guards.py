"""What stops a symbol: fills that come too fast, a balance that our fills do not explain; what we can pay."""

from decimal import Decimal
from typing import Any

import pytest

from schemas.config import Config
from schemas.control import Override
from schemas.orders import OrderEvent, VenueBalance, VenueBalances, VenueStatus
from tests.unit.quote_service.routing.builders import MS, T0, Desk, GateDesk, config, wide_config

PROTECTED = {
    "fill_window_ms": 5_000,
    "fill_quantity_max": 3,
    "fill_delta_max": 2,
    "freeze_ms": 1_000,
    "trips_max": 3,
}


def protected(**fields: Any) -> Desk:
    desk = Desk(wide_config(protection={**PROTECTED, **fields}))
    desk.live(0, 1, bids=[(90, 10)], asks=[(110, 10)])
    return desk


def filled(desk: Desk, sizes: list[int], at_ms: list[float], sides: str = "bs") -> None:
    """Own fills of those sizes, at those times, of bid and ask in turn."""
    placed = {event.side[0]: event for event in desk.events if event.kind == "place_intent"}
    for number, (size, time_ms) in enumerate(zip(sizes, at_ms, strict=True)):
        order = placed[sides[number % len(sides)]]
        desk.fill(time_ms, order, size, f"t{number}-{time_ms}")


@pytest.mark.parametrize(
    ("sizes", "times", "sides", "trips"),
    [
        ([10, 10, 11], [10, 20, 4_910], "bs", True),
        ([10, 10, 11], [10, 20, 5_110], "bs", False),
        ([10, 10, 10], [10, 20, 30], "bs", False),
        ([10, 11], [10, 20], "b", True),
        ([10, 10], [10, 20], "b", False),
    ],
)
def test_k6_fills_beyond_three_quotes_or_two_one_way_freeze(
    sizes: list[int], times: list[float], sides: str, trips: bool
) -> None:
    desk = protected()
    desk.symbol.quote_lots = 10
    filled(desk, sizes, times, sides)
    assert [stop.code for stop in desk.stops] == ["MMP"] * trips
    assert [stop.needs_person for stop in desk.stops] == [False] * trips


def test_k6_a_freeze_cancels_all_and_quotes_again_after_a_second() -> None:
    desk = protected()
    desk.symbol.quote_lots = 1
    filled(desk, [4], [10])
    cancels = [event for event in desk.events if event.kind == "cancel_intent"]
    assert {event.reasons for event in cancels} == {("MMP_FROZEN",)}
    for event in cancels:
        desk.answer(20, "cancelled", event)
    assert desk.target(500, 2, bids=[(90, 10)]) == []
    assert "MMP_FROZEN" in desk.core._gate.halt_codes(desk.symbol, T0 + 1_009 * MS)
    assert [event.kind for event in desk.tick(1_010)] == ["place_intent"]


def test_k6_the_third_freeze_within_ten_minutes_needs_people() -> None:
    desk = protected()
    for number, at_ms in enumerate((1_000, 300_000, 600_999)):
        desk.symbol.quote_lots = 1
        filled(desk, [4], [at_ms])
        assert desk.stops[-1].needs_person is (number == 2)
    assert desk.core._gate.halt_codes(desk.symbol, T0 + 10**9 * MS) == ["NO_RISK_STATE"]
    desk.beat(700_000)
    assert not desk.target(700_001, 2, bids=[(90, 10)])
    assert desk.symbol.stopped_by == "MMP"
    desk.beat(700_010, "HALT", "BTC/USDT")
    desk.beat(700_020, "RUN", "BTC/USDT")
    assert desk.symbol.stopped_by is None
    assert not desk.symbol.guard.trips


def test_k6_freezes_that_are_far_apart_do_not_add_up() -> None:
    desk = protected()
    for at_ms in (1_000, 300_000, 601_000):
        desk.symbol.quote_lots = 1
        filled(desk, [4], [at_ms])
    assert [stop.needs_person for stop in desk.stops] == [False] * 3


def at_exchange(**sections: dict[str, Any]) -> Config:
    exchange = {"symbols": ["BTC/USDT"], "url": "http://127.0.0.1:1"}
    return wide_config(venue={"kind": "ccxt"}, feed={"kind": "live"}, exchange=exchange, **sections)


class ExchangeDesk(Desk):
    """A desk at an exchange that is ready: one tick is 1 USDT, one lot 0.1 BTC, no fee."""

    def __init__(self, **sections: dict[str, Any]) -> None:
        super().__init__(at_exchange(**sections), lot_size=Decimal("0.1"))
        self.send(VenueStatus(event_time_ns=T0, venue="sim", symbol="*", state="ready"))

    def balances(self, at_ms: float, **held: tuple[str, str]) -> list[OrderEvent]:
        stated = tuple(
            VenueBalance(currency=currency, free=Decimal(free), locked=Decimal(locked))
            for currency, (free, locked) in held.items()
        )
        time_ns = T0 + round(at_ms * MS)
        return self.send(VenueBalances(event_time_ns=time_ns, venue="sim", symbol="*", balances=stated))

    def place(self, at_ms: float, sequence: int, **sides: Any) -> list[tuple[str, tuple[str, ...]]]:
        self.book(at_ms)
        return [(event.kind, event.reasons) for event in self.target(at_ms + 1, sequence, **sides)]


def test_s7_the_second_quote_that_cannot_be_paid_is_denied() -> None:
    desk = ExchangeDesk()
    desk.balances(0, USDT=("100", "0"), BTC=("0", "0"))
    denied = ("denied", ("INSUFFICIENT_BALANCE",))
    assert desk.place(1, 1, bids=[(60, 10), (59, 10)]) == [("place_intent", ()), denied]


@pytest.mark.parametrize(("free", "code"), [("1.0", ()), ("0.9999", ("INSUFFICIENT_BALANCE",))])
def test_s7_what_is_sold_must_be_there(free: str, code: tuple[str, ...]) -> None:
    desk = ExchangeDesk()
    desk.balances(0, USDT=("0", "0"), BTC=(free, "0"))
    [(_, reasons)] = desk.place(1, 1, asks=[(110, 10)])
    assert reasons == code


def test_s7_what_our_own_orders_hold_is_ours_and_an_amend_frees_its_order() -> None:
    desk = ExchangeDesk()
    desk.balances(0, USDT=("99", "0"), BTC=("0", "0"))
    [intent] = desk.live(1, 1, bids=[(90, 11)])
    desk.balances(5, USDT=("0", "99"), BTC=("0", "0"))
    [amend] = desk.target(10, 2, bids=[(99, 10)])
    assert (amend.kind, amend.client_order_id) == ("amend_intent", intent.client_order_id)


def test_s7_a_fee_that_is_a_cost_is_paid_too() -> None:
    desk = ExchangeDesk()
    desk.send(desk.core.instruments()[0].model_copy(update={"maker_fee_bps": Decimal(100)}))
    desk.balances(0, USDT=("100", "0"), BTC=("0", "0"))
    [(_, reasons)] = desk.place(1, 1, bids=[(100, 10)])
    assert reasons == ("INSUFFICIENT_BALANCE",)
    [(kind, _)] = desk.place(10, 2, bids=[(99, 10)])
    assert kind == "place_intent"


def test_s7_without_a_word_from_the_venue_nothing_is_judged() -> None:
    assert ExchangeDesk().place(1, 1, bids=[(90, 10)]) == [("place_intent", ())]


def test_s7_margin_is_the_venues_to_judge() -> None:
    desk = ExchangeDesk()
    desk.send(desk.core.instruments()[0].model_copy(update={"contract_kind": "linear"}))
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


def test_m2_a_balance_that_our_fills_do_not_explain_stops_the_symbol() -> None:
    desk = ExchangeDesk()
    stating(desk, "5", 3)
    stating(desk, "5.11", 33)
    assert desk.stops == [], "one statement may be a moment's"
    desk.balances(43_000, USDT=("10000", "0"), BTC=("5.11", "0"))
    steady(desk, 43_250, 44_000)
    desk.live(44_100, 1, bids=[(90, 10)])
    steady(desk, 44_250, 46_000)
    [stop] = desk.stops
    assert (stop.code, stop.needs_person) == ("POSITION_BREAK", True)
    assert "+0.11 BTC" in stop.text
    assert desk.events[-1].reasons == ("POSITION_BREAK",)


def test_m2_fills_and_fees_explain_a_balance() -> None:
    desk = ExchangeDesk()
    stating(desk, "5", 3)
    [intent] = desk.live(6_500, 1, bids=[(90, 10)])
    fee = {"fee": Decimal(18), "fee_currency": "USDT", "base_fee": Decimal("0.2")}
    desk.fill(6_600, intent, 4, "t1", **fee)
    stating(desk, "5.2", 33, 63)
    assert desk.stops == []


def test_m2_a_fee_that_the_position_knows_of_is_not_counted_twice() -> None:
    """inventory-service lowers the position by whole lots of 0.1; the rest is still to come."""
    desk = ExchangeDesk()
    stating(desk, "5", 3)
    [intent] = desk.live(6_500, 1, bids=[(90, 10)])
    fee = {"fee": Decimal(18), "fee_currency": "USDT", "base_fee": Decimal("0.25")}
    desk.fill(6_600, intent, 4, "t1", **fee)
    desk.position(6_700, 2, fills=1, base_fees_taken=Decimal("0.2"))
    stating(desk, "5.15", 33, 63)
    assert desk.stops == []
    stating(desk, "4.95", 93, 123)
    assert [stop.code for stop in desk.stops] == ["POSITION_BREAK"]


@pytest.mark.parametrize("filled_ms", [31_500, 33_500, 34_900])
def test_m2_a_statement_around_a_fill_does_not_count(filled_ms: float) -> None:
    """Nobody knows whether it holds the fill; the next one does."""
    desk = ExchangeDesk()
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


def test_m2_a_difference_that_goes_away_or_is_one_lot_is_none() -> None:
    desk = ExchangeDesk()
    stating(desk, "5", 3)
    stating(desk, "5.3", 33)
    stating(desk, "5.1", 63, 93, 123)
    assert desk.stops == []


def test_m2_what_is_not_stated_is_nothing() -> None:
    desk = ExchangeDesk()
    stating(desk, "5", 3)
    for at_s in (33, 63):
        desk.balances(at_s * 1_000, USDT=("10000", "0"))
        steady(desk, at_s * 1_000 + 250, at_s * 1_000 + 3_000)
    [stop] = desk.stops
    assert "-5.0 BTC" in stop.text


def test_m2_after_people_have_looked_what_is_held_is_taken_as_given() -> None:
    desk = ExchangeDesk()
    stating(desk, "5", 3)
    stating(desk, "7", 33, 63)
    assert desk.symbol.stopped_by == "POSITION_BREAK"
    desk.beat(67_000, "HALT", "BTC/USDT")
    desk.beat(67_100, "RUN", "BTC/USDT")
    stating(desk, "7", 93, 123)
    assert desk.symbol.stopped_by is None
    assert len(desk.stops) == 1


def test_p11_an_exchange_itself_needs_every_cap_said() -> None:
    exchange = {"symbols": ["BTC/USDT"]}
    with pytest.raises(ValueError, match=r"said: risk_limits.max_position, .*routing.permitted, .*capital"):
        config(venue={"kind": "ccxt"}, feed={"kind": "live"}, exchange=exchange)
    caps = {
        "risk_limits": {
            "max_position": 1, "max_position_notional": 1_000, "max_loss": -50, "account_max_loss": -100,
            "max_drawdown": -0.1, "max_exposure": 0.5, "resume_people": 2,
        },
        "routing": {"price_collar": 0.01, "order_value_max": 100, "order_size_max": 1, "permitted": []},
        "protection": {"trips_max": 3},
        "reporting": {"capital": 1_000},
    }  # fmt: skip
    made = config(venue={"kind": "ccxt"}, feed={"kind": "live"}, exchange=exchange, **caps)
    assert made.risk_limits.resume_people == 2
    del caps["routing"]["price_collar"]
    with pytest.raises(ValueError, match=r"needs its caps said: routing\.price_collar"):
        config(venue={"kind": "ccxt"}, feed={"kind": "live"}, exchange=exchange, **caps)


def test_guards_say_nothing_of_a_gate_alone() -> None:
    desk = GateDesk()
    assert desk.gate.halt_codes(desk.symbol, T0) == []
    desk.symbol.stopped_by = "POSITION_BREAK"
    assert desk.gate.halt_codes(desk.symbol, T0) == ["POSITION_BREAK"]


def override(**fields: Any) -> Override:
    facts: dict[str, Any] = {
        "event_time_ns": T0, "venue": "sim", "symbol": "BTC/USDT", "override_id": "o1", "side": "buy",
        "price_ticks": 99, "size_lots": 5, "codes": ("MAX_QTY",), "valid_until_ns": T0 + 300_000 * MS,
        "requester": "ann", "approver": "bob", "reason": "a test",
    }  # fmt: skip
    return Override(**{**facts, **fields})


def denied_then(*overrides: Override, at_ms: float = 10, price: int = 99, size: int = 5) -> list[OrderEvent]:
    """An order of 5 lots is over the limit of 4; then the overrides come, and what follows from them."""
    desk = Desk(wide_config(routing={"order_size_max": 4}))
    desk.book(0)
    [denied] = desk.target(1, 1, bids=[(price, size)], ttl_ms=600_000)
    assert denied.reasons == ("MAX_QTY",)
    desk.beat(at_ms - 1)
    desk.tick(at_ms - 1)
    desk.book(at_ms - 1)
    return [event for each in overrides for event in desk.send(each)]


def test_p16_an_order_that_two_people_let_pass_goes_out_once() -> None:
    desk = Desk(wide_config(routing={"order_size_max": 4}))
    desk.book(0)
    desk.target(1, 1, bids=[(99, 5)])
    [placed] = desk.send(override())
    assert (placed.kind, placed.size_lots) == ("place_intent", 5)
    desk.answer(2, "rejected", placed, reason="VENUE_REFUSED")
    assert desk.send(override()) == [], "the same override does not count again"
    assert [event.kind for event in desk.target(3, 2, bids=[(99, 5)])] == ["denied"]


@pytest.mark.parametrize(
    "fields", [{"price_ticks": 98}, {"size_lots": 6}, {"side": "sell"}, {"codes": ("MAX_VALUE",)}]
)
def test_p16_another_order_is_denied_as_before(fields: dict[str, Any]) -> None:
    assert denied_then(override(**fields)) == []


def test_p16_an_override_counts_for_five_minutes() -> None:
    assert [event.kind for event in denied_then(override(), at_ms=60_000)] == ["place_intent"]
    late = override(valid_until_ns=T0 + 1_000 * MS)
    assert denied_then(late, at_ms=60_000) == []
    with pytest.raises(ValueError, match="300 s at the most"):
        override(valid_until_ns=T0 + 300_001 * MS)


def test_p16_nobody_approves_their_own() -> None:
    with pytest.raises(ValueError, match="ann cannot approve an override of their own"):
        override(approver="ann")


def test_p16_a_halt_cannot_be_overridden() -> None:
    desk = Desk(wide_config())
    desk.book(0)
    desk.beat(1, "HALT")
    desk.target(2, 1, bids=[(99, 5)])
    assert desk.send(override(codes=("RISK_HALT",))) == []

"""A start compares account and ledger before it quotes: what an empty ledger begins with, what is refused."""

from decimal import Decimal
from typing import Any

import pytest
from quote_service.routing.protection.position_break import REFUSED_NS

from schemas.config import Config
from schemas.orders import OrderEvent, VenueBalance, VenueBalances, VenuePosition, VenuePositions
from tests.kit.messages import MS, T0, config_applied, instrument, position, venue_status
from tests.unit.quote_service.routing.builders import Desk, wide_config

LOT = Decimal("0.1")


def settings(**inventory: Any) -> Config:
    exchange = {"symbols": ["BTC/USDT", "BTC/EUR"], "url": "http://127.0.0.1:1"}
    return wide_config(
        venue={"kind": "ccxt"}, feed={"kind": "live"}, exchange=exchange, inventory=inventory
    )  # fmt: skip


class Start(Desk):
    """A router at an exchange from its start on: one lot is 0.1 BTC. The ledger is told by `position`."""

    def __init__(self, *, kind: str = "spot", quotes: tuple[str, ...] = ("USDT",), **inventory: Any) -> None:
        self.eth = "0"
        """What the venue states of a currency that is not traded at first."""
        super().__init__(settings(**inventory), lot_size=LOT, contract_kind=kind)
        for quote in quotes[1:]:
            self.send(instrument(symbol=f"BTC/{quote}", quote_currency=quote, lot_size=LOT))
        self.begin(1)

    def begin(self, at_ms: int) -> None:
        self.send(config_applied(self.config, time_ns=T0 + at_ms * MS))
        self.status(at_ms, "reconciling")

    def status(self, at_ms: int, state: Any) -> None:
        self.send(venue_status(state, time_ns=T0 + at_ms * MS))

    def state(self, at_ms: int, btc: str) -> list[OrderEvent]:
        held = tuple(
            VenueBalance(currency=currency, free=Decimal(free), locked=Decimal(0))
            for currency, free in (("BTC", btc), ("ETH", self.eth), ("USDT", "1000000"))
        )
        time_ns = T0 + at_ms * MS
        read = tuple((symbol, time_ns) for symbol in ("BTC/USDT", "BTC/EUR", "ETH/USDT"))
        return self.send(
            VenueBalances(event_time_ns=time_ns, venue="sim", symbol="*", balances=held, trades_read=read)
        )

    def state_position(self, at_ms: int, size: str, entry: str | None = None) -> None:
        price = None if entry is None else Decimal(entry)
        held = (VenuePosition(symbol="BTC/USDT", size=Decimal(size), entry_price=price),)
        self.send(VenuePositions(event_time_ns=T0 + at_ms * MS, venue="sim", symbol="*", positions=held))

    def connect(self, btc: str, at_ms: int = 10) -> None:
        """The account is stated, then the venue is ready."""
        self.state(at_ms, btc)
        self.status(at_ms + 1, "ready")

    def goes_on(self, from_ms: int, to_ms: int, btc: str) -> None:
        """Statements every 3 s, ticks every 250 ms."""
        for at_ms in range(from_ms, to_ms, 250):
            if (at_ms - from_ms) % 3_000 == 0:
                self.state(at_ms, btc)
            self.beat(at_ms)
            self.tick(at_ms)

    def quotes(self, at_ms: int, sequence: int = 1) -> bool:
        self.beat(at_ms)
        self.book(at_ms)
        return [event.kind for event in self.target(at_ms, sequence, bids=[(90, 10)])] == ["place_intent"]


def test_equal_is_quoted_at_once() -> None:
    start = Start()
    start.position(2, 5)
    start.connect("0.5")
    assert start.quotes(20)
    assert start.stops == []
    assert start.changes == []


def test_a_part_of_a_lot_is_no_difference() -> None:
    start = Start()
    start.position(2, 5)
    start.connect("0.5999")
    assert start.quotes(20)


def test_what_is_reserved_is_no_position() -> None:
    start = Start(reserved={"BTC": "3"})
    start.position(2, 5)
    start.connect("3.5")
    assert start.quotes(20)


@pytest.mark.parametrize("opening", ["ledger", "venue", "stated"])
def test_a_ledger_that_has_begun_has_to_be_what_the_account_holds(opening: str) -> None:
    stated: dict[str, Any] = {"opening_positions": {"BTC/USDT": {"size": "2"}}} if opening == "stated" else {}
    start = Start(opening=opening, **stated)
    start.send(position(5, fills=1, time_ns=T0 + 2 * MS))
    start.connect("2")
    assert not start.quotes(20)
    start.goes_on(3_000, 9_000, "2")
    assert start.changes == []
    first, *_ = start.stops
    assert (first.code, first.needs_person) == ("POSITION_BREAK", False)
    assert first.text.startswith(
        "the venue holds +1.5 BTC that our fills do not explain: account 2, ledger of BTC/USDT 0.5; "
        "`maker positions adopt BTC/USDT --reason TEXT` makes the ledger what the account shows"
    )
    assert not [event for event in start.events if event.kind == "place_intent"]


def test_where_nobody_ends_the_engine_for_it_the_symbol_halts_with_the_same_words() -> None:
    start = Start()
    start.connect("2")
    start.goes_on(3_000, 12_000, "2")
    first, last = start.stops
    assert (first.needs_person, last.needs_person) == (False, True)
    assert last.text == first.text
    assert last.event_time_ns - first.event_time_ns >= REFUSED_NS
    assert start.symbol.protection.stopped_by == "POSITION_BREAK"


def test_nothing_is_quoted_while_a_start_may_be_refused_and_then_what_is_equal() -> None:
    start = Start()
    eth = {"symbol": "ETH/USDT", "base_currency": "ETH"}
    start.send(instrument(lot_size=LOT, time_ns=T0 + 2 * MS, **eth))
    start.connect("2")
    other = start.core._symbols["sim:ETH/USDT"]
    assert not other.protection.is_explained
    start.goes_on(3_000, 12_000, "2")
    assert [stop.symbol for stop in start.stops] == ["BTC/USDT"] * 2
    assert other.protection.is_explained


def test_a_symbol_that_comes_later_keeps_nobody_from_quoting() -> None:
    start = Start()
    start.eth = "3"
    start.connect("0")
    assert start.quotes(20)
    start.send(instrument(lot_size=LOT, symbol="ETH/USDT", base_currency="ETH", time_ns=T0 + 30 * MS))
    later = start.core._symbols["sim:ETH/USDT"]
    assert (later.protection.is_explained, start.symbol.protection.is_explained) == (False, True)
    start.goes_on(3_000, 12_000, "0")
    assert {(stop.symbol, stop.needs_person) for stop in start.stops} == {("ETH/USDT", True)}


def test_after_an_adopt_before_that_it_quotes_by_itself() -> None:
    start = Start()
    start.connect("2")
    start.goes_on(3_000, 6_000, "2")
    start.position(6_100, 20)
    assert start.quotes(6_200)
    start.goes_on(7_000, 15_000, "2")
    assert start.symbol.protection.stopped_by is None


def test_an_empty_ledger_begins_with_what_the_venue_shows_and_is_quoted_when_it_has() -> None:
    start = Start(opening="venue", reserved={"BTC": "1"})
    start.connect("3.25")
    [change] = start.changes
    assert (change.change_id, change.kind, change.size_change_lots, change.price) == (
        "opening", "opening", 22, None,
    )  # fmt: skip
    assert not start.quotes(20)
    start.state(30, "3.25")
    assert len(start.changes) == 1, "it is said once"
    assert [event.kind for event in start.position(40, 22)] == ["place_intent"]
    start.goes_on(3_000, 12_000, "3.25")
    assert start.stops == []


def test_a_restart_before_the_ledger_was_told_says_the_same_change_again() -> None:
    start = Start(opening="venue")
    start.connect("3")
    start.begin(100)
    start.connect("3", 200)
    first, again = start.changes
    assert again.model_copy(update={"event_time_ns": first.event_time_ns}) == first


def test_an_account_that_is_empty_too_needs_no_opening() -> None:
    start = Start(opening="venue")
    start.connect("0.05")
    assert start.changes == []
    assert start.quotes(20)


def test_several_symbols_of_one_currency_cannot_divide_what_it_holds() -> None:
    start = Start(opening="venue", quotes=("USDT", "EUR"))
    start.connect("2")
    assert start.changes == []
    assert not start.quotes(20)
    start.goes_on(3_000, 9_000, "2")
    assert {stop.symbol for stop in start.stops} == {"BTC/USDT", "BTC/EUR"}
    assert "it cannot be divided between them by itself" in start.stops[0].text
    assert "inventory.opening: stated" in start.stops[0].text


def test_several_symbols_of_one_currency_are_compared_by_their_sum() -> None:
    start = Start(quotes=("USDT", "EUR"))
    start.position(2, 5)
    start.send(position(-2, fills=1, symbol="BTC/EUR", time_ns=T0 + 2 * MS))
    start.connect("0.3")
    assert start.quotes(20)


def test_what_is_stated_opens_the_ledgers_where_it_is_what_the_account_holds() -> None:
    stated = {"BTC/USDT": {"size": "1.5", "price": "60000"}, "BTC/EUR": {"size": "0.5"}}
    start = Start(opening="stated", opening_positions=stated, quotes=("USDT", "EUR"))
    start.connect("2")
    assert [(each.symbol, each.size_change_lots, each.price) for each in start.changes] == [
        ("BTC/USDT", 15, Decimal(60_000)), ("BTC/EUR", 5, None),
    ]  # fmt: skip
    start.position(40, 15)
    assert not start.quotes(50), "the other ledger has not begun yet"
    placed = start.send(position(5, fills=0, symbol="BTC/EUR", time_ns=T0 + 60 * MS))
    assert [event.kind for event in placed] == ["place_intent"]


@pytest.mark.parametrize("held", ["0", "1", "2.5"])
def test_what_is_stated_otherwise_is_refused(held: str) -> None:
    start = Start(opening="stated", opening_positions={"BTC/USDT": {"size": "2"}})
    start.connect(held)
    assert start.changes == []
    assert not start.quotes(20)
    start.goes_on(3_000, 9_000, held)
    assert "inventory.opening_positions states 2: correct it" in start.stops[0].text


def test_a_derivative_opens_with_side_size_and_entry_of_the_venue() -> None:
    start = Start(kind="linear", opening="venue", reserved={"BTC": "9"})
    start.state_position(5, "-1.2", "61000.5")
    start.connect("77")
    [change] = start.changes
    assert (change.size_change_lots, change.price) == (-12, Decimal("61000.5"))
    start.position(40, -12)
    assert start.quotes(50)


def test_a_derivative_whose_position_is_another_is_refused() -> None:
    start = Start(kind="linear")
    start.position(2, 5)
    start.state_position(5, "0.2")
    start.connect("0")
    assert not start.quotes(20)
    for at_ms in range(3_000, 9_000, 250):
        if at_ms % 3_000 == 0:
            start.state_position(at_ms, "0.2")
            start.state(at_ms, "0")
        start.beat(at_ms)
        start.tick(at_ms)
    assert "-0.3 BTC" in start.stops[0].text


def test_each_start_compares_anew() -> None:
    start = Start()
    start.position(2, 5)
    start.connect("0.5")
    assert start.quotes(20)
    start.begin(1_000)
    start.connect("0.9", 1_100)
    assert start.core._gate.halt_codes(start.symbol, T0 + 20 * MS) == ["POSITION_BREAK"]
    start.state(1_300, "0.5")
    assert start.core._gate.halt_codes(start.symbol, T0 + 20 * MS) == []


def test_what_the_router_says_of_its_holdings() -> None:
    start = Start(reserved={"BTC": "1"})
    start.position(2, 5)
    [before] = start.core.holdings()
    assert (before.account, before.difference) == (None, None)
    start.connect("1.7")
    [seen] = start.core.holdings()
    assert (seen.key, seen.unit, seen.lot, seen.ledger, seen.account, seen.difference) == (
        "sim:BTC/USDT", "BTC", LOT, Decimal("0.5"), Decimal("0.7"), Decimal("0.2"),
    )  # fmt: skip
    assert not seen.may_be_quoted
    assert seen.missing_lots == 2


def test_what_the_account_has_of_the_quote_currency_is_said_where_a_target_is_a_share_of_it() -> None:
    start = Start(target_share="0.5", reserved={"USDT": "400000"})
    start.position(2, 5)
    start.connect("0.5")
    start.goes_on(20, 7_000, "0.5")
    [told] = start.account_balances
    assert (told.key, told.currency, told.total) == ("sim:BTC/USDT", "USDT", Decimal(600_000))
    assert Start(target_share=None).account_balances == []

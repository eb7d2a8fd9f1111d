"""The venue's balances against our fills, while fills come at any rate: a break is seen, nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quote_service.routing.gate.contract_terms import contract_terms
from quote_service.routing.protection.account_holding import SETTLE_NS
from quote_service.routing.protection.position_break import CLOCK_ERROR_NS, KEPT_NS, PositionBreaks
from quote_service.routing.symbol_state import RoutedSymbol

from schemas.config import Config
from schemas.inventory_settings import InventoryLimits
from schemas.orders import VenueBalance, VenueBalances
from schemas.units import side_sign
from tests.kit import messages as kit
from tests.kit.messages import MS, T0, instrument

BREAK_S = Config().protection.position_break_s
LOT = Decimal("0.001")
FOUND_WITHIN_MS = 10_000
QUOTES = ("USDT", "USDC", "EUR")
TICK_MS = 250


@dataclass(frozen=True)
class Trade:
    """One execution: when by the venue's clock, and when we hear of it, in ms."""

    at_ms: int
    delay_ms: int
    side: Any
    lots: int
    fee: Decimal
    """Of what was bought, in base units."""
    symbol: int
    says_time: bool = True

    @property
    def moved(self) -> Decimal:
        return side_sign(self.side) * self.lots * LOT - self.fee


@dataclass(frozen=True)
class Question:
    """A statement of one moment, asked for before it and heard of after it, in ms."""

    at_ms: int
    asked_before_ms: int
    heard_after_ms: int


class Books:
    """What the account holds in truth, and the watch over it, by our clock."""

    def __init__(
        self, clock_error_ms: int = 0, *, read_within_s: float = 0, reads_trades: bool = False
    ) -> None:
        """`reads_trades`: a doubt is answered by all trades executed so far and a new statement."""
        inventory = InventoryLimits(reserved={"BTC": Decimal(100)})
        self.breaks = PositionBreaks(BREAK_S, inventory, read_within_s)
        self.reads_trades = reads_trades
        self.read_ms = 0
        """Trades executed until then were read."""
        self.clock_error_ms = clock_error_ms
        self.symbols = [make_symbol(quote) for quote in QUOTES]
        self.found: list[tuple[int, str]] = []
        self.doubted_ms: list[int] = []
        self.quoted_ms: list[int] = []
        """Ticks after which a symbol may be quoted."""
        self.trades: list[Trade] = []
        self.heard: set[Trade] = set()
        self.changes: list[tuple[int, Decimal]] = []

    def hear_fill(self, trade: Trade) -> None:
        if trade in self.heard:
            return
        self.heard.add(trade)
        symbol = self.symbols[trade.symbol]
        fill = kit.fill(
            str(len(self.trades)),
            trade.side,
            100,
            trade.lots,
            symbol=symbol.symbol,
            client_order_id="x",
            currency=QUOTES[trade.symbol],
            base_fee=trade.fee,
            time_ns=T0 + (trade.at_ms + trade.delay_ms) * MS,
        )
        executed_ns = T0 + (trade.at_ms + self.clock_error_ms) * MS
        symbol.position.add(fill, symbol.contract.lots_in)
        self.breaks.observe_fill(fill, symbol, executed_ns if trade.says_time else None)

    def hear_statement(self, question: Question) -> None:
        moved = [trade.moved for trade in self.trades if trade.at_ms <= question.at_ms]
        changed = [amount for at_ms, amount in self.changes if at_ms <= question.at_ms]
        held = VenueBalance(currency="BTC", free=sum([*moved, *changed], Decimal(100)), locked=Decimal(0))
        self.breaks.observe_balances(
            VenueBalances(
                event_time_ns=T0 + (question.at_ms + question.heard_after_ms) * MS,
                asked_ns=T0 + (question.at_ms - question.asked_before_ms) * MS,
                venue="sim",
                symbol="*",
                balances=(held,),
                trades_read=tuple((f"BTC/{quote}", T0 + self.read_ms * MS) for quote in QUOTES),
            ),
            is_ready=True,
        )
        self.breaks.look(self.symbols)

    def run(self, trades: Iterable[Trade], questions: Iterable[Question], end_ms: int) -> None:
        """Everything in the order in which we hear of it, and a tick each 250 ms."""
        self.trades = list(trades)
        heard: list[tuple[int, Any, Any]] = [
            (trade.at_ms + trade.delay_ms, self.hear_fill, trade) for trade in self.trades
        ]
        heard += [(each.at_ms + each.heard_after_ms, self.hear_statement, each) for each in questions]
        heard += [(at_ms, self.tick, at_ms) for at_ms in range(0, end_ms, TICK_MS)]
        for _, hear, what in sorted(heard, key=lambda each: each[0]):
            hear(what)

    def tick(self, at_ms: int) -> None:
        findings = self.breaks.judge(self.symbols, T0 + at_ms * MS)
        self.found += [(at_ms, each.text) for each in findings if not each.asks_trades]
        if any(each.asks_trades for each in findings):
            self.doubted_ms.append(at_ms)
            if self.reads_trades:
                self.read_trades(at_ms)
        if any(symbol.protection.is_explained for symbol in self.symbols):
            self.quoted_ms.append(at_ms)

    def read_trades(self, at_ms: int) -> None:
        self.read_ms = at_ms
        for trade in self.trades:
            if trade.at_ms <= at_ms:
                self.hear_fill(trade)
        self.hear_statement(Question(at_ms, 0, 0))


def make_symbol(quote: str) -> RoutedSymbol:
    symbol = RoutedSymbol.new(f"sim:BTC/{quote}", "sim", f"BTC/{quote}")
    announced = instrument(symbol=symbol.symbol, lot_size=LOT, quote_currency=quote)
    symbol.contract.terms = contract_terms(announced, Config())
    return symbol


@st.composite
def trades_at_any_rate(draw: st.DrawFn, *, says_time: bool) -> list[Trade]:
    """Up to twenty a second. Without the venue's time they come in the order in which they were executed."""
    steps = draw(st.lists(st.integers(1, draw(st.sampled_from([100, 3_000]))), min_size=1, max_size=60))
    trades, at_ms, heard_ms = [], 0, 0
    for step in steps:
        at_ms += step
        delay_ms = draw(st.integers(0, 1_900))
        if not says_time:
            delay_ms = min(1_900, max(delay_ms, heard_ms - at_ms))
            heard_ms = at_ms + delay_ms
        lots = draw(st.integers(1, 50))
        fee = lots * LOT / 1_000 if draw(st.booleans()) else Decimal(0)
        side = draw(st.sampled_from(["buy", "sell"]))
        symbol = draw(st.integers(0, len(QUOTES) - 1))
        trades.append(Trade(at_ms, delay_ms, side, lots, fee, symbol, says_time))
    return trades


@st.composite
def questions(draw: st.DrawFn, *, step_ms_min: int, step_ms_max: int) -> list[Question]:
    at_ms, asked = draw(st.integers(0, 3_000)), []
    while at_ms < 60_000:
        asked.append(Question(at_ms, draw(st.integers(0, 500)), draw(st.integers(0, 500))))
        at_ms += draw(st.integers(step_ms_min, step_ms_max))
    return asked


@given(data=st.data(), clock_error_ms=st.integers(-450, 450), says_time=st.booleans())
def test_fills_that_come_late_and_between_are_never_a_break(
    data: st.DataObject, clock_error_ms: int, *, says_time: bool
) -> None:
    books = Books(clock_error_ms)
    trades = data.draw(trades_at_any_rate(says_time=says_time))
    books.run(trades, data.draw(questions(step_ms_min=400, step_ms_max=8_000)), 70_000)
    assert books.found == []


@given(
    data=st.data(),
    clock_error_ms=st.integers(-450, 450),
    changed_ms=st.integers(10_000, 45_000),
    sign=st.sampled_from([-1, 1]),
    beyond=st.integers(1, 3_000),
)
def test_a_change_from_outside_is_found_within_ten_seconds_at_any_rate_of_fills(
    data: st.DataObject, clock_error_ms: int, changed_ms: int, sign: int, beyond: int
) -> None:
    """Of any size beyond a lot of each symbol that fills around a statement do not happen to add up to."""
    books = Books(clock_error_ms)
    trades = data.draw(trades_at_any_rate(says_time=True))
    asked = data.draw(questions(step_ms_min=2_900, step_ms_max=3_000))
    hidden = max(traded_around(each, trades) for each in asked)
    change = sign * (hidden + LOT * (len(QUOTES) + Decimal(beyond) / 1_000))
    books.changes = [(changed_ms, change)]
    books.run(trades, asked, 70_000)
    at_ms, text = books.found[0]
    assert changed_ms < at_ms <= changed_ms + FOUND_WITHIN_MS
    stated = Decimal(text.split()[3])
    assert abs(stated - change) <= hidden


def traded_around(question: Question, trades: Iterable[Trade]) -> Decimal:
    """What was traded, either way, in the time of which the statement may be, with the clocks' error."""
    error_ms = 2 * CLOCK_ERROR_NS // MS
    first_ms = question.at_ms - question.asked_before_ms - error_ms
    last_ms = question.at_ms + question.heard_after_ms + error_ms
    around = (abs(trade.moved) for trade in trades if first_ms <= trade.at_ms <= last_ms)
    return sum(around, Decimal(0))


def every_300_ms(count: int, lots: int = 2) -> list[Trade]:
    return [
        Trade(300 * number + 37, 40, "buy" if number % 3 else "sell", lots, Decimal(0), 0)
        for number in range(count)
    ]


def every_3_s(until_ms: int) -> list[Question]:
    return [Question(at_ms, 60, 60) for at_ms in range(1_500, until_ms, 3_000)]


def test_while_fills_come_three_times_a_second_a_change_is_found_within_ten_seconds() -> None:
    books = Books()
    books.changes = [(20_000, Decimal("1.5"))]
    books.run(every_300_ms(200), every_3_s(60_000), 60_000)
    at_ms, text = books.found[0]
    assert at_ms <= 30_000
    assert text.startswith("the venue holds +1.5 BTC that our fills do not explain: ")


def test_a_change_as_large_as_a_few_fills_is_found_by_its_lasting() -> None:
    """One statement may hold three fills more or fewer; not each of them does."""
    books = Books()
    books.changes = [(20_000, Decimal("0.007"))]
    books.run(every_300_ms(200), every_3_s(60_000), 60_000)
    assert books.found
    assert books.found[0][0] <= 45_000


def test_a_fill_that_never_comes_is_found_and_one_that_comes_late_is_not() -> None:
    lost, late = Books(), Books()
    trades = every_300_ms(200, lots=3)
    trades[30] = Trade(trades[30].at_ms, 10**6, "buy", 40, Decimal(0), 0)
    lost.run(trades, every_3_s(60_000), 60_000)
    assert lost.found[0][0] <= trades[30].at_ms + FOUND_WITHIN_MS
    trades[30] = Trade(trades[30].at_ms, 4_000, "buy", 40, Decimal(0), 0)
    late.run(trades, every_3_s(60_000), 60_000)
    assert late.found == []


def lost_by_the_stream() -> list[Trade]:
    trades = every_300_ms(200, lots=3)
    trades[30] = Trade(trades[30].at_ms, 10**6, "buy", 40, Decimal(0), 0)
    return trades


def test_a_fill_that_the_stream_lost_is_no_break_once_the_trades_were_read() -> None:
    books = Books(read_within_s=5, reads_trades=True)
    books.run(lost_by_the_stream(), every_3_s(60_000), 60_000)
    assert len(books.doubted_ms) == 1
    assert books.found == []
    assert all(symbol.protection.is_explained for symbol in books.symbols)


def test_nothing_is_quoted_while_a_doubt_stands_and_it_is_a_break_if_trades_cannot_be_read_in_time() -> None:
    books = Books(read_within_s=5)
    lost_ms = lost_by_the_stream()[30].at_ms
    books.run(lost_by_the_stream(), every_3_s(30_000), 30_000)
    [doubted_ms] = books.doubted_ms
    assert lost_ms < doubted_ms < lost_ms + 6_000
    assert lost_ms + 8_000 <= books.found[0][0] <= lost_ms + 14_000
    assert max(books.quoted_ms) < doubted_ms


def test_a_difference_that_stands_after_the_trades_were_read_is_a_break_at_once() -> None:
    books = Books(read_within_s=60, reads_trades=True)
    books.changes = [(20_000, Decimal("1.5"))]
    books.run(every_300_ms(200), every_3_s(60_000), 60_000)
    assert books.found[0][0] <= 20_000 + FOUND_WITHIN_MS
    assert len(books.doubted_ms) == 1


def test_a_fill_from_before_the_first_statement_that_is_told_after_it_was_in_it() -> None:
    books = Books()
    books.run([Trade(100, 2_500, "buy", 500, Decimal(0), 0)], every_3_s(40_000), 40_000)
    assert books.found == []
    assert all(symbol.protection.is_explained for symbol in books.symbols)


def test_a_fee_in_another_base_currency_lowers_that() -> None:
    books = Books()
    symbol = make_symbol("USDT")
    fill = kit.fill(
        "t",
        symbol="ETH/USDT",
        client_order_id="x",
        price=1,
        lots=1,
        fee=Decimal("0.5"),
        currency="BTC",
        time_ns=T0 + 5_000 * MS,
    )
    other = RoutedSymbol.new("sim:ETH/USDT", "sim", "ETH/USDT")
    other.contract.terms = contract_terms(instrument(symbol="ETH/USDT", base_currency="ETH"), Config())
    books.symbols = [symbol]
    books.changes = [(5_000, Decimal("-0.5"))]
    books.run([], every_3_s(4_000), 5_000)
    books.breaks.observe_fill(fill, other, T0 + 5_000 * MS)
    books.run([], [Question(at_ms, 60, 60) for at_ms in range(7_500, 30_000, 3_000)], 40_000)
    assert books.found == []


def test_what_is_stated_while_the_connection_is_broken_is_not_judged() -> None:
    books = Books()
    books.changes = [(10_000, Decimal(1))]
    books.run([], every_3_s(13_000), 14_000)
    books.breaks.interrupt()
    books.run([], [Question(16_500, 60, 60)], 20_000)
    assert books.found == []
    books.run([], [Question(19_600, 60, 60)], 25_000)
    assert books.found


@pytest.mark.parametrize("rate_ms", [10, 1_000])
def test_only_the_newest_fills_are_kept(rate_ms: int) -> None:
    books = Books()
    kept_ns = KEPT_NS + int(BREAK_S * 10**9) + SETTLE_NS
    trades = [Trade(at_ms, 0, "buy", 1, Decimal(0), 0) for at_ms in range(0, 150_000, rate_ms)]
    books.run(trades, every_3_s(150_000), 150_000)
    holding = books.breaks._holdings["BTC"]
    assert len(holding.recent) <= (kept_ns + 3_000 * MS) // (rate_ms * MS)
    assert books.found == []
    assert holding.moved == LOT * len(trades)


def test_without_statements_too_only_the_newest_fills_are_kept() -> None:
    """A simulated venue never states what the account holds."""
    books = Books()
    books.run([Trade(n * 1_000, 0, "buy", 1, Decimal(0), 0) for n in range(3_000)], [], 0)
    (holding,) = books.breaks.carried()
    assert holding.moved == 3_000 * LOT
    assert len(holding.recent) < 600
    assert holding.recent[-1][1] == T0 + 2_999 * 1_000 * MS


def test_what_was_executed_since_the_newest_statement_is_kept_however_old_that_is() -> None:
    trades = [Trade(n * 1_000, 0, "buy", 1, Decimal(0), 0) for n in range(3_000)]
    books = Books()
    books.run(trades, [Question(1_000_000, 100, 100)], 0)
    (holding,) = books.breaks.carried()
    assert sum(executed_ns > T0 + 1_000_000 * MS for _, executed_ns, _ in holding.recent) == 1_999
    books.breaks.look(books.symbols)
    assert all(symbol.protection.is_explained for symbol in books.symbols)

"""Every number of the summary, computed again from the lines of the log: fills, books, orders.

Nothing here is shared with what made the summary: the lines are read as plain JSON (`maker log text`), sizes
and money are fractions, and no function of the engine is called.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.system.conftest import Maker, Run

pytestmark = pytest.mark.slow
MONEY: tuple[str, ...] = (
    "position",
    "pnl",
    "session_pnl",
    "day_pnl",
    "pnl_capture",
    "pnl_inventory",
    "fees",
    "pnl_balance",
)
MONEY += ("max_drawdown", "open_fees")
COUNTS: tuple[str, ...] = (
    "books",
    "trades",
    "refused_events",
    "quotes",
    "orders",
    "amends",
    "cancels",
    "rejects",
)
COUNTS += ("denials", "fills", "halts")
TERMS = ("instrument", "refused_by_reason", "first_refusals")
ENDED = {"filled", "cancelled", "rejected", "denied"}
ACKNOWLEDGED = {"accepted", "amended", "amend_rejected", "cancel_rejected", "partial_fill"}
Line = dict[str, Any]


@dataclass
class Account:
    """One symbol by hand."""

    unit: Fraction = Fraction(0)
    """Money of a tick and a lot."""
    lot: Fraction = Fraction(0)
    terms: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    lots: int = 0
    cash: Fraction = Fraction(0)
    capture: Fraction = Fraction(0)
    inventory: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    balance: Fraction = Fraction(0)
    """Of fees and capture: what orders earned that took liquidity to reduce the position."""
    mid: Fraction | None = None
    """In ticks: of the last live book."""
    mark: Fraction = Fraction(0)
    """In ticks: of the last signal or report, at which the ledger's drawdown is measured."""
    highest: Fraction = Fraction(0)
    drawdown: Fraction = Fraction(0)
    first_book_ns: int | None = None
    newest_ns: int = 0
    bids: set[str] = field(default_factory=set)
    asks: set[str] = field(default_factory=set)
    two_sided_ns: int = 0
    since_ns: int = 0
    halted: bool = False

    @property
    def equity(self) -> Fraction:
        """Cash, and the position at the mid."""
        return self.cash + (self.lots * self.mid * self.unit if self.mid is not None else 0)

    def move_to(self, mid: Fraction) -> None:
        """The mid moves: what is held gains or loses."""
        if self.mid is not None:
            self.inventory += self.lots * (mid - self.mid) * self.unit
        self.mid = mid

    def measure(self) -> None:
        """The ledger's profit against the highest so far; of one moment its end counts.

        It is marked at signals, which follow a book's mid within `market_data.signal_interval_ms`.
        """
        profit = self.cash + self.lots * self.mark * self.unit
        self.highest = max(self.highest, profit)
        self.drawdown = max(self.drawdown, self.highest - profit)

    def apply(self, kind: str, said: Line) -> None:
        """One line of the log."""
        if said["event_time_ns"] > self.newest_ns:
            self.measure()
            self.newest_ns = said["event_time_ns"]
        step = getattr(self, "_" + kind.rpartition(".v")[0].replace(".", "_"), None)
        if step is not None:
            step(said)

    def end(self, now_ns: int) -> None:
        """The end of the log."""
        self.measure()
        self._both_sides(bool(self.bids and self.asks), now_ns)
        self.newest_ns = now_ns

    def _market_instrument(self, said: Line) -> None:
        tick, self.lot = Fraction(said["tick_size"]), Fraction(said["lot_size"])
        self.unit, self.terms = tick * self.lot * Fraction(said["multiplier"]), said

    def _market_book(self, said: Line) -> None:
        self.counts["books"] += 1
        if self.first_book_ns is None:
            self.first_book_ns = said["event_time_ns"]
        if said["status"] == "live":
            self.move_to(Fraction(said["bid_prices"][0] + said["ask_prices"][0], 2))

    def _market_signal(self, said: Line) -> None:
        if said["mid_half_ticks"] is not None:
            self.mark = Fraction(said["mid_half_ticks"], 2)

    def _market_trade(self, said: Line) -> None:
        self.counts["trades"] += 1

    def _market_refusal(self, said: Line) -> None:
        self.counts["refused_events"] += 1

    def _quote_target(self, said: Line) -> None:
        self.counts["quotes"] += bool(said["bid"]["prices"] or said["ask"]["prices"])

    def _risk_state(self, said: Line) -> None:
        halted = said["state"] == "HALT"
        self.counts["halts"] += halted and not self.halted
        self.halted = halted

    def _order_event(self, said: Line) -> None:
        names = {
            "accepted": "orders",
            "amended": "amends",
            "cancelled": "cancels",
            "rejected": "rejects",
            "denied": "denials",
        }
        if said["kind"] in names:
            self.counts[names[said["kind"]]] += 1
        standing = self.bids if said["side"] == "buy" else self.asks
        before = bool(self.bids and self.asks)
        if said["status"] in ENDED:
            standing.discard(said["client_order_id"])
        elif said["kind"] in ACKNOWLEDGED:
            standing.add(said["client_order_id"])
        self._both_sides(before, said["event_time_ns"])

    def _both_sides(self, before: bool, now_ns: int) -> None:
        if before:
            self.two_sided_ns += now_ns - self.since_ns
        self.since_ns = now_ns

    def _order_fill(self, said: Line) -> None:
        self.counts["fills"] += 1
        signed = said["size_lots"] if said["side"] == "buy" else -said["size_lots"]
        at_print, price = Fraction(said["mid_half_ticks"], 2), said["price_ticks"]
        at_report = Fraction(said["report_mid_half_ticks"] or said["mid_half_ticks"], 2)
        self.move_to(at_report)
        self.mark = at_report
        self.cash -= signed * price * self.unit + Fraction(said["fee"])
        self.fees += Fraction(said["fee"])
        self.capture += signed * (at_print - price) * self.unit
        self.inventory += signed * (at_report - at_print) * self.unit
        if said["purpose"] == "balance":
            self.balance += signed * (at_print - price) * self.unit - Fraction(said["fee"])
        self.lots += signed


def lines_of(text: str) -> Iterator[Line]:
    for line in text.splitlines():
        record: Line = json.loads(line.partition(" ")[2])
        if "message" in record:
            yield record


@pytest.fixture(scope="module")
def accounts(synthetic_run: Run, maker: Maker) -> dict[str, Account]:
    """By symbol."""
    done = maker("log", "text", synthetic_run.log)
    assert done.code == 0, done.err
    found: dict[str, Account] = defaultdict(Account)
    newest_ns = 0
    for line in lines_of(done.out):
        symbol = line["message"].get("symbol", "*")
        newest_ns = max(newest_ns, line["message"].get("event_time_ns", 0))
        if symbol != "*":
            found[symbol].apply(line["type"], line["message"])
    for each in found.values():
        each.end(newest_ns)
    return dict(found)


def exact(value: float | str) -> Fraction:
    """A number of the summary; its JSON has all digits, its floats are read as they are printed."""
    return Fraction(Decimal(str(value)))


def test_money_and_position(synthetic_run: Run, accounts: dict[str, Account]) -> None:
    traded = 0
    for symbol, said in synthetic_run.summary["symbols"].items():
        own = accounts[symbol]
        traded += own.counts["fills"] > 0
        money = {
            "position": own.lots * own.lot,
            "pnl": own.equity,
            "session_pnl": own.equity,
            "day_pnl": own.equity,
            "pnl_capture": own.capture,
            "pnl_inventory": own.inventory,
            "fees": own.fees,
            "pnl_balance": own.balance,
            "max_drawdown": own.drawdown,
        }
        told = {name: float(said[name]) for name in money}
        assert told == pytest.approx({name: float(each) for name, each in money.items()}, rel=1e-12), symbol
        assert own.equity == own.capture + own.inventory - own.fees, symbol
        assert said["open_fees"] == {}
    assert traded >= 2


def test_no_number_of_a_symbol_is_left_out(synthetic_run: Run) -> None:
    for said in synthetic_run.summary["symbols"].values():
        assert set(said) == {"venue", *MONEY, *COUNTS, "quoting_share", *TERMS}


def test_counts(synthetic_run: Run, accounts: dict[str, Account]) -> None:
    for symbol, said in synthetic_run.summary["symbols"].items():
        own = accounts[symbol].counts
        counted = {name: own[name] for name in COUNTS}
        assert {name: said[name] for name in counted} == counted, symbol
    assert sum(each.counts["orders"] for each in accounts.values()) > 5


def test_the_share_of_time_with_both_sides(synthetic_run: Run, accounts: dict[str, Account]) -> None:
    for symbol, said in synthetic_run.summary["symbols"].items():
        own = accounts[symbol]
        assert own.first_book_ns is not None
        share = own.two_sided_ns / (own.newest_ns - own.first_book_ns)
        assert said["quoting_share"] == pytest.approx(share, abs=1e-5), symbol
        assert 0.5 < share <= 1, symbol


def test_terms_and_totals(synthetic_run: Run, accounts: dict[str, Account]) -> None:
    summary = synthetic_run.summary
    for symbol, said in summary["symbols"].items():
        terms = accounts[symbol].terms
        told = said["instrument"]
        assert told == {name: terms[name] for name in told}, symbol
        assert (said["refused_by_reason"], said["first_refusals"]) == ({}, {})
    fed = sum(each.counts["books"] + each.counts["trades"] for each in accounts.values())
    assert summary["market_events"] == pytest.approx(fed, abs=2 * len(accounts))
    assert summary["refused_without_symbol"] == 0
    rate = summary["market_events"] / summary["seconds"]
    assert summary["market_events_per_second"] == pytest.approx(rate, abs=0.1)

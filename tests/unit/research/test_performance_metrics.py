"""Turnover, holding, presence, fill ratios, drawdown, Sharpe (docs/FORMULAS.md, Performance)."""

from decimal import Decimal
from itertools import pairwise
from math import sqrt
from statistics import mean, stdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.attribution.equity import EquityCurve
from research.attribution.errors import InputError
from research.attribution.lines import Line, TransferLine
from research.attribution.report import EquityReport, OrdersReport, QuotesReport, SymbolReport
from tests.unit.research.streams import (
    SYMBOL,
    S,
    booked,
    fill,
    instrument,
    is_near,
    mid,
    order,
    pn1,
    quote,
)

MINUTE_S = 60


def report_of(*lines: Line, **fields: Any) -> SymbolReport:
    return booked([instrument(**fields), *lines]).finish().symbols[SYMBOL]


def quotes_of(*lines: Line, **fields: Any) -> QuotesReport:
    quotes = report_of(*lines, **fields).quotes
    assert quotes is not None
    return quotes


def orders_of(*lines: Line) -> OrdersReport:
    orders = report_of(*lines).orders
    assert orders is not None
    return orders


def equity_of(*steps: tuple[float, str], start: str | None = None) -> EquityReport:
    """After (seconds, change of equity) steps."""
    curve = EquityCurve(None if start is None else Decimal(start))
    for at_s, change in steps:
        curve.update(round(at_s * S), Decimal(change))
    return curve.report()


def pn3_quotes() -> list[Line]:
    """Both at the best for 4 s, a bid behind it for 2, a bid behind and an ask at it for 3, nothing for 1."""
    return [
        quote(0, bid="100.00", ask="100.02", best_bid="100.00", best_ask="100.02"),
        quote(4, bid="100.00", best_bid="100.01", best_ask="100.03"),
        quote(6, bid="99.99", ask="100.02", best_bid="100.00", best_ask="100.02"),
        quote(9, best_bid="100.00", best_ask="100.03"),
        quote(10, best_bid="100.00", best_ask="100.03"),
    ]


@pytest.mark.case("PN3")
def test_presence_and_time_at_the_top() -> None:
    quotes = quotes_of(*pn3_quotes())
    assert quotes.presence == pytest.approx(0.7, abs=1e-6)
    assert quotes.time_at_top_bid == pytest.approx(0.4, abs=1e-6)
    assert quotes.time_at_top_ask == pytest.approx(0.7, abs=1e-6)
    assert quotes.time_at_top_both == pytest.approx(0.4, abs=1e-6)
    assert quotes.mean_spread == pytest.approx(0.0242857, abs=1e-6)


@pytest.mark.case("PN3")
@pytest.mark.case("PN1")
def test_turnover_and_holding_time_of_an_inventory() -> None:
    inventory = booked(pn1()).finish().symbols[SYMBOL].inventory
    assert inventory.traded_notional == Decimal("600.09")
    assert inventory.mean_inventory_notional == pytest.approx(140.014, abs=1e-6)
    assert inventory.turnover == pytest.approx(4.28592855, abs=1e-6)
    assert inventory.holding_time_s == pytest.approx(2.33321668, abs=1e-6)
    assert inventory.mean_position == pytest.approx(7 / 5)
    assert inventory.largest_position == 3


def pn4_orders() -> list[Line]:
    """Filled 2, 0.5, 1, 0 of 2, 2, 2, 1."""
    lines: list[Line] = []
    for number, (size, filled, status) in enumerate(
        (("2", "2", "filled"), ("2", "0.5", "cancelled"), ("2", "1", "expired"), ("1", "0", "cancelled"))
    ):
        lines.append(order(number, str(number), "accepted", size=size))
        lines.append(order(number + 0.5, str(number), status, filled=filled))
    return lines


@pytest.mark.case("PN4")
def test_fill_ratios_by_quantity_and_by_order() -> None:
    orders = orders_of(*pn4_orders())
    assert orders.quantity_fill_ratio == pytest.approx(0.5, abs=1e-9)
    assert orders.order_fill_ratio == pytest.approx(0.75, abs=1e-9)
    assert orders.full_fill_ratio == pytest.approx(0.25, abs=1e-9)
    assert orders.cancel_ratio == pytest.approx(0.5, abs=1e-9)
    assert (orders.accepted, orders.finished, orders.rejected) == (4, 4, 0)


def test_orders_that_are_open_or_were_never_accepted_are_in_no_ratio() -> None:
    more = [order(4, "open", "accepted", size=9), order(4, "no", "rejected"), order(4, "no", "rejected")]
    orders = orders_of(*pn4_orders(), *more)
    assert (orders.accepted, orders.finished, orders.rejected) == (5, 4, 2)
    assert (orders.quantity_fill_ratio, orders.cancel_ratio) == (0.5, 0.4)


def test_an_amended_order_has_its_new_size() -> None:
    orders = orders_of(
        order(0, "1", "accepted", size=4),
        order(1, "1", "amended", size=2),
        order(2, "1", "filled", filled=2),
    )
    assert (orders.quantity_fill_ratio, orders.full_fill_ratio) == (1, 1)


def test_orders_that_were_all_rejected_have_no_ratio() -> None:
    orders = orders_of(order(0, "1", "rejected"))
    assert (orders.rejected, orders.quantity_fill_ratio, orders.cancel_ratio) == (1, None, None)


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([order(0, "1", "filled", filled=1)], "order_id"),
        ([order(0, "1", "amended", size=1)], "order_id"),
        ([order(0, "1", "accepted")], "size"),
        ([order(0, "1", "accepted", size=1), order(0, "1", "accepted", size=1)], "order_id"),
        ([order(0, "1", "accepted", size=1), order(0, "1", "amended")], "size"),
        ([order(0, "1", "accepted", size=1), order(0, "1", "cancelled")], "filled"),
        ([order(0, "1", "accepted", size=1), order(0, "1", "filled", filled=2)], "filled"),
    ],
)
def test_what_cannot_become_of_an_order_is_refused(lines: list[Line], field: str) -> None:
    with pytest.raises(InputError) as caught:
        report_of(*lines)
    assert caught.value.field == field


def test_fills_a_second_of_quoting_time() -> None:
    """8 of 10 seconds have a quote live; without quotes, order time counts; without both nothing is said."""
    fills: list[Line] = [mid(10, "100"), *(fill(10, 1, "100") for _ in range(4))]
    quoted = [*pn3_quotes()[:2], quote(8), *fills]
    assert report_of(*quoted).fills.fills_per_s == pytest.approx(0.5)
    ordered = [order(2, "1", "accepted", size=9), order(10, "1", "filled", filled=4), *fills]
    assert report_of(mid(0, "100"), *ordered).fills.fills_per_s == pytest.approx(0.5)
    assert report_of(mid(0, "100"), *fills).fills.fills_per_s is None


def test_hit_asymmetry_counts_fills() -> None:
    fills = [fill(0, size, "100") for size in (5, 1, 1, -7)]
    report = report_of(mid(0, "100"), *fills).fills
    assert (report.bid_fills, report.ask_fills, report.hit_asymmetry) == (3, 1, 0.5)


def test_a_trade_id_counts_once() -> None:
    fills = [fill(0, 1, "99", trade_id=each) for each in ("a", "b", "a")]
    report = report_of(mid(0, "100"), *fills)
    assert (report.fills.fills, report.fills.duplicates, report.position) == (2, 1, Decimal(2))


def test_a_quote_too_small_or_too_wide_is_no_presence() -> None:
    sized = {"bid": "99.95", "ask": "100.05", "bid_size": 2, "ask_size": 1}
    lines = [quote(0, **sized), quote(1, **sized)]
    for fields, presence in (
        ({}, 1),
        ({"quote_size_min": 1}, 1),
        ({"quote_size_min": 2}, 0),
        ({"quote_spread_bps_max": 10}, 1),
        ({"quote_spread_bps_max": "9.99"}, 0),
    ):
        assert quotes_of(*lines, **fields).presence == presence


def test_a_least_size_asks_for_sizes() -> None:
    with pytest.raises(InputError, match="ask_size: the instrument has a quote_size_min"):
        quotes_of(quote(0, bid=1, bid_size=5, ask=2), quote_size_min=1)


def test_where_the_best_is_never_told_nothing_is_said_of_the_top() -> None:
    quotes = quotes_of(quote(0, bid=99, ask=101), quote(1))
    assert (quotes.presence, quotes.mean_spread) == (1, 2)
    assert (quotes.time_at_top_bid, quotes.time_at_top_ask, quotes.time_at_top_both) == (None, None, None)


def test_time_before_the_first_quote_is_time_without_one() -> None:
    assert quotes_of(mid(0, "100"), quote(3, bid=99, ask=101), mid(4, "100")).presence == 0.25


def test_what_is_not_given_is_not_reported() -> None:
    report = report_of(mid(0, "100"))
    assert (report.orders, report.quotes, report.toxicity) == (None, None, None)
    assert (report.inventory.turnover, report.inventory.inventory_deviation) == (None, None)
    nothing = report_of()
    assert (nothing.begin_ns, nothing.end_ns, nothing.session_s, nothing.mid) == (None, None, 0, None)


def test_the_inventory_deviation_is_the_root_mean_square_distance_from_the_target() -> None:
    """5 for 1 s, then 2 for 3 s, with a target of 1: sqrt((16 + 3)/4)."""
    lines: list[Line] = [mid(0, "100"), fill(0, 5, "100"), fill(1, -3, "100"), mid(4, "100")]
    inventory = report_of(*lines, target_position=1).inventory
    assert inventory.inventory_deviation == pytest.approx(sqrt(19 / 4))
    assert (inventory.mean_position, inventory.largest_position) == (2.75, Decimal(5))


RK5 = ("0", "10", "5", "-1000", "1000", "-9100")
"""Equity 100000, 100010, 100005, 99000, 101000, 90900 less its start."""


@pytest.mark.case("RK5")
def test_drawdown_is_a_share_of_the_highest_equity() -> None:
    falls = [equity_of(*enumerate(RK5[:count]), start="100000") for count in range(1, 7)]
    shares = [0, 0, 10 / 200_020, 1010 / 100_010, 1010 / 100_010, 0.1]
    for each, share in zip(falls, shares, strict=True):
        assert each.max_drawdown_share == pytest.approx(share, abs=1e-9)
    assert falls[2].max_drawdown_share == pytest.approx(4.9995e-5, abs=1e-9)
    assert falls[3].max_drawdown_share == pytest.approx(0.010098990, abs=1e-9)
    assert [each.max_drawdown for each in falls] == [0, 0, 5, 1010, 1010, 10_100]


@pytest.mark.case("RK6")
def test_money_paid_in_or_out_is_neither_profit_nor_drawdown() -> None:
    """100k to 105k, 50k paid in, to 139.5k: a unit goes 1.05 to 0.945, 0.1. Or 50k paid out: nothing."""
    curve = EquityCurve(Decimal(100_000))
    curve.update(0, Decimal(5_000))
    curve.pay_in(1, Decimal(50_000))
    curve.update(2, Decimal(5_000 - 15_500))
    assert curve.report().max_drawdown_share == pytest.approx(0.1, abs=1e-9)
    curve = EquityCurve(Decimal(100_000))
    curve.update(0, Decimal(5_000))
    curve.pay_in(1, Decimal(-50_000))
    curve.update(2, Decimal(5_000))
    assert curve.report().max_drawdown_share == 0


def test_a_transfer_is_of_a_known_currency_and_leaves_something() -> None:
    lines: list[Line] = [instrument(), mid(0, "100")]
    gone = TransferLine(time_ns=S, currency="USD", amount=Decimal(-100))
    with pytest.raises(InputError, match="amount: it leaves no equity of 100"):
        booked([*lines, gone], start_equity={"USD": Decimal(100)})
    with pytest.raises(InputError, match="currency: no instrument above settles in it"):
        booked([*lines, gone.model_copy(update={"currency": "EUR"})])
    early = gone.model_copy(update={"time_ns": 0, "amount": Decimal(7)})
    with pytest.raises(InputError, match="sort by time_ns"):
        booked([*lines, mid(1, "100"), early])
    report = booked([*lines, gone], start_equity={"USD": Decimal(200)}).finish()
    assert report.currencies["USD"].attribution.equity_change == 0


def test_a_loss_from_the_start_is_a_drawdown() -> None:
    equity = equity_of((0, "-4"), (1, "-7"), (2, "3"))
    assert (equity.max_drawdown, equity.max_drawdown_share) == (Decimal(7), None)


def test_the_drawdown_of_a_currency_is_that_of_its_sum() -> None:
    """What one gains at a time the other loses at that time, in whatever order the lines come: no peak."""
    other = instrument().model_copy(update={"symbol": "ETH"})
    lines: list[Line] = [instrument(), other]
    for name, signed in ((SYMBOL, 1), ("ETH", -1)):
        lines += [mid(0, "100", symbol=name), fill(0, signed, "100", symbol=name)]
    lines += [mid(1, "120", symbol=SYMBOL), mid(1, "120", symbol="ETH"), mid(2, "90", symbol=SYMBOL)]
    report = booked(lines, start_equity={"USD": Decimal(100)}).finish()
    assert report.symbols[SYMBOL].equity.max_drawdown == 30
    assert report.symbols["ETH"].equity.max_drawdown == 20
    total = report.currencies["USD"].equity
    assert total.max_drawdown == 30
    assert total.max_drawdown_share == pytest.approx(0.3)
    assert report.symbols[SYMBOL].equity.max_drawdown_share is None


def test_the_sharpe_of_minutes() -> None:
    """Equity 0, 2, 1, 5 at the ends of the first minutes: 2, -1 and 4."""
    equity = equity_of((0, "0"), (59.9, "2"), (119.9, "1"), (179.9, "5"), (180, "99"))
    profits = [2, -1, 4]
    assert equity.minutes == 3
    assert equity.minute_mean == pytest.approx(mean(profits))
    assert equity.minute_deviation == pytest.approx(stdev(profits))
    assert equity.sharpe_minute == pytest.approx(mean(profits) / stdev(profits))
    assert equity.sharpe_year == pytest.approx(mean(profits) / stdev(profits) * sqrt(525_600))


def test_a_minute_without_events_has_no_profit_and_an_unfinished_one_does_not_count() -> None:
    equity = equity_of((0, "0"), (30, "6"), (200, "9"))
    assert equity.minutes == 3
    assert equity.minute_mean == pytest.approx(2)
    assert equity.minute_deviation == pytest.approx(stdev([6, 0, 0]))


def test_what_happens_at_the_end_of_a_minute_belongs_to_the_next() -> None:
    equity = equity_of((0, "0"), (60, "5"), (120, "5"))
    assert (equity.minutes, equity.minute_mean) == (2, 2.5)


@pytest.mark.parametrize("steps", [[], [(0, "1")], [(0, "0"), (61, "1")], [(0, "0"), (600, "0")]])
def test_without_a_deviation_there_is_no_sharpe(steps: list[tuple[float, str]]) -> None:
    equity = equity_of(*steps)
    assert (equity.sharpe_minute, equity.sharpe_year) == (None, None)


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(-1000, 1000)), min_size=1, max_size=30))
def test_minutes_and_drawdown_against_the_whole_path(steps: list[tuple[int, int]]) -> None:
    at_s, path = 0, []
    for step_s, change in steps:
        at_s += step_s
        path.append((at_s, change))
    equity = equity_of(*((at, str(change)) for at, change in path))
    begin_s = path[0][0]
    ends = range(begin_s + MINUTE_S, at_s + 1, MINUTE_S)
    levels = [0, *([change for at, change in path if at < end][-1] for end in ends)]
    profits = [after - before for before, after in pairwise(levels)]
    assert equity.minutes == len(profits)
    assert is_near(equity.minute_mean, mean(profits) if profits else None, absolute=1e-9)
    assert is_near(equity.minute_deviation, stdev(profits) if len(profits) > 1 else None, absolute=1e-9)
    changes = [0, *dict(path).values()]
    falls = [max(changes[: index + 1]) - change for index, change in enumerate(changes)]
    assert equity.max_drawdown == max(falls)

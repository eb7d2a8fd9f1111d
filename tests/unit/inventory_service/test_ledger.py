"""The ledger of one symbol: exact, and the same whichever way it is added up."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inventory_service.core.ledger import Ledger
from inventory_service.core.units import plain, whole

PriceSize = tuple[int, int]


def ledger_of(*trades: PriceSize, mid_half: int | None = None) -> Ledger:
    """A ledger after trades of (price in ticks, signed size in lots), the mid at each trade's own price."""
    ledger = Ledger()
    for price, signed in trades:
        mid = 2 * price if mid_half is None else mid_half
        ledger.fill(1 if signed > 0 else -1, price, abs(signed), mid, mid)
    return ledger


def realised_ticks(ledger: Ledger) -> Decimal:
    return ledger.realised_half / 2


def test_an_empty_ledger_is_worth_nothing() -> None:
    ledger = Ledger()
    ledger.mark(200)
    assert (ledger.position_lots, ledger.pnl_half, ledger.cost_ticks) == (0, 0, None)
    assert (ledger.unrealised_half, ledger.realised_half) == (Decimal(0), Decimal(0))


def test_a_buy_below_the_mid_captures_the_distance() -> None:
    ledger = Ledger()
    ledger.fill(1, 99, 4, 200, 200)
    assert (ledger.capture_half, ledger.inventory_half, ledger.pnl_half) == (8, 0, 8)
    assert (ledger.position_lots, ledger.cash_half, ledger.traded_half, ledger.fills) == (4, -792, 792, 1)


def test_a_sale_above_the_mid_captures_the_distance() -> None:
    ledger = Ledger()
    ledger.fill(-1, 101, 4, 200, 200)
    assert (ledger.capture_half, ledger.pnl_half, ledger.position_lots) == (8, 8, -4)


def test_what_is_held_gains_with_the_mid() -> None:
    ledger = ledger_of((100, 4))
    ledger.mark(206)
    assert (ledger.inventory_half, ledger.capture_half) == (24, 0)
    ledger.mark(198)
    assert ledger.inventory_half == -8


PN1_MIDS = (20_000, 20_004, 19_998, 20_002, 20_010, 20_006)
"""Half ticks of 0.01 at the times 0 to 5."""
PN1_FILLS = {1: (1, 10_000, 2), 2: (1, 9_997, 1), 3: (-1, 10_003, 2), 5: (-1, 10_006, 1)}
"""Time to sign, price in ticks and size."""


@pytest.mark.case("PN1")
def test_capture_and_inventory_before_fees() -> None:
    ledger = Ledger()
    for at, mid in enumerate(PN1_MIDS):
        ledger.mark(mid)
        if at in PN1_FILLS:
            ledger.fill(*PN1_FILLS[at], mid, mid)
    half_tick = Decimal("0.005")
    assert ledger.capture_half * half_tick == Decimal("0.13")
    assert ledger.inventory_half * half_tick == Decimal("0.02")
    assert ledger.pnl_half * half_tick == Decimal("0.15")
    assert ledger.traded_half * half_tick == Decimal("600.09")
    assert ledger.position_lots == 0
    assert realised_ticks(ledger) * Decimal("0.01") == Decimal("0.15"), "flat, so all of it is realised"


def test_the_same_direction_averages_the_cost() -> None:
    ledger = ledger_of((100, 2), (106, 1))
    assert ledger.cost_ticks == 102
    assert ledger.position_lots == 3


def test_a_reduction_realises_and_leaves_the_cost() -> None:
    ledger = ledger_of((100, 2), (106, 2), (110, -1))
    assert ledger.cost_ticks == 103
    assert realised_ticks(ledger) == 7
    assert ledger.unrealised_half == 3 * (220 - 206)


def test_a_flip_closes_at_the_old_cost_and_opens_the_rest_at_the_new_price() -> None:
    ledger = ledger_of((100, 3), (104, -5))
    assert (ledger.position_lots, ledger.cost_ticks) == (-2, Decimal(104))
    assert realised_ticks(ledger) == 12
    ledger.mark(2 * 101)
    assert ledger.unrealised_half == 2 * 2 * 3
    assert realised_ticks(ledger) == 12


def test_a_flip_back_from_short_to_long() -> None:
    ledger = ledger_of((104, -5), (100, 8))
    assert (ledger.position_lots, ledger.cost_ticks) == (3, Decimal(100))
    assert realised_ticks(ledger) == 20


def test_flat_has_no_cost() -> None:
    ledger = ledger_of((100, 3), (104, -3))
    assert (ledger.position_lots, ledger.cost_ticks, ledger.unrealised_half) == (0, None, Decimal(0))
    assert realised_ticks(ledger) == 12
    ledger.fill(-1, 90, 1, 180, 180)
    assert ledger.cost_ticks == 90, "what is opened anew does not remember the old cost"


def test_a_short_position_gains_as_the_mid_falls() -> None:
    ledger = ledger_of((100, -2), (103, -1))
    assert ledger.cost_ticks == 101
    ledger.mark(2 * 99)
    assert ledger.unrealised_half == 2 * 3 * 2


def test_a_cost_without_end_is_kept_to_a_millionth_of_a_millionth_of_a_tick() -> None:
    ledger = ledger_of((100, 1), (101, 2))
    assert ledger.cost_ticks == Decimal("100.666666666667")
    ledger.mark(2 * 105)
    assert ledger.realised_half + ledger.unrealised_half == ledger.pnl_half, "exactly, all the same"


def test_what_is_taken_as_a_fee_is_sold_at_the_mid_and_is_no_fill() -> None:
    """3 bought at 100 at a mid of 101: capture 3; one is taken at 101, two rise to 103: inventory 4."""
    ledger = Ledger()
    ledger.fill(1, 100, 3, 202, 202)
    ledger.transfer(Decimal(1), 202)
    ledger.mark(206)
    assert (ledger.position_lots, ledger.fills, ledger.traded_half) == (2, 1, 600)
    assert (ledger.capture_half, ledger.inventory_half, ledger.pnl_half) == (6, 8, 14)
    assert (ledger.cost_ticks, ledger.realised_half) == (Decimal(100), Decimal(2))


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(2, 4_000), st.just(0), st.integers(1, 5)),
        st.tuples(st.just("mark"), st.integers(2, 4_000), st.just(0), st.just(0)),
        st.tuples(
            st.sampled_from(["buy", "sell"]), st.integers(2, 4_000), st.integers(1, 2_000), st.integers(1, 50)
        ),
    ),
    max_size=40,
)
Step = tuple[str, int, int, int]


@given(events=EVENTS)
def test_profit_adds_up_whichever_way_it_is_split(events: list[Step]) -> None:
    ledger, cash, position, mark = Ledger(), 0, 0, 0
    for kind, mid, price, lots in events:
        if kind == "mark":
            ledger.mark(mid)
        elif kind == "take":
            ledger.transfer(Decimal(lots), mid)
            cash += mid * lots
            position -= lots
        else:
            sign = 1 if kind == "buy" else -1
            ledger.fill(sign, price, lots, mid, mid + lots % 5 - 2)
            cash -= sign * 2 * price * lots
            position += sign * lots
        mark = mid + lots % 5 - 2 if kind in ("buy", "sell") else mid
        assert ledger.position_lots == position
        assert ledger.pnl_half == cash + position * mark
        assert ledger.capture_half + ledger.inventory_half == ledger.pnl_half
        assert ledger.realised_half + ledger.unrealised_half == cash + position * mark


@given(events=EVENTS)
def test_cost_and_realised_follow_the_rules_of_average_cost(events: list[Step]) -> None:
    ledger, held, cost, realised = Ledger(), 0, Fraction(0), Fraction(0)
    for kind, mid, price, lots in events:
        if kind in ("mark", "take"):
            ledger.mark(mid)
            continue
        sign = 1 if kind == "buy" else -1
        ledger.fill(sign, price, lots, mid, mid + lots % 5 - 2)
        if held * sign >= 0:
            cost = (abs(held) * cost + lots * price) / (abs(held) + lots)
        else:
            closed = min(abs(held), lots)
            realised += closed * (price - cost) * (1 if held > 0 else -1)
            cost = Fraction(price) if lots > abs(held) else cost
        held += sign * lots
        assert (ledger.cost_ticks is None) == (held == 0)
        if ledger.cost_ticks is not None:
            assert abs(Fraction(ledger.cost_ticks) - cost) < Fraction(1, 10**9)
        assert abs(Fraction(realised_ticks(ledger)) - realised) < Fraction(1, 10**6)


@given(events=EVENTS)
def test_swapping_the_sides_and_mirroring_the_prices_leaves_the_profit(events: list[Step]) -> None:
    straight, mirrored, top = Ledger(), Ledger(), 5_000
    for kind, mid, price, lots in events:
        if kind in ("mark", "take"):
            straight.mark(mid)
            mirrored.mark(2 * top - mid)
        else:
            sign = 1 if kind == "buy" else -1
            straight.fill(sign, price, lots, mid, mid + 2)
            mirrored.fill(-sign, top - price, lots, 2 * top - mid, 2 * top - mid - 2)
        assert mirrored.pnl_half == straight.pnl_half
        assert mirrored.capture_half == straight.capture_half


@pytest.mark.parametrize("sign", [1, -1])
def test_a_fill_takes_the_mid_of_its_own_moment(sign: int) -> None:
    ledger = Ledger()
    ledger.fill(sign, 100, 5, 200, 200)
    ledger.fill(sign, 100, 5, 210, 210)
    assert ledger.mark_half_ticks == 210
    assert ledger.inventory_half == sign * 5 * 10, "what was held moved with it; the new lots did not"
    assert ledger.capture_half == sign * 5 * 10


@pytest.mark.parametrize(
    ("value", "number"), [("12", 12), ("1.2E+3", 1200), ("1.5", None), ("1E+99", 10**99), ("1E+999999", None)]
)
def test_a_number_that_no_ledger_is_kept_in_is_not_written_out(value: str, number: int | None) -> None:
    assert whole(Decimal(value)) == number
    assert plain(Decimal(value)) == (Decimal(value) if number is None else number)


@pytest.mark.parametrize("sign", [1, -1])
def test_what_the_mid_moved_before_the_report_is_inventory_profit(sign: int) -> None:
    """Bought 5 at 99 with the mid at 100, which was 98 when the report came (docs/FORMULAS.md)."""
    ledger = Ledger()
    ledger.fill(sign, 100 - sign, 5, 200, 200 - 4 * sign)
    assert ledger.capture_half == 5 * 2
    assert ledger.inventory_half == -5 * 4
    assert ledger.pnl_half == ledger.capture_half + ledger.inventory_half
    assert ledger.mark_half_ticks == 200 - 4 * sign

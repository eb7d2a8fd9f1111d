"""What the venue says, in every order, twice, or about orders that nobody knows."""

from decimal import Decimal
from itertools import permutations

import pytest
from quote_service.routing.orders.client_ids import client_order_id, id_prefix, side_of
from quote_service.routing.orders.order_states import TRANSITIONS
from quote_service.routing.orders.order_table import REFUSED_REPORTS_KEPT

from schemas.orders import TERMINAL_STATUSES, OrderEvent, ReportKind
from tests.kit.messages import KEY, MS, T0, reported_fill
from tests.unit.quote_service.routing.builders import Desk, wide_config


def placed(desk: Desk, size: int = 5, side: str = "buy") -> OrderEvent:
    levels = {"bids": [(99, size)]} if side == "buy" else {"asks": [(101, size)]}
    [intent] = desk.live(0, 1, **levels)
    return intent


def halted(desk: Desk) -> OrderEvent:
    [cancel] = desk.beat(5, "HALT")
    return cancel


@pytest.mark.parametrize("order", list(permutations(["fill", "cancelled", "cancel_rejected"])))
def test_every_order_of_fill_and_cancel_answers_counts_the_fill_once_and_ends(
    order: tuple[ReportKind, ...],
) -> None:
    desk = Desk(wide_config())
    intent = placed(desk)
    halted(desk)
    for at_ms, kind in enumerate(order, start=6):
        if kind == "fill":
            desk.fill(at_ms, intent, 5, "t1")
        else:
            desk.answer(at_ms, kind, intent)
    assert [(made.size_lots, made.side) for made in desk.fills] == [(5, "buy")]
    assert desk.symbol.position.lots == 5
    assert desk.core.is_drained
    ends = [event for event in desk.events if event.status in TERMINAL_STATUSES]
    assert ends
    assert len({event.status for event in ends}) == 1  # a terminal status is never left


@pytest.mark.parametrize("order", list(permutations(["fill", "amended", "cancelled"])))
def test_every_order_of_fill_amend_and_cancel_answers_ends(order: tuple[ReportKind, ...]) -> None:
    desk = Desk(wide_config())
    intent = placed(desk)
    [amend] = desk.target(3, 2, bids=[(98, 4)])
    halted(desk)
    for at_ms, kind in enumerate(order, start=6):
        if kind == "fill":
            desk.fill(at_ms, intent, 2, "t1")
        else:
            desk.answer(at_ms, kind, amend)
    assert desk.symbol.position.lots == 2
    assert desk.core.is_drained


def test_cancel_rejected_keeps_the_reservation_until_the_fill_arrives() -> None:
    desk = Desk(wide_config(risk_limits={"max_position": 5}))
    intent = placed(desk)
    halted(desk)
    [rejected] = desk.answer(6, "cancel_rejected", intent)
    assert (rejected.kind, rejected.status) == ("cancel_rejected", "unknown")
    desk.beat(7, "RUN")
    assert desk.target(8, 2, bids=[(98, 5)]) == []
    [denied] = desk.target(9, 3, bids=[(98, 5), (97, 5)])
    assert (denied.level, denied.reasons) == (1, ("POS_LIMIT",))
    assert desk.fill(10, intent, 5, "t1")[0].status == "filled"


def test_a_duplicate_fill_changes_nothing() -> None:
    desk = Desk(wide_config())
    intent = placed(desk, 10)
    [partial] = desk.fill(2, intent, 4, "t1")
    assert (partial.kind, partial.status, partial.filled_lots) == ("partial_fill", "live", 4)
    assert desk.fill(3, intent, 4, "t1") == []
    assert len(desk.fills) == 1
    assert desk.symbol.position.lots == 4
    [filled] = desk.fill(4, intent, 6, "t2")
    assert (filled.kind, filled.status, filled.filled_lots) == ("filled", "filled", 10)
    assert desk.fill(5, intent, 6, "t2") == []
    assert len(desk.fills) == 2


def test_a_fill_may_come_before_its_order_is_accepted() -> None:
    desk = Desk(wide_config())
    desk.book(0)
    [intent] = desk.target(1, 1, bids=[(99, 5)])
    [partial] = desk.fill(2, intent, 2, "t1")
    assert partial.status == "live"
    assert desk.answer(3, "accepted", intent) == []
    [filled] = desk.fill(4, intent, 3, "t2")
    assert filled.status == "filled"


def test_a_late_fill_of_a_cancelled_order_counts_and_the_order_stays_cancelled() -> None:
    desk = Desk(wide_config())
    intent = placed(desk)
    halted(desk)
    desk.answer(6, "cancelled", intent)
    [late] = desk.fill(7, intent, 2, "t1")
    assert (late.kind, late.status, late.filled_lots) == ("partial_fill", "cancelled", 2)
    assert desk.symbol.position.lots == 2


def test_a_fill_during_an_amend_that_makes_the_order_larger_waits_for_the_answer() -> None:
    desk = Desk(wide_config())
    intent = placed(desk, 5)
    [amend] = desk.target(3, 2, bids=[(99, 10)])
    [partial] = desk.fill(4, intent, 5, "t1")
    assert (partial.kind, partial.status) == ("partial_fill", "pending_amend")
    amended = desk.answer(5, "amended", amend)[0]
    assert (amended.status, amended.size_lots, amended.filled_lots) == ("live", 10, 5)


def test_a_rejected_amend_of_a_filled_order_ends_it() -> None:
    desk = Desk(wide_config())
    intent = placed(desk, 5)
    [amend] = desk.target(3, 2, bids=[(99, 10)])
    desk.fill(4, intent, 5, "t1")
    rejected = desk.answer(5, "amend_rejected", amend, price=99, size=5, reason="ORDER_ENDED")[0]
    assert (rejected.kind, rejected.status) == ("amend_rejected", "filled")
    assert "buy" not in {
        side for side, _ in desk.symbol.orders.open if desk.symbol.orders.open[side, 0].filled_lots
    }


def test_a_rejected_amend_leaves_the_order_as_it_was() -> None:
    desk = Desk(wide_config())
    intent = placed(desk, 5)
    [amend] = desk.target(3, 2, bids=[(100, 3)])
    [rejected] = desk.answer(4, "amend_rejected", amend, price=99, size=5, reason="VENUE_REFUSED")
    assert (rejected.kind, rejected.status, rejected.price_ticks, rejected.size_lots) == (
        "amend_rejected", "live", 99, 5,
    )  # fmt: skip
    order = desk.symbol.orders.open["buy", 0]
    assert (order.client_order_id, order.asked_price_ticks, order.asked_size_lots) == (
        intent.client_order_id, 99, 5,
    )  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["accepted", "amended", "amend_rejected", "cancelled", "cancel_rejected", "rejected"]
)
def test_an_answer_about_an_unknown_order_changes_nothing(kind: ReportKind) -> None:
    desk = Desk(wide_config())
    placed(desk)
    assert desk.answer(5, kind, "nobody-knows") == []
    assert desk.symbol.orders.open["buy", 0].status == "live"


@pytest.mark.parametrize("kind", ["accepted", "amended", "amend_rejected", "cancel_rejected", "rejected"])
def test_an_answer_that_nobody_asked_for_changes_nothing(kind: ReportKind) -> None:
    desk = Desk(wide_config())
    intent = placed(desk)
    assert desk.answer(5, kind, intent, price=1, size=1) == []
    order = desk.symbol.orders.open["buy", 0]
    assert (order.status, order.price_ticks, order.size_lots) == ("live", 99, 5)


def test_what_is_illegal_in_an_orders_state_is_kept_and_the_newest_stay() -> None:
    desk = Desk(wide_config())
    intent = placed(desk)
    assert not desk.answer(5, "amended", intent)
    [refused] = desk.symbol.orders.refused
    assert refused == (T0 + 5 * MS, intent.client_order_id, "live", "amended")
    for at_ms in range(6, 6 + 2 * REFUSED_REPORTS_KEPT):
        desk.answer(at_ms, "rejected", intent)
    assert len(desk.symbol.orders.refused) == REFUSED_REPORTS_KEPT
    assert {report.kind for report in desk.symbol.orders.refused} == {"rejected"}


def test_a_move_of_our_own_that_the_table_lacks_is_an_error_that_names_the_order() -> None:
    desk = Desk(wide_config())
    order = desk.symbol.orders.find(placed(desk).client_order_id)
    assert order is not None
    with pytest.raises(
        ValueError, match=f"order {order.client_order_id} is live: accepted is no move from there"
    ):
        order.move("accepted")
    assert order.status == "live"


def test_the_venue_may_end_an_order_by_itself() -> None:
    desk = Desk(wide_config())
    intent = placed(desk)
    cancelled = desk.answer(600, "cancelled", intent)[0]
    assert (cancelled.kind, cancelled.status) == ("cancelled", "cancelled")


@pytest.mark.parametrize(("side", "sign"), [("buy", 1), ("sell", -1)])
def test_a_fill_of_an_unknown_order_counts_by_the_side_that_the_venue_says(side: str, sign: int) -> None:
    desk = Desk(wide_config())
    desk.book(0)
    desk.send(reported_fill("by-hand", 99, 3, "t9", side=side))
    assert [(made.side, made.size_lots, made.client_order_id) for made in desk.fills] == [
        (side, 3, "by-hand")
    ]
    assert desk.symbol.position.lots == 3 * sign
    desk.send(reported_fill("by-hand", 99, 3, "t9", side=side))
    assert len(desk.fills) == 1


def test_a_fill_of_a_forgotten_order_of_ours_is_published_by_the_side_in_its_id() -> None:
    desk = Desk(wide_config())
    desk.book(0)
    desk.send(reported_fill(client_order_id(id_prefix(KEY), "sell", 2, 77), 99, 3, "t9"))
    assert desk.symbol.position.lots == -3


def test_a_fill_that_cannot_be_true_stops_the_symbol_and_is_not_counted() -> None:
    desk = Desk(wide_config())
    intent = placed(desk)
    impossible = reported_fill(intent.client_order_id, 99, 999, "t9", time_ns=T0 + 5 * MS)
    [cancel] = desk.send(impossible.model_copy(update={"reason": "999 lots, of an order of 5"}))
    assert (cancel.client_order_id, cancel.reasons) == (intent.client_order_id, ("UNACCOUNTED_FILL",))
    assert "999 lots, of an order of 5" in desk.stops[-1].text
    assert desk.symbol.position.lots == 0


def test_a_fill_whose_side_nobody_knows_stops_the_symbol() -> None:
    desk = Desk(wide_config())
    intent = placed(desk)
    [cancel] = desk.send(reported_fill("by-hand", 99, 3, "t9", time_ns=T0 + 5 * MS))
    assert (cancel.client_order_id, cancel.reasons) == (intent.client_order_id, ("UNACCOUNTED_FILL",))
    assert desk.target(6, 2, bids=[(99, 5)], asks=[(101, 5)]) == []


def test_a_fill_without_a_trade_id_counts() -> None:
    desk = Desk(wide_config())
    intent = placed(desk)
    desk.send(reported_fill(intent.client_order_id, 99, 2, None, time_ns=T0 + 2 * MS))
    desk.send(reported_fill(intent.client_order_id, 99, 1, None, time_ns=T0 + 3 * MS))
    assert desk.symbol.position.lots == 3
    assert len({made.venue_trade_id for made in desk.fills}) == 2


def test_a_fill_of_nothing_changes_nothing() -> None:
    desk = Desk(wide_config())
    intent = placed(desk)
    assert desk.fill(2, intent, 0, "t1") == []
    assert desk.fills == []


@pytest.mark.parametrize(
    ("liquidity", "fee"),
    [("maker", Decimal("-0.0198")), ("taker", Decimal("0.099")), (None, Decimal("0.099"))],
)
def test_money_and_mid_of_a_fill(liquidity: str | None, fee: Decimal) -> None:
    desk = Desk(wide_config(), maker_fee_bps=Decimal(-1), taker_fee_bps=Decimal(5))
    intent = placed(desk)
    desk.book(3, bid=97, ask=100)
    desk.book(4, status="crossed", bid=100, ask=99)
    desk.fill(5, intent, 2, "t1", liquidity=liquidity)
    [made] = desk.fills
    assert (made.fee, made.fee_currency, made.mid_half_ticks) == (fee, "USDT", 197)
    assert (made.price_ticks, made.client_order_id, made.venue_trade_id) == (99, intent.client_order_id, "t1")


@pytest.mark.control("K7")
@pytest.mark.parametrize(
    ("fields", "mid"),
    [
        ({"executed_ns": T0 + 7 * MS}, 201),  # the book of 4 ms
        ({"executed_ns": T0 + 4 * MS}, 197),  # a book of the same moment may be the execution's own
        ({"executed_ns": T0 + 3 * MS}, 200),
        ({"executed_ns": T0 - 60_000 * MS}, 180),  # nothing is known of then: the mid at the report
        ({"executed_ns": T0 + 7 * MS, "mid_half_ticks": 222}, 222),  # the venue knows best
        ({}, 180),
    ],
)
def test_capture_begins_at_the_mid_just_before_the_execution(fields: dict[str, int], mid: int) -> None:
    desk = Desk(wide_config())
    intent = placed(desk)
    desk.book(3, bid=97, ask=100)
    desk.book(4, bid=100, ask=101)
    desk.book(7, status="crossed", bid=100, ask=99)
    desk.book(8, bid=89, ask=91)
    desk.fill(9, intent, 2, "t1", **fields)
    [made] = desk.fills
    assert (made.mid_half_ticks, made.report_mid_half_ticks) == (mid, 180)
    assert made.executed_ns == fields.get("executed_ns", 0)


def test_an_order_without_an_answer_for_long_is_unknown_reserved_and_never_sent_again() -> None:
    desk = Desk(wide_config(risk_limits={"max_position": 5}))
    desk.book(0)
    [intent] = desk.target(0, 1, bids=[(99, 5)], ttl_ms=60_000)
    assert desk.tick(4_999) == []
    [unknown] = desk.tick(5_000)
    assert (unknown.kind, unknown.status, unknown.client_order_id) == (
        "unknown",
        "unknown",
        intent.client_order_id,
    )
    for at_ms in range(5_250, 20_000, 250):
        assert desk.tick(at_ms) == []
    [denied] = desk.target(20_000, 2, bids=[(99, 5), (98, 5)])
    assert denied.reasons == ("POS_LIMIT",)
    accepted = desk.answer(20_001, "accepted", intent)[0]
    assert (accepted.kind, accepted.status) == ("accepted", "live")


@pytest.mark.control("K7")
@pytest.mark.parametrize(
    ("answer", "status"), [("accepted", "live"), ("rejected", "rejected"), ("cancelled", "cancelled")]
)
def test_unknown_ends_with_the_venues_word(answer: ReportKind, status: str) -> None:
    desk = Desk(wide_config())
    desk.book(0)
    [intent] = desk.target(0, 1, bids=[(99, 5)])
    desk.tick(5_000)
    assert desk.answer(5_001, answer, intent)[0].status == status


def test_the_position_counts_own_fills_before_inventory_does() -> None:
    desk = Desk(wide_config())
    intent = placed(desk, 10)
    desk.fill(2, intent, 4, "t1")
    desk.fill(3, intent, 3, "t2")
    desk.position(4, 4, fills=1)
    assert desk.symbol.position.lots == 7
    desk.position(5, 7, fills=2)
    assert desk.symbol.position.lots == 7
    desk.position(6, 4, fills=1)  # late
    assert desk.symbol.position.lots == 7
    desk.position(7, 20, fills=2)  # inventory-service knows of 13 more
    assert desk.symbol.position.lots == 20


def test_what_is_remembered_is_bounded() -> None:
    desk = Desk(wide_config())
    desk.book(0)
    for n in range(3_000):
        desk.send(reported_fill(f"by-hand-{n}", 99, 1, f"t{n}", side="buy"))
        desk.position(0, n + 1, fills=n + 1)
    assert len(desk.symbol.orders.trade_ids) == 1_024
    assert len(desk.symbol.position.uncounted) == 0


def test_terminal_statuses_are_never_left() -> None:
    for status, moves in TRANSITIONS.items():
        if status in TERMINAL_STATUSES:
            assert set(moves.values()) <= {status}
        else:
            assert moves["filled"] == "filled"
            assert moves["cancelled"] == "cancelled"


@pytest.mark.parametrize(
    "key", ["binance:BTC/USDT", "binance_usdm:1000000MOGWIFHATINU/USDT:USDT", "x:é/€", "a:b-c_d.e"]
)
def test_client_order_ids_are_short_plain_and_name_their_side(key: str) -> None:
    for side in ("buy", "sell"):
        order_id = client_order_id(id_prefix(key), side, 12, 99_999_999)
        assert len(order_id) <= 36
        assert all(letter.isascii() and (letter.isalnum() or letter == "-") for letter in order_id)
        assert side_of(order_id) == side


def test_ids_of_like_named_symbols_differ() -> None:
    keys = [
        "v:BTC/USDT",
        "v:BTC-USDT",
        "w:BTC/USDT",
        "v:BTC/USDT:USDT",
        "v:1000000MOGWIF1",
        "v:1000000MOGWIF2",
    ]
    assert len({id_prefix(key) for key in keys}) == len(keys)
    assert side_of("by-hand") is None
    assert side_of("mm-a-b-c-d") is None

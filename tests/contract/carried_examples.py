"""A golden message for every type of the topic process.state."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from schemas.carried.inventory import (
    CarriedAdverseMoves,
    CarriedFillMove,
    CarriedForward,
    CarriedMoveTally,
    CarriedOpenFees,
    CarriedPendingMove,
    InventoryCarried,
)
from schemas.carried.monitor import MonitorCarried
from schemas.carried.quoter import CarriedHanging, CarriedSide, QuoterCarried
from schemas.carried.risk import (
    CarriedExecution,
    CarriedLatch,
    CarriedRequest,
    CarriedVerdict,
    RiskCarried,
)
from schemas.carried.router import (
    CarriedBudget,
    CarriedFillRate,
    CarriedHolding,
    CarriedMassCancel,
    CarriedOrder,
    CarriedPosition,
    CarriedWindow,
    RouterCarried,
)
from schemas.carried.runtime import CarriedPart, ProcessCarried, StateMessageCarried
from schemas.carried.view import CarriedChange, CarriedProfit, ViewCarried
from schemas.control import Acknowledgement, Command, Override, Proposal, SettingChange
from schemas.inventory import OpenFee
from schemas.market import Instrument, Rate
from schemas.message import Event
from schemas.orders import AccountChange, OrderEvent
from schemas.process import MessageFault, SettingApplied
from schemas.risk import RiskAlert
from schemas.statistics import MinuteStatistics
from schemas.tallies import Counters, RequestSeen
from tests.contract.example_values import OF_SYMBOL, RECEIVED_NS, SYMBOL, contract, golden


def _of(process: str) -> dict[str, Any]:
    return OF_SYMBOL | {"process": process}


def carried_examples() -> Iterator[Event]:
    """What the runtime carries for every process, then each process's own."""
    yield CarriedPart(
        event_time_ns=RECEIVED_NS,
        process="risk-service",
        part=1,
        parts=2,
        text="eJyrVkrLz1eyUkpKLFKqBQAdegRM",
    )
    yield ProcessCarried(
        event_time_ns=RECEIVED_NS,
        process="risk-service",
        numbers=(("3f1a", "control.command", "*:*", 17),),
        command_ids=("c-41", "c-42"),
        fault=MessageFault(
            event_time_ns=RECEIVED_NS,
            process="risk-service",
            venue="*",
            symbol="*",
            message_type="order.fill",
            topic="order.fill",
            event_id="0",
            error="records are missing",
            detail="offsets 7 to 9 of order.fill partition 0: deleted",
        ),
    )
    yield StateMessageCarried(
        **_of("quote-service"),
        message_type="risk.state.v1",
        payload='{"event_time_ns":1723161254206652067,"venue":"binance","symbol":"BTC/USDT","state":"RUN"}',
    )
    yield monitor()
    yield quoter()
    yield router()
    yield inventory()
    yield risk()
    yield view()


def monitor() -> MonitorCarried:
    """Of monitor-service."""
    return MonitorCarried(
        **_of("monitor-service"),
        instrument_version=3,
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.00001"),
        quote_currency="USDT",
        started_by="c-41",
        removed_by="c-42",
    )


def quoter() -> QuoterCarried:
    """Of quote-service."""
    return QuoterCarried(
        **_of("quote-service"),
        stopped=True,
        sequence=41,
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.00001"),
        bid=CarriedSide(filled_ns=RECEIVED_NS),
        ask=CarriedSide(
            hanging=(CarriedHanging(price_ticks=6_183_900, size_lots=4_800, since_ns=RECEIVED_NS),)
        ),
        band_reference_ticks=6183763.5,
        band_since_ns=RECEIVED_NS,
    )


def router() -> RouterCarried:
    """Of order-router."""
    order = CarriedOrder(
        client_order_id="mm-btcusdt-1a2b3c-b0-2874611",
        order_prefix="mm",
        side="buy",
        level=0,
        instrument_version=1,
        price_ticks=6_012_345,
        size_lots=250,
        filled_lots=40,
        asked_price_ticks=6_012_350,
        asked_size_lots=250,
        asked_at_ns=RECEIVED_NS - 30_000_000,
        revision=3,
        shrinks=1,
        is_replaced=True,
        target_sequence=817,
        status="pending_amend",
    )
    return RouterCarried(
        **_of("order-router"),
        instruments=(contract(event_time_ns=RECEIVED_NS - 60_000_000_000),),
        mid_half_ticks=12_024_701,
        mid_version=1,
        orders=(order,),
        ended=(order.model_copy(update={"status": "filled", "filled_lots": 250, "level": 1}),),
        orders_count=2_874_612,
        trade_ids=("3011", "3012"),
        position=CarriedPosition(
            lots=1_040,
            instrument_version=1,
            base_fees_taken=Decimal("0.00001"),
            fills_counted=2,
            uncounted=((40, 1),),
        ),
        guard=CarriedFillRate(
            fills=((RECEIVED_NS - 1_000_000_000, 40),),
            freezes_ns=(RECEIVED_NS - 90_000_000_000,),
            frozen_until_ns=RECEIVED_NS - 89_000_000_000,
            quote_lots=250,
        ),
        stopped_by="POSITION_BREAK",
        overrides=(_override(),),
        balance_sequence=17,
        budgets=(("binance:BTC/USDT", CarriedBudget(spent=30_000_000_000, updated_ns=RECEIVED_NS)),),
        windows=(
            CarriedWindow(
                scope="symbol",
                interval_ns=60_000_000_000,
                saved=120_000_000_000,
                updated_ns=RECEIVED_NS,
                spent=((RECEIVED_NS - 2_000_000_000, 1),),
            ),
        ),
        **_of_the_account(),
    )


def _override() -> Override:
    return Override(
        event_time_ns=RECEIVED_NS - 5_000_000_000,
        venue="binance",
        symbol=SYMBOL,
        override_id="o-7",
        side="buy",
        price_ticks=6_010_000,
        size_lots=9_000,
        codes=("MAX_QTY",),
        valid_until_ns=RECEIVED_NS + 100_000_000_000,
        requester="tess",
        approver="rita",
        reason="a large order of a client",
    )


def _of_the_account() -> dict[str, Any]:
    """What stands in the account's message alone; here in one example with the rest."""
    return {
        "began_ns": RECEIVED_NS - 86_400_000_000_000,
        "order_prefixes": ("old", "mm"),
        "withdrawals": (
            CarriedMassCancel(
                venue="binance",
                symbol="*",
                reasons=("RISK_HALT",),
                began_ns=RECEIVED_NS - 500_000_000,
                is_confirmed=False,
                seen=("mm-btcusdt-1a2b3c-b0-2874611",),
            ),
        ),
        "holdings": (
            CarriedHolding(
                currency="BTC",
                moved=Decimal("0.01"),
                taken=Decimal("-0.0002"),
                recent=((RECEIVED_NS - 1_000_000, RECEIVED_NS - 1_000_000, Decimal("0.0004")),),
            ),
        ),
    }


def inventory() -> InventoryCarried:
    """Of inventory-service: a ledger whose contract had another tick before, with a fee that has no rate."""
    second = contract(version=2)
    return InventoryCarried(
        **_of("inventory-service"),
        reporting_currency="USDT",
        contract=second,
        in_force=contract(version=3, lot_size=Decimal("0.3")),
        versions=(second,),
        position_lots=-2_000,
        owed_lots=Decimal("0.25"),
        cost_ticks=Decimal("6177578.5"),
        mark_half_ticks=Decimal("12367527"),
        cash_half=Decimal("24710314000"),
        capture_half=Decimal("24742000"),
        inventory_half=Decimal("-49480000"),
        traded_half=Decimal("24710314000"),
        fills=7,
        forward=CarriedForward(
            cash=Decimal("3.75"), capture=Decimal("5.25"), inventory=Decimal("-1.5"), traded=Decimal(1200)
        ),
        fees=Decimal("-0.0617757800"),
        open_fees=(CarriedOpenFees(currency="BNB", amount=Decimal("0.0036"), reserve=Decimal("2.471")),),
        taken_lots=2,
        peak=Decimal("15.25"),
        max_drawdown=Decimal("3.75"),
        adjustments=1,
        trade_ids=("sim-6", "sim-7"),
        change_ids=("j-7",),
        waiting=(
            AccountChange(
                event_time_ns=RECEIVED_NS,
                venue="binance",
                symbol=SYMBOL,
                change_id="opening-1",
                kind="opening",
                size_change_lots=5,
                reason="the venue's position when the ledger began",
            ),
        ),
        lacks="UNITS_DIFFER: 5 contracts are told in version 3 of the contract",
        adverse=_adverse_moves(),
        rate_mid_half_ticks=12_367_527,
        rates=(
            Rate(
                event_time_ns=RECEIVED_NS,
                venue="binance",
                symbol="BNB/USDT",
                base_currency="BNB",
                quote_currency="USDT",
                rate=Decimal("594.25"),
            ),
        ),
    )


def _adverse_moves() -> CarriedAdverseMoves:
    sale: dict[str, Any] = {"sign": -1, "size_lots": 2_000, "mid_half_ticks": 12_367_527}
    former: dict[str, Any] = {"moved_bps_lots": 12.5, "lots": 2_000.0, "at_ns": RECEIVED_NS, "fills": 7}
    return CarriedAdverseMoves(
        waiting=(CarriedFillMove(due_ns=RECEIVED_NS, **sale),),
        **former,
        mid_half_ticks=12_367_527,
        tallies=(
            CarriedMoveTally(
                sign=1,
                horizon_ms=5_000,
                moved_bps=12.5,
                squared_bps=40.25,
                lots=2_000.0,
                independent=6.5,
                executed_ns=RECEIVED_NS,
            ),
        ),
        pending=(CarriedPendingMove(time_ns=RECEIVED_NS, horizon_ms=1_000, **sale),),
    )


def risk() -> RiskCarried:
    """Of risk-service."""
    return RiskCarried(
        **_of("risk-service"),
        reporting_currency="USDT",
        latches=(CarriedLatch(cause="COMMAND", text="COMMAND: strange fills by ann"),),
        halt_sequence=3,
        resume_asked=CarriedRequest(principal="bob", time_ns=RECEIVED_NS, halt_sequence=3),
        flatten_asked=CarriedRequest(principal="ann", time_ns=RECEIVED_NS, halt_sequence=3),
        flattens_under=3,
        state="HALT",
        reasons=("COMMAND: strange fills by ann",),
        warned=("loss",), reached=("MAX_LOSS",),
        pnl=Decimal("-510.25"),
        forgiven=Decimal("-20"),
        peak=Decimal("75.5"),
        alerts=12,
        is_held=True,
        units=Decimal("0.048"),
        notional=Decimal("2968.2"),
        mark_half_ticks=12_367_527,
        tick_size=Decimal("0.01"),
        mark_time_ns=RECEIVED_NS,
        has_old_mark=True,
        executions=(CarriedExecution(time_ns=RECEIVED_NS, side="buy", client_order_id="mm-1-7"),),
        open_fees=(OpenFee(currency="BNB", amount=Decimal("0.0015")),),
        verdicts=(CarriedVerdict(change_id="c-9", process="order-router", is_taken=True),),
    )  # fmt: skip


def view() -> ViewCarried:
    """Of view-projector; what it carries of others is as their own golden messages."""
    alert, proposal, order = golden(RiskAlert), golden(Proposal), golden(OrderEvent)
    change = CarriedChange(
        change=golden(SettingChange), applied=(golden(SettingApplied),), file_value="0.002"
    )
    seen = RequestSeen(
        event_time_ns=RECEIVED_NS,
        request=f"{'3f1a' * 8}-{'9b20' * 8}",
        identifier="c-42",
        kind="control.command.v1",
    )
    return ViewCarried(
        **_of("view-projector"),
        newest_ns=RECEIVED_NS,
        first_book_ns=RECEIVED_NS - 3_600_000_000_000,
        counters=_counters(),
        refusals_by_reason={"old_sequence": 2},
        first_refusals={"old_sequence": "sequence 7 after 9"},
        halted=True,
        removed_ns=RECEIVED_NS,
        profit=CarriedProfit(
            total=Decimal("12.345678"),
            day_base=Decimal("10.5"),
            day_began_ns=1_723_075_200_000_000_000,
            mark_half_ticks=12_367_528,
            marked_ns=RECEIVED_NS,
            contract=golden(Instrument),
        ),
        live_orders=(order,),
        standing_orders=((order.client_order_id, order.price_ticks),),
        minutes=(golden(MinuteStatistics),),
        refusals_without_symbol=4,
        alerts=(alert,),
        open_alerts=(alert,),
        acknowledgements=(golden(Acknowledgement),),
        commands=(golden(Command),),
        commands_in_force=(golden(Command),),
        all_stopped=True,
        stopped=(("binance:DOGE/USDT", True),),
        proposals=(proposal,),
        changes=(change,),
        settings_in_force=(change,),
        settings_asked=(change,),
        requests=(("ann", seen),),
    )


def _counters() -> Counters:
    return Counters(
        event_time_ns=RECEIVED_NS,
        books=36_000,
        trades=1_200,
        refused_events=2,
        quotes=30_000,
        orders=40,
        amends=9_000,
        cancels=20,
        rejects=1,
        denials=3,
        fills=12,
        halts=1,
        time_ns=3_600_000_000_000,
        two_sided_ns=3_500_000_000_000,
        spread_bps_ns=7.5e12,
        orders_finished=39,
        orders_with_fill=11,
        inventory_notional_ns=4.5e15,
    )

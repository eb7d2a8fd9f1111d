"""Golden messages of positions, risk, and the words of people."""

from collections.abc import Iterator
from decimal import Decimal

from schemas.control import (
    AccessEvent,
    Acknowledgement,
    Adjustment,
    Command,
    Decision,
    Override,
    Proposal,
    ProposedOrder,
    SettingChange,
)
from schemas.inventory import LedgerUnits, OpenFee, Position
from schemas.message import Event
from schemas.risk import LimitUse, RiskAlert, RiskState
from tests.contract.example_values import OF_ACCOUNT, OF_SYMBOL, RECEIVED_NS, SHOWN, SIGNED


def decision_examples() -> Iterator[Event]:
    """What is held, whether trading is allowed, and what people asked for."""
    yield position()
    yield RiskState(
        **OF_ACCOUNT,
        state="HALT",
        reasons=("max_drawdown",),
        latched=True,
        halt_sequence=3,
        resume_asked_by="ann",
        flattens=True,
        flatten_asked_by="ann",
        mark_time_ns=RECEIVED_NS,
        limits=(LimitUse(name="drawdown", value=0.102, limit=0.1, unit="ratio"),),
    )
    yield RiskAlert(
        **OF_ACCOUNT,
        alert_id="max_drawdown:3",
        severity="critical",
        name="max_drawdown",
        message="equity 898000 is 10.2 % below its maximum 1000000: all is halted until a resume",
        value=0.102,
        limit=0.1,
    )
    yield from request_examples()
    yield from approval_examples()
    yield from access_examples()


def position() -> Position:
    """A ledger that halts its symbol, with a fee that has no rate."""
    return Position(
        **OF_SYMBOL,
        pnl_balance=Decimal("-3.25"),
        instrument_version=2,
        quote_currency="USDT",
        position_lots=-2_000,
        average_price_ticks=Decimal("6177578.5"),
        mark_half_ticks=12_367_527,
        realised=Decimal("12.50"),
        unrealised=Decimal("-1.2370"),
        fees=Decimal("-0.0617757800"),
        pnl=Decimal("11.3247757800"),
        pnl_capture=Decimal("14.00"),
        pnl_inventory=Decimal("-2.7370"),
        max_drawdown=Decimal("3.75"),
        pnl_reporting=Decimal("11.322510824844"),
        notional_reporting=Decimal("-1236.50534946"),
        fills=7,
        traded_notional=Decimal("8648.61"),
        bias=-0.00002,
        rebalance_action="buy",
        rebalance_size_lots=500,
        adjustments=1,
        counted_in=LedgerUnits(
            tick_size=Decimal("0.01"),
            lot_size=Decimal("0.00001"),
            multiplier=Decimal(1),
            quote_currency="USDT",
        ),
        halted_because="UNITS_CHANGED: say what it holds",
        rebalance_urgency=0.125,
        adverse_bps=0.75,
        adverse_bid_bps=0.75,
        adverse_bid_horizon_ms=5_000,
        adverse_ask_bps=0.5,
        adverse_ask_horizon_ms=1_000,
        open_fees=(OpenFee(currency="BNB", amount=Decimal("0.0036")),),
        open_fees_reserve=Decimal("5.70"),
    )


def request_examples() -> Iterator[Event]:
    """What people asked for: an order beyond a limit, a command, a correction, a setting."""
    yield Override(
        **OF_SYMBOL,
        **SIGNED,
        override_id="o-7",
        instrument_version=2,
        side="buy",
        price_ticks=6_177_578,
        size_lots=2_000,
        codes=("MAX_VALUE",),
        valid_until_ns=RECEIVED_NS + 300_000_000_000,
        requester="ann",
        approver="bob",
        reason="a client's position is taken over",
        valid_s=300,
        approved_digest=SHOWN,
    )
    yield Command(
        **OF_SYMBOL,
        **SIGNED,
        command_id="4f0c8f6e-3c0d-4c56-8d2b-0c7a9c1b2d3e",
        action="resume",
        principal="operator",
        reason="feed is back",
        halt_sequence=3,
        agrees_with="ann",
        force=True,
    )
    yield Adjustment(
        **OF_SYMBOL,
        **SIGNED,
        adjustment_id="j-7",
        kind="adjust",
        size_change=Decimal("-0.25"),
        price=Decimal("61775.78"),
        principal="ann",
        approver="bob",
        reason="sold by hand at another desk",
        approved_digest=SHOWN,
    )
    yield SettingChange(
        **OF_ACCOUNT,
        **SIGNED,
        change_id="c-7",
        setting_key="risk_limits.max_loss",
        value="-900",
        was="-500",
        requester="ann",
        approver="bob",
        reason="a wider day",
        approved_digest=SHOWN,
    )


def approval_examples() -> Iterator[Event]:
    """What one person proposed, and a second one decided."""
    yield Proposal(
        **OF_SYMBOL,
        **SIGNED,
        proposal_id="p-7",
        requester="ann",
        reason="a client's position is taken over",
        valid_until_ns=RECEIVED_NS + 900_000_000_000,
        subject=ProposedOrder(
            instrument_version=2,
            side="buy",
            price_ticks=6_177_578,
            size_lots=2_000,
            codes=("MAX_VALUE",),
            valid_s=60,
        ),
    )
    yield Decision(
        **OF_ACCOUNT,
        **SIGNED,
        proposal_id="p-7",
        principal="bob",
        approved=True,
        reason="as agreed",
        approved_digest=SHOWN,
    )


def access_examples() -> Iterator[Event]:
    """That an alert was looked at, and who was let in or not."""
    yield Acknowledgement(
        **OF_ACCOUNT, **SIGNED, alert_id="risk-12", principal="ann", note="looked at the feed"
    )
    yield AccessEvent(
        **OF_ACCOUNT,
        **SIGNED,
        kind="denied",
        principal="eve",
        address="10.0.0.7",
        detail="resume: POST /api/v1",
    )

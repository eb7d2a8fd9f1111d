"""The shared marking of a position says what the ledger itself says at that mid, to the last digit."""

import asyncio
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from inventory_service.core.inventory import InventoryCore

from research.pnl.command import run_pnl
from runtime.log.logfile import LogFileBus
from schemas.config import Config
from schemas.envelope import Envelope
from schemas.inventory import Position
from schemas.market import Instrument
from schemas.marking import marked
from schemas.message import Event, Side
from schemas.topics import INVENTORY, TOPIC_OF
from tests.kit.messages import T0, S, config_applied, fill, instrument, signal, tick

OF_THE_LEDGER_ALONE = {
    "event_time_ns",
    "bias",
    "rebalance_action",
    "rebalance_size_lots",
    "rebalance_urgency",
    "adverse_bps",
    "adverse_bid_bps",
    "adverse_bid_horizon_ms",
    "adverse_ask_bps",
    "adverse_ask_horizon_ms",
}
"""When it spoke, and what follows from limits: quoting leans by what it was told."""
TRADES = st.lists(
    st.tuples(
        st.sampled_from(("buy", "sell")),
        st.integers(1, 10**6),
        st.integers(1, 10**4),
        st.decimals("-0.5", "0.5", places=6),
        st.decimals("0", "0.9", places=5),
    ),
    min_size=1,
    max_size=8,
)
MIDS = st.lists(st.integers(1, 2 * 10**6), min_size=1, max_size=6)
UNITS = st.tuples(st.sampled_from(("0.01", "1", "0.00001", "25")), st.sampled_from(("0.001", "1", "100")))


def at_mid(core: InventoryCore, position: Position, mid: int, at_s: int) -> Position:
    """The ledger's own word: at the tick after the signal, where it has one to say."""
    assert core.on_event(signal(mid, time_ns=T0 + at_s * S)) == ()
    for said in core.on_event(tick(at_s)):
        assert isinstance(said, Position)
        position = said
    return position


@given(trades=TRADES, mids=MIDS, units=UNITS, rate=st.sampled_from(("1", "0.37")))
def test_a_marked_position_is_the_ledgers(
    trades: list[tuple[Side, int, int, Decimal, Decimal]], mids: list[int], units: tuple[str, str], rate: str
) -> None:
    tick_size, lot_size = map(Decimal, units)
    contract: Instrument = instrument(tick_size=tick_size, lot_size=lot_size, reporting_rate=Decimal(rate))
    core = InventoryCore(Config())
    core.on_event(contract)
    for number, (side, price, lots, fee, base_fee) in enumerate(trades):
        one = fill(str(number), side, price, lots, mid=2 * price + number, fee=fee, time_ns=T0 + number)
        one = one.model_copy(update={"base_fee": base_fee * lot_size})
        (told,) = core.on_event(one)
    assert isinstance(told, Position)
    shown = own = told
    for at_s, mid in enumerate(mids, start=1):
        shown = marked(shown, mid, contract)
        own = at_mid(core, own, mid, at_s)
        if shown.position_lots or own.mark_half_ticks == mid:
            assert shown.model_dump(exclude=OF_THE_LEDGER_ALONE) == own.model_dump(
                exclude=OF_THE_LEDGER_ALONE
            )
        assert shown.pnl == shown.pnl_capture + shown.pnl_inventory - shown.fees
        assert shown.pnl == shown.realised + shown.unrealised - shown.fees


def test_a_position_without_a_mark_is_left_alone() -> None:
    contract = instrument()
    core = InventoryCore(Config())
    core.on_event(contract)
    (told,) = core.on_event(fill("a", lots=3, mid=202))
    assert isinstance(told, Position)
    unmarked = told.model_copy(update={"mark_half_ticks": None})
    assert marked(unmarked, 204, contract) is unmarked
    assert marked(told, 202, contract) is told
    assert marked(told, 204, contract).pnl == told.pnl + 3


def test_drawdown_is_never_less_than_what_the_pnl_is_below_its_peak() -> None:
    contract = instrument()
    core = InventoryCore(Config())
    core.on_event(contract)
    (told,) = core.on_event(fill("a", lots=1, mid=210))
    assert isinstance(told, Position)
    assert (told.pnl, told.pnl_peak, told.max_drawdown) == (Decimal(5), Decimal(5), Decimal(0))
    fallen = marked(told, 190, contract)
    assert (fallen.pnl, fallen.pnl_peak, fallen.max_drawdown) == (Decimal(-5), Decimal(5), Decimal(10))


def test_fees_of_another_currency_come_to_the_same_in_the_ledger_and_in_the_report(tmp_path: Path) -> None:
    """A quotient without end, two hundred times: the two keep different numbers of digits."""
    config = Config.model_validate({"reporting": {"rates": {"BNB": "607.123456789"}}})
    fees = [Decimal("0.00012345678") * number for number in range(1, 201)]
    events: list[Event] = [
        config_applied(config, INVENTORY, time_ns=0),
        instrument(reporting_rate=Decimal("1.0371")),
        *(fill(str(number), lots=3, fee=fee, currency="BNB") for number, fee in enumerate(fees)),
        signal(231),
    ]
    core, bus = InventoryCore(config), LogFileBus(tmp_path)
    for number, event in enumerate(events, start=1):
        core.on_event(event)
        envelope = Envelope("p", number, None, event.event_time_ns, event.type_name)
        bus.publish(TOPIC_OF[event.type_name], envelope, event)
    asyncio.run(bus.close())
    (told,) = core.on_event(tick(1))
    assert isinstance(told, Position)
    (report,) = run_pnl(str(tmp_path)).report.symbols.values()
    assert (told.pnl, told.fees) == (report.attribution.equity_change, report.attribution.fees)

"""The core of quote-service: which facts lead to which quote, and when it is said again."""

from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quote_service.quoting import reasons
from quote_service.quoting.draft import volatility_bps
from quote_service.quoting.fair_value.imbalance import flow_in_force, is_emergency
from quote_service.quoting.quoter import QuoterCore

from maker.composition import process_definition
from schemas.control import SettingChange
from schemas.live_settings import changed
from schemas.market import Book, BookStatus
from schemas.message import ALL_SYMBOLS, Event
from schemas.process import SettingApplied, Shutdown, Tick
from schemas.quoting import QuoteTarget
from schemas.topics import QUOTE
from tests.kit.messages import ETH, MS, T0, S, config_applied, setting_change, trade
from tests.unit.quote_service.quoting.builders import (
    SOL,
    book,
    command,
    config,
    facts,
    instrument,
    position,
    quotes,
    quoting,
    risk,
    signal,
    targets,
    why_not,
)


class TestQuoting:
    """The way from facts to a target."""

    def test_a_live_book_with_all_facts_is_quoted_with_every_step(self) -> None:
        (target,) = targets(QuoterCore(config()), *facts(), book())
        assert quotes(target) == ((9_990, 2_000), (10_010, 2_000))
        assert why_not(target) == (None, None)
        for side in (target.bid, target.ask):
            assert side.steps[0].name == "fair_value"
            assert side.steps[-1].name == "tick_rounding"
            assert side.steps[-1].price_after == side.prices[0]
        assert target.model == "vol_multiple"
        assert target.mid_half_ticks == 20_000
        assert (target.sequence, target.event_time_ns, target.valid_until_ns) == (1, T0, T0 + 5 * S)

    def test_a_target_names_the_version_of_its_instrument(self) -> None:
        (target,) = targets(QuoterCore(config()), risk(), instrument(version=3), signal(), book(version=3))
        assert target.instrument_version == 3

    def test_a_symbol_without_a_book_is_waited_for(self) -> None:
        assert targets(QuoterCore(config()), *facts()) == []

    def test_what_quoting_does_not_read_changes_nothing(self) -> None:
        assert targets(quoting(), trade(1, 1, None, symbol=SOL)) == []

    def test_a_fill_leans_the_quote_without_waiting_for_the_market(self) -> None:
        """A bias of 0.8 is 4 bps: 4 ticks down; the bid shrinks to 0.2."""
        (target,) = targets(quoting(), position(lots=80_000, bias=0.8, at=T0 + 1))
        assert quotes(target) == ((9_986, 400), (10_006, 2_000))

    def test_a_side_that_is_near_enough_keeps_its_place_when_the_other_moves(self) -> None:
        """2 bps down, which is just less than 2 bps for the ask; its explanation is that of its price."""
        core = quoting()
        (target,) = targets(core, position(lots=40_000, bias=0.4, at=T0 + 1))
        assert quotes(target) == ((9_988, 1_200), (10_010, 2_000))
        assert round(target.ask.steps[-1].price_after) == 10_010

    def test_a_signal_alone_waits_for_its_book(self) -> None:
        core = quoting()
        assert targets(core, signal(volatility_per_sqrt_s=0.001)) == []
        (target,) = targets(core, book(at=T0 + 1))
        assert quotes(target) == ((9_980, 2_000), (10_020, 2_000))

    def test_one_sided_flow_does_not_wait_for_the_book(self) -> None:
        """It widens the half-spread of 10 to 30, and moves both by half of the added 20."""
        core = quoting()
        flown = signal(flow_imbalance=1.0, flow_volume_lots=20_000.0)
        (target,) = targets(core, flown)
        assert quotes(target) == ((9_980, 2_000), (10_040, 2_000))
        assert targets(core, flown) == [], "it began before"

    def test_one_sided_flow_waits_for_a_book_that_is_on_its_way(self) -> None:
        later = signal(flow_imbalance=1.0, flow_volume_lots=20_000.0, book_time_ns=T0 + 1)
        assert targets(quoting(), later) == []

    def test_a_signal_that_comes_after_its_book_is_quoted_with_it(self) -> None:
        core = QuoterCore(config())
        (unknown,) = targets(core, risk(), instrument(), book())
        assert why_not(unknown) == (reasons.NO_SIGNAL, reasons.NO_SIGNAL)
        (target,) = targets(core, signal())
        assert quotes(target) == ((9_990, 2_000), (10_010, 2_000))

    def test_other_terms_make_the_book_void(self) -> None:
        core = quoting()
        assert targets(core, instrument().model_copy(update={"event_time_ns": T0 + 1})) == []
        (void,) = targets(core, instrument(version=2, tick_size=Decimal("0.02")))
        assert why_not(void) == (reasons.NO_BOOK, reasons.NO_BOOK)
        (target,) = targets(core, signal(), book(4_999, 5_001, version=2))
        assert target.instrument_version == 2
        assert target.bid.prices == (4_995,)

    def test_depth_is_spread_over_the_levels_that_the_book_has(self) -> None:
        """20,000 lots over two of up to five levels: 10,000 a level, a tenth of it quoted."""
        deeper = Book.model_validate(
            book().model_dump()
            | {"bid_prices": (9_999, 9_998), "bid_sizes": (12_000, 8_000)}
            | {"ask_prices": (10_001, 10_002), "ask_sizes": (12_000, 8_000)}
        )
        (target,) = targets(QuoterCore(config()), *facts(), deeper)
        assert quotes(target) == ((9_990, 1_000), (10_010, 1_000))

    def test_the_fair_value_can_be_weighted_by_the_opposite_queue(self) -> None:
        """(9,999 x 10,000 + 10,001 x 30,000) / 40,000 = 10,000.5, and 10.0005 to each side of it."""
        core = QuoterCore(config(pricing={"fair_value": "weighted_mid"}))
        (target,) = targets(core, *facts(), book(sizes=(30_000, 10_000)))
        assert target.bid.steps[0].price_after == 10_000.5
        assert quotes(target) == ((9_990, 2_000), (10_011, 2_000))

    def test_symbols_do_not_touch_each_other(self) -> None:
        core = quoting()
        (target,) = targets(core, instrument(ETH), signal(ETH), book(19_999, 20_001, symbol=ETH))
        assert (target.symbol, target.sequence) == (ETH, 1)
        assert quotes(target)[0] == (19_980, 2_000)
        assert targets(core, book(at=T0 + 1)) == []


class TestInputs:
    """What goes into a price."""

    @pytest.mark.parametrize(
        ("estimate", "ready", "used_bps"),
        [
            (None, False, 5.0),
            (0.0002, False, 5.0),
            (0.0008, False, 8.0),
            (0.0002, True, 2.0),
            (None, True, 5.0),
        ],
    )
    def test_warm_up_assumes_the_larger_of_estimate_and_stand_in(
        self, estimate: float | None, ready: bool, used_bps: float
    ) -> None:
        warming = signal(volatility_per_sqrt_s=estimate, volatility_ready=ready)
        assert volatility_bps(warming, config()) == pytest.approx(used_bps)

    def test_warm_up_is_quoted_wider(self) -> None:
        """5 bps: 10,000 x 2 x 0.0005 / 2 = 5 ticks more to each side."""
        warming = signal(volatility_per_sqrt_s=None, volatility_ready=False)
        (target,) = targets(QuoterCore(config()), risk(), instrument(), warming, book())
        assert quotes(target) == ((9_985, 2_000), (10_015, 2_000))

    @pytest.mark.parametrize(("volume", "flow"), [(19_999.0, 0.0), (20_000.0, 0.9)])
    def test_flow_of_less_than_the_mean_depth_is_noise(self, volume: float, flow: float) -> None:
        flown = signal(flow_imbalance=0.9, flow_volume_lots=volume)
        assert flow_in_force(flown, config().pricing) == flow
        assert is_emergency(flown, config().pricing) == (flow > 0.7)


NOT_QUOTED: dict[str, tuple[Event, ...]] = {
    reasons.NO_INSTRUMENT: (risk(), signal(), book()),
    reasons.NO_RISK_STATE: (instrument(), signal(), risk("RUN", SOL), book()),
    reasons.NO_BOOK: (*facts(), Tick(event_time_ns=T0)),
    reasons.NO_SIGNAL: (risk(), instrument(), book()),
    f"{reasons.RISK_HALT}: MAX_LOSS": (*facts(), risk("HALT", SOL, "MAX_LOSS", "OTHER"), book()),
    f"{reasons.RISK_HALT}: DRAWDOWN": (*facts(), risk("HALT", ALL_SYMBOLS, "DRAWDOWN"), book()),
    f"{reasons.RISK_HALT}: no reason given": (*facts(), risk("HALT", SOL), book()),
    reasons.RISK_REDUCE_ONLY: (*facts(), risk("REDUCE_ONLY", SOL), book()),
    reasons.STOPPED_BY_COMMAND: (*facts(), command("stop", ALL_SYMBOLS), book(), command("stop")),
    reasons.SHUTDOWN: (*facts(), book(), Shutdown(event_time_ns=T0 + 1)),
    f"{reasons.BELOW_MIN_NOTIONAL}: the smallest order is 1000, and risk_limits.max_position allows 0": (
        risk(),
        instrument(lot_size=Decimal(1_000)),
        signal(),
        book(),
    ),
    reasons.PRICE_NOT_POSITIVE: (*facts(), book(0, 10)),
    reasons.PRICE_OUT_OF_RANGE: (*facts(), book(2**41, 2**41 + 1)),
    **{
        reason: (*facts(), book(status=status))
        for status, reason in reasons.BOOK_REASONS.items()
        if reason is not None
    },
}
ON_ONE_SIDE = {reasons.MAX_INVENTORY, reasons.POSITION_BAND, reasons.PRICE_BAND}
ON_ONE_SIDE |= {reasons.MOVING_BAND, reasons.FILLED_ORDER_DELAY}
ON_ONE_SIDE |= {reasons.TAKER_BURST, reasons.BOOK_IMBALANCE, reasons.QUEUE, reasons.BALANCING}
"""All but the first two: test_shape.py, test_reaction.py."""
OF_THE_GATE = {reasons.PRICE_COLLAR, reasons.POS_LIMIT, reasons.EXPOSURE}
OF_THE_GATE |= {reasons.INSUFFICIENT_BALANCE, reasons.MESSAGE_LIMIT}
"""test_word_of_the_gate.py."""


class TestNotQuoting:
    """Every reason, and that it takes the quote away."""

    @pytest.mark.parametrize("reason", NOT_QUOTED)
    def test_neither_side_is_quoted_and_the_reason_is_said(self, reason: str) -> None:
        target = targets(QuoterCore(config()), *NOT_QUOTED[reason])[-1]
        assert quotes(target) == (None, None)
        assert why_not(target) == (reason, reason)

    def test_every_reason_of_the_closed_set_has_a_case(self) -> None:
        codes = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
        codes |= {reason for reason in reasons.BOOK_REASONS.values() if reason is not None}
        assert {reason.split(":")[0] for reason in NOT_QUOTED} | ON_ONE_SIDE | OF_THE_GATE == codes

    def test_every_status_of_a_book_has_its_reason(self) -> None:
        assert set(reasons.BOOK_REASONS) == set(get_args(BookStatus))

    @pytest.mark.parametrize(
        ("events", "reason"),
        [
            ((*facts(), book(10_001, 10_001)), "BOOK_LOCKED"),
            ((*facts(), book(10_002, 10_001)), "BOOK_CROSSED"),
            ((*facts(), book().model_copy(update={"ask_prices": (), "ask_sizes": ()})), "BOOK_ONE_SIDED"),
            ((risk(), instrument(lot_size=Decimal(0)), signal(), book()), reasons.NO_INSTRUMENT),
            ((risk(), instrument(version=2), signal(), book(version=1)), reasons.NO_INSTRUMENT),
        ],
    )
    def test_what_is_called_sound_is_checked(self, events: tuple[Event, ...], reason: str) -> None:
        (target,) = targets(QuoterCore(config()), *events)
        assert why_not(target) == (reason, reason)

    @pytest.mark.parametrize(("bias", "side"), [(1.0, 0), (-1.0, 1)])
    def test_a_full_inventory_is_quoted_on_the_side_that_lowers_it(self, bias: float, side: int) -> None:
        target = targets(QuoterCore(config()), *facts(), book(), position(bias=bias))[-1]
        assert why_not(target)[side] == reasons.MAX_INVENTORY
        assert quotes(target)[1 - side] is not None
        assert (target.bid, target.ask)[side].steps, "the price that it would have had"

    def test_a_bid_of_no_ticks_is_not_quoted(self) -> None:
        """Fair 1.5 with a half-spread of 0.675: a bid of 0 and an ask of 3."""
        core = QuoterCore(config(market_making={"base_spread": 0.9}, routing={"price_collar": 2}))
        (target,) = targets(core, *facts(), book(1, 2))
        assert why_not(target) == (reasons.PRICE_NOT_POSITIVE, None)
        assert target.ask.prices == (3,)

    def test_a_quote_goes_at_once_when_its_book_breaks_and_comes_back_with_it(self) -> None:
        core = quoting()
        (gone,) = targets(core, book(at=T0 + 1, status="gapped"))
        assert why_not(gone) == ("BOOK_GAPPED", "BOOK_GAPPED")
        (back,) = targets(core, book(at=T0 + 2))
        assert quotes(back) == ((9_990, 2_000), (10_010, 2_000))
        assert (gone.sequence, back.sequence) == (2, 3)

    def test_a_book_without_updates_becomes_stale_by_its_age(self) -> None:
        core = quoting()
        for second in range(1, 11):
            for target in targets(core, Tick(event_time_ns=T0 + second * S)):
                assert why_not(target) == (None, None)
        (target,) = targets(core, Tick(event_time_ns=T0 + 11 * S))
        assert why_not(target) == ("BOOK_STALE", "BOOK_STALE")

    def test_shutdown_ends_every_quote_and_a_new_start_wants_them_again(self) -> None:
        settings = config()
        core = quoting(settings)
        (target,) = targets(core, Shutdown(event_time_ns=T0 + 1))
        assert why_not(target) == (reasons.SHUTDOWN, reasons.SHUTDOWN)
        assert targets(core, book(at=T0 + 2)) == []
        assert targets(core, config_applied(settings, QUOTE, time_ns=T0 + 3)) == []
        (again,) = targets(core, book(at=T0 + 4))
        assert quotes(again) == ((9_990, 2_000), (10_010, 2_000))


steps = st.one_of(
    st.builds(
        lambda mid, width, status: book(mid - width, mid + width, status=status),
        st.integers(9_500, 10_500),
        st.integers(1, 30),
        st.sampled_from(["live", "live", "live", "gapped", "locked"]),
    ),
    st.builds(
        lambda volatility, imbalance, flow, volume: signal(
            volatility_per_sqrt_s=volatility,
            imbalance=imbalance,
            flow_imbalance=flow,
            flow_volume_lots=volume,
        ),
        st.floats(0, 0.01),
        st.floats(-1, 1),
        st.floats(-1, 1),
        st.floats(0, 40_000),
    ),
    st.builds(lambda bias: position(round(bias * 100_000), bias), st.floats(-1, 1)),
    st.builds(risk, st.sampled_from(["RUN", "RUN", "REDUCE_ONLY", "HALT"]), st.sampled_from([SOL, "*"])),
    st.builds(command, st.sampled_from(["start", "stop"])),
    st.just(Tick(event_time_ns=T0)),
)


@given(st.lists(st.tuples(steps, st.integers(0, 1_500)), max_size=30))
def test_whatever_happens_a_target_never_takes_and_two_cores_say_the_same(
    happened: list[tuple[Event, int]],
) -> None:
    core, twin = quoting(), quoting()
    now_ns = T0
    newest = book()
    for event, later_ms in happened:
        now_ns += later_ms * MS
        timed = event.model_copy(update={"event_time_ns": now_ns})
        if isinstance(timed, Book):
            newest = timed
        said = targets(core, timed)
        assert targets(twin, timed) == said
        for target in said:
            bid, ask = quotes(target)
            why_not(target)
            if bid:
                assert newest.status == "live"
                assert bid[0] < newest.ask_prices[0]
            if ask:
                assert newest.status == "live"
                assert ask[0] > newest.bid_prices[0]
            if bid and ask:
                assert bid[0] < ask[0]


class TestSettingsOfASymbol:
    """A change of one symbol is priced at once, for it alone."""

    @staticmethod
    def change(key: str, value: str, symbol: str = SOL) -> SettingChange:
        return setting_change(f"per_symbol.{symbol}.{key}", value, f"{symbol} {key} {value}")

    def test_a_wider_spread_is_quoted_at_once_and_taken_back_at_once(self) -> None:
        core = quoting()
        applied, target = core.on_event(self.change("market_making.base_spread", "0.004"))
        assert isinstance(applied, SettingApplied)
        assert isinstance(target, QuoteTarget)
        assert quotes(target) == ((9_980, 2_000), (10_020, 2_000))
        _, target = core.on_event(self.change("market_making.base_spread", "account"))
        assert isinstance(target, QuoteTarget)
        assert quotes(target) == ((9_990, 2_000), (10_010, 2_000))

    def test_another_symbols_change_requotes_nothing(self) -> None:
        core = quoting()
        (applied,) = core.on_event(self.change("market_making.base_spread", "0.004", "BTC/USDT"))
        assert isinstance(applied, SettingApplied)

    def test_a_targets_life_is_the_symbols_own(self) -> None:
        core = quoting(config(per_symbol={SOL: {"market_making": {"target_ttl_ms": 1_000}}}))
        (target,) = targets(core, book(10_000, 10_002, at=T0 + S // 2))
        assert (target.event_time_ns, target.valid_until_ns) == (T0 + S // 2, T0 + S // 2 + S)

    @pytest.mark.parametrize(("own_s", "interval_s"), [(0.25, 0.25), (2.0, 1.0)])
    def test_the_clock_ticks_as_often_as_any_symbol_needs(self, own_s: float, interval_s: float) -> None:
        settings = config(per_symbol={SOL: {"market_making": {"update_frequency": own_s}}})
        assert process_definition(QUOTE).tick_interval_ns(settings) == interval_s * S
        with pytest.raises(ValueError, match="cannot be changed while the engine runs"):
            changed(settings, f"per_symbol.{SOL}.market_making.update_frequency", "0.1")

    def test_a_reference_market_and_a_model_may_come_live(self) -> None:
        core = quoting()
        for key, value in (("pricing.reference_market", "other:SOL/USDT"), ("model.name", "glft_exact")):
            applied, *_ = core.on_event(self.change(key, value))
            assert isinstance(applied, SettingApplied)
            assert (applied.value, applied.refused_because) == (value, None)
        assert "other:SOL/USDT" in core._leaders

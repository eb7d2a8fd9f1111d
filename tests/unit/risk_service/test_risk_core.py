"""The core of risk-service: who may trade, who may only reduce, who may not, and who may change it."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from risk_service.core.risk import RiskCore

from schemas.config import Config
from schemas.control import Command, CommandAction
from schemas.inventory import Position
from schemas.market import BookStatus, Instrument
from schemas.message import ALL_SYMBOLS, Event, Side
from schemas.orders import Fill, StopCode, TradingStop
from schemas.process import Tick
from schemas.risk import RiskAlert, RiskState
from schemas.signals import Signal

S = 1_000_000_000
MS = 1_000_000
T0 = 1_000 * S
BTC = "BTC/USDT"
ETH = "ETH/USDT"


def instrument(symbol: str = BTC, **fields: Any) -> Instrument:
    """One tick is 1, one lot is 1, and money is the reporting currency, unless said otherwise."""
    facts: dict[str, Any] = {
        "tick_size": Decimal(1),
        "lot_size": Decimal(1),
        "base_currency": "BTC",
        "quote_currency": "USDT",
        "reporting_rate": Decimal(1),
    }
    return Instrument(event_time_ns=T0, venue="sim", symbol=symbol, **{**facts, **fields})


def position(
    lots: int, pnl: str = "0", *, symbol: str = BTC, mark: int | None = 200, time_ns: int = T0
) -> Position:
    """A position at a price of 100 unless said otherwise; of inventory, risk reads these fields alone."""
    zero = Decimal(0)
    return Position(
        event_time_ns=time_ns,
        venue="sim",
        symbol=symbol,
        quote_currency="USDT",
        position_lots=lots,
        average_price_ticks=None,
        mark_half_ticks=mark,
        realised=zero,
        unrealised=zero,
        fees=zero,
        pnl=Decimal(pnl),
        pnl_capture=zero,
        pnl_inventory=zero,
        max_drawdown=zero,
        pnl_reporting=Decimal(pnl),
        notional_reporting=Decimal(lots * (mark or 0)) / 2,
        fills=1,
        traded_notional=zero,
        bias=0.0,
        rebalance_action="none",
        rebalance_size_lots=0,
        rebalance_urgency=0.0,
    )


def signal(mid: int | None, symbol: str = BTC, time_ns: int = T0) -> Signal:
    return Signal(
        event_time_ns=time_ns,
        venue="sim",
        symbol=symbol,
        book_status="live",
        book_time_ns=time_ns,
        mid_half_ticks=mid,
        spread_ticks=2,
        weighted_mid_ticks=None,
        volatility_per_sqrt_s=None,
        volatility_ready=False,
        regime="low",
        jump=False,
        bid_depth_lots=1,
        ask_depth_lots=1,
        imbalance=0.0,
        flow_imbalance=0.0,
        flow_volume_lots=0.0,
    )


def fill(order: str, side: Side = "buy", *, symbol: str = BTC, time_ns: int = T0) -> Fill:
    return Fill(
        event_time_ns=time_ns,
        venue="sim",
        symbol=symbol,
        venue_trade_id=f"trade of {order}",
        client_order_id=order,
        side=side,
        price_ticks=100,
        size_lots=1,
        liquidity="maker",
        fee=Decimal(0),
        fee_currency="USDT",
        mid_half_ticks=200,
    )


def command(
    action: CommandAction,
    command_id: str = "c1",
    *,
    symbol: str = BTC,
    halt_sequence: int | None = None,
    reason: str = "odd prices",
    principal: str = "ann",
) -> Command:
    return Command(
        event_time_ns=T0,
        venue="*" if symbol == ALL_SYMBOLS else "sim",
        symbol=symbol,
        command_id=command_id,
        action=action,
        principal=principal,
        reason=reason,
        halt_sequence=halt_sequence,
    )


def tick(seconds: float = 0) -> Tick:
    return Tick(event_time_ns=T0 + round(seconds * S))


def core(*symbols: str, started: bool = True, reporting: Any = None, **risk_limits: Any) -> RiskCore:
    """A core with instruments, all limits out of the way but those given, and its first tick past."""
    wide = {
        "max_position": "1000000",
        "max_position_notional": "1000000000",
        "account_max_loss": "-500000",
        "max_drawdown": -0.9,
        "max_exposure": 1_000.0,
    }
    tree = {"risk_limits": {**wide, **risk_limits}, "reporting": reporting or {}}
    made = RiskCore(Config.model_validate(tree))
    for symbol in symbols or (BTC,):
        made.on_event(instrument(symbol))
    if started:
        made.on_event(tick())
    return made


def states(messages: Iterable[Event], symbol: str = BTC) -> list[RiskState]:
    return [each for each in messages if isinstance(each, RiskState) and each.symbol == symbol]


def state(messages: Iterable[Event], symbol: str = BTC) -> RiskState:
    (found,) = states(messages, symbol)
    return found


def alerts(messages: Iterable[Event]) -> list[str]:
    return [each.name for each in messages if isinstance(each, RiskAlert)]


def in_force(made: RiskCore, symbol: str = BTC) -> RiskState:
    """The state that was said last."""
    told = made._account.scope.told if symbol == ALL_SYMBOLS else made._symbols[f"sim:{symbol}"].scope.told
    assert told is not None
    return told


def test_a_symbol_may_trade_from_its_instrument_on() -> None:
    said = state(core(ETH, started=False).on_event(instrument(BTC)))
    assert (said.state, said.reasons, said.latched, said.halt_sequence) == ("RUN", (), False, 0)
    assert {each.name for each in said.limits} == {"position", "loss"}


def test_a_repeated_instrument_says_nothing_new() -> None:
    assert core().on_event(instrument()) == ()


def test_the_account_is_silent_before_the_first_tick() -> None:
    made = core(started=False)
    said = made.on_event(position(5, "-400000"))
    assert states(said, ALL_SYMBOLS) == []
    assert state(made.on_event(tick()), ALL_SYMBOLS).state == "RUN"


def test_a_breach_before_the_first_tick_is_in_the_first_state() -> None:
    made = core(started=False, account_max_loss="-100")
    made.on_event(position(5, "-110"))
    assert state(made.on_event(tick()), ALL_SYMBOLS).reasons == ("ACCOUNT_MAX_LOSS",)


def test_the_account_says_its_state_on_every_tick() -> None:
    made = core()
    for number in range(1, 9):
        said = state(made.on_event(tick(number / 4)), ALL_SYMBOLS)
        assert (said.event_time_ns, said.state) == (T0 + number * 250 * MS, "RUN")


def test_a_symbol_with_a_position_says_how_near_its_limits_are_once_a_second() -> None:
    made = core(BTC, ETH)
    made.on_event(position(5))
    told = [
        each.event_time_ns - T0 for number in range(13) for each in states(made.on_event(tick(number / 4)))
    ]
    assert told == [S, 2 * S, 3 * S]
    assert states(made.on_event(tick(4)), ETH) == [], "one without a position is silent"


def test_a_loss_at_its_limit_only_reduces_and_ends_by_itself() -> None:
    made = core(max_loss="-500")
    assert states(made.on_event(position(5, "-499.99"))) == []
    said = made.on_event(position(5, "-500"))
    assert (state(said).state, state(said).reasons) == ("REDUCE_ONLY", ("MAX_LOSS",))
    assert not state(said).latched
    assert "REDUCE_ONLY" in alerts(said)
    for pnl in ("-499", "-501", "-476", "-500"):
        assert made.on_event(position(5, pnl)) == (), "no flicker"
    said = made.on_event(position(5, "-474"))
    assert (state(said).state, state(said).reasons) == ("RUN", ())
    assert "RUN" in alerts(said)


def test_a_loss_at_a_fifth_more_halts_and_stays_halted() -> None:
    made = core(max_loss="-500")
    said = made.on_event(position(5, "-600"))
    assert (state(said).state, state(said).reasons) == ("HALT", ("MAX_LOSS",))
    assert (state(said).latched, state(said).halt_sequence) == (True, 1)
    assert "HALT" in alerts(said)
    assert states(made.on_event(position(0, "300"))) == []
    assert in_force(made).state == "HALT"


def test_a_loss_comes_with_the_mark_too() -> None:
    made = core(max_loss="-500")
    made.on_event(position(100))
    assert states(made.on_event(signal(192))) == []
    assert state(made.on_event(signal(190))).state == "REDUCE_ONLY"
    assert state(made.on_event(signal(188))).state == "HALT"


def test_a_short_position_loses_as_the_mark_rises() -> None:
    made = core(max_loss="-500")
    made.on_event(position(-100))
    assert states(made.on_event(signal(190))) == []
    assert state(made.on_event(signal(210))).state == "REDUCE_ONLY"


def test_a_profit_of_ten_that_shrinks_to_five_halts_nobody() -> None:
    made = core(max_drawdown=-0.1, max_loss="-500", account_max_loss="-2500")
    for pnl in ("0", "10", "5"):
        made.on_event(position(1, pnl))
    assert (in_force(made).state, in_force(made, ALL_SYMBOLS).state) == ("RUN", "RUN")


def test_a_loss_without_any_profit_before_reduces() -> None:
    made = core(max_loss="-500")
    assert state(made.on_event(position(1, "-501"))).state == "REDUCE_ONLY"


def test_a_drawdown_of_equity_halts_the_account_and_latches() -> None:
    made = core(max_drawdown=-0.1, max_loss="-500000", reporting={"capital": "1000"})
    made.on_event(position(1, "1000"))
    assert states(made.on_event(position(1, "801")), ALL_SYMBOLS) == []
    said = state(made.on_event(position(1, "800")), ALL_SYMBOLS)
    assert (said.state, said.reasons, said.latched) == ("HALT", ("MAX_DRAWDOWN",), True)
    made.on_event(position(1, "2000"))
    assert state(made.on_event(tick(1)), ALL_SYMBOLS).state == "HALT"


def test_the_losses_of_all_symbols_add_up_in_the_account() -> None:
    made = core(BTC, ETH, account_max_loss="-700", max_loss="-500")
    assert states(made.on_event(position(1, "-400")), ALL_SYMBOLS) == []
    said = made.on_event(position(1, "-300", symbol=ETH))
    assert state(said, ALL_SYMBOLS).reasons == ("ACCOUNT_MAX_LOSS",)
    assert states(said, ETH) == []


def test_rk7_exposure_counts_gross_notional_against_equity() -> None:
    made = core(max_exposure=0.2)
    said = state(made.on_event(position(100, mark=120_000)), ALL_SYMBOLS)
    assert (said.state, said.reasons, said.latched) == ("REDUCE_ONLY", ("MAX_EXPOSURE",), False)
    assert {each.name: each.value for each in said.limits}["exposure"] == 6.0


def test_a_long_and_a_short_position_do_not_cancel_out() -> None:
    made = core(BTC, ETH, max_exposure=0.2)
    assert states(made.on_event(position(1_000)), ALL_SYMBOLS) == []
    assert state(made.on_event(position(-1_000, symbol=ETH)), ALL_SYMBOLS).state == "REDUCE_ONLY"


def test_a_breach_of_exposure_ends_only_well_below_its_limit() -> None:
    made = core(max_exposure=0.2)
    assert state(made.on_event(position(2_000)), ALL_SYMBOLS).state == "REDUCE_ONLY"
    assert states(made.on_event(position(1_950)), ALL_SYMBOLS) == []
    assert states(made.on_event(position(2_000)), ALL_SYMBOLS) == [], "no flicker"
    assert state(made.on_event(position(1_899)), ALL_SYMBOLS).state == "RUN"
    assert states(made.on_event(position(1_999)), ALL_SYMBOLS) == []


@pytest.mark.parametrize(
    "bounds", [{"max_position": "10"}, {"max_position_notional": "1000"}], ids=["units", "money"]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_position_at_its_limit_only_reduces(bounds: dict[str, Any], sign: int) -> None:
    made = core(**bounds)
    assert states(made.on_event(position(sign * 9))) == []
    said = state(made.on_event(position(sign * 10)))
    assert (said.state, said.reasons) == ("REDUCE_ONLY", ("MAX_POSITION",))
    assert state(made.on_event(position(sign * 9))).state == "RUN"


def test_a_position_without_a_mark_only_reduces_until_there_is_one() -> None:
    made = core()
    said = state(made.on_event(position(5, mark=None)))
    assert (said.state, said.reasons) == ("REDUCE_ONLY", ("NO_MARK",))
    assert state(made.on_event(signal(200))).state == "RUN"


def test_profit_that_was_reported_without_a_mark_is_taken_as_reported() -> None:
    made = core(max_loss="-500")
    made.on_event(position(5, "-500", mark=None))
    assert state(made.on_event(signal(1_000_000))).reasons == ("MAX_LOSS",)


def test_a_signal_without_a_mid_takes_no_mark_away() -> None:
    made = core()
    made.on_event(position(5))
    assert made.on_event(signal(None)) == ()
    assert in_force(made).state == "RUN"


def test_a_position_that_comes_before_its_instrument_counts_as_soon_as_that_is_known() -> None:
    made = core(ETH, max_loss="-500")
    made.on_event(position(5, "-550"))
    said = made.on_event(instrument(BTC))
    assert state(said).reasons == ("MAX_LOSS",)
    exposure = {each.name: each.value for each in state(made.on_event(tick(1)), ALL_SYMBOLS).limits}[
        "exposure"
    ]
    assert exposure > 0


def test_a_position_without_an_instrument_only_reduces_and_counts_at_its_own_figures() -> None:
    made = core(ETH, max_exposure=0.2)
    said = made.on_event(position(5_000))
    assert (state(said).state, state(said).reasons) == ("REDUCE_ONLY", ("NO_INSTRUMENT",))
    assert state(said, ALL_SYMBOLS).reasons == ("MAX_EXPOSURE",)
    assert state(made.on_event(instrument(BTC))).state == "RUN"


def test_an_instrument_with_other_units_halts_its_symbol_alone() -> None:
    made = core(BTC, ETH)
    made.on_event(position(5))
    said = made.on_event(instrument(BTC, tick_size=Decimal("0.5")))
    assert (state(said).state, state(said).reasons) == ("HALT", ("INSTRUMENT_CHANGED",))
    assert (in_force(made, ETH).state, in_force(made, ALL_SYMBOLS).state) == ("RUN", "RUN")
    assert made.on_event(instrument(BTC, min_notional=Decimal(5))) == (), "other facts may change"


def test_a_book_that_is_not_live_is_told_once_per_episode_and_halts_nobody() -> None:
    made = core()

    def told(seconds: float, status: BookStatus) -> list[Event]:
        at = signal(200, time_ns=T0 + round(seconds * S)).model_copy(update={"book_status": status})
        return list(made.on_event(at))

    assert told(0, "building") == [], "a book that was never live is no news"
    assert told(1, "live") == []
    (alert,) = told(2, "gapped")
    assert isinstance(alert, RiskAlert)
    assert (alert.name, alert.severity) == ("BOOK_NOT_LIVE", "info")
    assert "gapped" in alert.message
    flicker = ((3, "building"), (4, "live"), (5, "crossed"), (6, "live"), (15.9, "stale"), (16, "live"))
    for seconds, status in flicker:
        assert told(seconds, cast("BookStatus", status)) == []
    assert alerts(told(26, "stale")) == ["BOOK_NOT_LIVE"], "it was live for ten seconds"
    assert in_force(made).state == "RUN"


def test_an_episode_ends_too_where_nothing_is_heard_between() -> None:
    made = core()
    for seconds, status, expected in (
        (0, "live", []),
        (1, "stale", ["BOOK_NOT_LIVE"]),
        (2, "live", []),
        (11, "live", []),
        (13, "stale", ["BOOK_NOT_LIVE"]),
    ):
        at = signal(200, time_ns=T0 + seconds * S).model_copy(update={"book_status": status})
        assert alerts(made.on_event(at)) == expected


def test_a_book_that_stays_stale_is_one_episode() -> None:
    made = core()
    made.on_event(signal(200))
    stale = [
        signal(200, time_ns=T0 + at * S).model_copy(update={"book_status": "stale"}) for at in (1, 20, 40)
    ]
    assert [alerts(made.on_event(each)) for each in stale] == [["BOOK_NOT_LIVE"], [], []]


def test_a_symbol_that_has_become_flat_is_said_once_more() -> None:
    made = core(max_position="100")
    made.on_event(position(50))
    made.on_event(tick(1))
    made.on_event(position(0, "-20"))
    (said,) = states(made.on_event(tick(2)))
    assert [each.value for each in said.limits] == [0.0, -20.0]
    assert states(made.on_event(tick(4))) == []


def test_a_loss_that_stays_around_its_warning_warns_once() -> None:
    made = core(max_loss="-500", warn_at=0.8)
    said = [alerts(made.on_event(position(5, pnl))) for pnl in ("-400", "-399", "-401", "-381", "-400")]
    assert said == [["NEAR_LOSS"], [], [], [], []]
    assert alerts(made.on_event(position(5, "-379"))) == []
    assert alerts(made.on_event(position(5, "-400"))) == ["NEAR_LOSS"]


def test_money_is_taken_into_the_reporting_currency() -> None:
    made = core(ETH, max_loss="-500")
    made.on_event(instrument(BTC, reporting_rate=Decimal(2), multiplier=Decimal(5)))
    made.on_event(position(10))
    assert states(made.on_event(signal(192))) == []
    assert state(made.on_event(signal(190))).reasons == ("MAX_LOSS",), (
        "10 lots, 5 ticks, 5 units, a rate of 2"
    )


def test_too_many_orders_filled_halt_their_symbol() -> None:
    made = core(repeat_fills_same_side=3)
    for order in ("a", "b", "b", "b"):
        assert made.on_event(fill(order)) == ()
    said = made.on_event(fill("c"))
    assert (state(said).state, state(said).reasons) == ("HALT", ("REPEATED_EXECUTIONS",))
    assert state(said).latched


def test_after_a_resume_executions_count_anew() -> None:
    made = core(repeat_fills_same_side=3)
    for order in ("a", "b", "c"):
        made.on_event(fill(order))
    assert state(made.on_event(command("resume"))).state == "RUN"
    assert made.on_event(fill("d")) == ()
    assert made.on_event(fill("e")) == ()
    assert state(made.on_event(fill("f"))).halt_sequence == 2


def test_orders_filled_now_and_then_halt_nobody() -> None:
    made = core(repeat_fills_same_side=3, repeat_fills_any_side=20)
    for number in range(50):
        assert made.on_event(fill(str(number), time_ns=T0 + number * 5 * S)) == ()


def test_one_symbols_halt_leaves_the_others_and_the_account() -> None:
    made = core(BTC, ETH, max_loss="-500")
    said = made.on_event(position(5, "-600"))
    assert {each.symbol for each in said if isinstance(each, RiskState)} == {BTC}
    assert made.on_event(position(5, "10", symbol=ETH)) == ()
    said = made.on_event(tick(0.25))
    assert state(said, ALL_SYMBOLS).state == "RUN"
    assert (in_force(made, BTC).state, in_force(made, ETH).state) == ("HALT", "RUN")


def test_a_halt_command_latches_with_who_and_why() -> None:
    said = core().on_event(command("halt"))
    assert (state(said).state, state(said).latched, state(said).halt_sequence) == ("HALT", True, 1)
    assert state(said).reasons == ("COMMAND: odd prices by ann",)
    assert alerts(said) == ["HALT"]


def test_a_halt_command_for_all_halts_the_account_alone() -> None:
    made = core(BTC, ETH)
    said = made.on_event(command("halt", symbol=ALL_SYMBOLS))
    assert state(said, ALL_SYMBOLS).state == "HALT"
    assert {each.symbol for each in said if isinstance(each, RiskState)} == {ALL_SYMBOLS}
    assert state(made.on_event(tick(1)), ALL_SYMBOLS).state == "HALT"
    said = made.on_event(command("resume", "c2", symbol=ALL_SYMBOLS, halt_sequence=1))
    assert state(said, ALL_SYMBOLS).state == "RUN"


def test_a_second_halt_is_a_new_one_that_a_resume_of_the_first_does_not_end() -> None:
    made = core()
    made.on_event(command("halt", "c1", reason="first"))
    said = state(made.on_event(command("halt", "c2", reason="second")))
    assert (said.reasons, said.halt_sequence) == (("COMMAND: second by ann",), 2)
    assert alerts(made.on_event(command("resume", "c3", halt_sequence=1))) == ["RESUME_REFUSED"]
    assert in_force(made).state == "HALT"
    assert state(made.on_event(command("resume", "c4", halt_sequence=2))).state == "RUN"


def test_a_limit_that_breaks_while_a_person_halts_is_seen_and_not_ended_by_their_resume() -> None:
    made = core(max_loss="-500")
    made.on_event(command("halt", "c1"))
    said = state(made.on_event(position(5, "-700")))
    assert (said.reasons, said.halt_sequence) == (("COMMAND: odd prices by ann", "MAX_LOSS"), 2)
    assert alerts(made.on_event(command("resume", "c2", halt_sequence=1))) == ["RESUME_REFUSED"]
    assert in_force(made).state == "HALT"


def test_a_halt_and_resume_by_a_person_does_not_renew_the_allowance_of_losses() -> None:
    made = core(max_loss="-500")
    made.on_event(position(5, "-450"))
    made.on_event(command("halt", "c1"))
    made.on_event(command("resume", "c2"))
    assert state(made.on_event(position(5, "-500"))).state == "REDUCE_ONLY"
    assert state(made.on_event(position(5, "-600"))).state == "HALT"


def test_a_halt_and_resume_by_a_person_does_not_move_the_maximum_of_equity() -> None:
    made = core(max_drawdown=-0.1, max_loss="-500000", reporting={"capital": "1000"})
    made.on_event(position(1, "-90"))
    made.on_event(command("halt", "c1", symbol=ALL_SYMBOLS))
    made.on_event(command("resume", "c2", symbol=ALL_SYMBOLS))
    assert state(made.on_event(position(1, "-100")), ALL_SYMBOLS).reasons == ("MAX_DRAWDOWN",)


def test_a_halt_and_resume_by_a_person_does_not_renew_the_accounts_allowance() -> None:
    made = core(account_max_loss="-500", max_loss="-500000")
    made.on_event(position(5, "-450"))
    made.on_event(command("halt", "c1", symbol=ALL_SYMBOLS))
    made.on_event(command("resume", "c2", symbol=ALL_SYMBOLS))
    assert state(made.on_event(position(5, "-500")), ALL_SYMBOLS).state == "REDUCE_ONLY"


def test_profit_since_the_halt_does_not_tighten_what_the_account_may_lose() -> None:
    made = core(account_max_loss="-500", max_loss="-500000")
    made.on_event(position(5, "-600"))
    made.on_event(position(5, "100"))
    assert state(made.on_event(command("resume", symbol=ALL_SYMBOLS)), ALL_SYMBOLS).state == "RUN"
    assert states(made.on_event(position(5, "-499")), ALL_SYMBOLS) == []
    assert state(made.on_event(position(5, "-500")), ALL_SYMBOLS).state == "REDUCE_ONLY"


def test_a_symbol_that_may_only_reduce_for_its_loss_is_freed_by_a_halt_and_its_resume() -> None:
    made = core(max_loss="-500")
    made.on_event(position(0, "-550"))
    made.on_event(command("halt", "c1"))
    assert state(made.on_event(command("resume", "c2"))).state == "RUN"
    assert state(made.on_event(position(0, "-1050"))).state == "REDUCE_ONLY"


def test_profit_since_the_halt_does_not_tighten_what_may_be_lost() -> None:
    made = core(max_loss="-500")
    made.on_event(position(5, "-600"))
    made.on_event(position(5, "100"))
    made.on_event(command("resume"))
    assert states(made.on_event(position(5, "-499"))) == []
    assert state(made.on_event(position(5, "-500"))).state == "REDUCE_ONLY"


@pytest.mark.parametrize("halt_sequence", [None, 1])
def test_a_resume_ends_the_halt_it_names_or_the_current_one(halt_sequence: int | None) -> None:
    made = core()
    made.on_event(command("halt"))
    said = made.on_event(command("resume", "c2", halt_sequence=halt_sequence))
    assert (state(said).state, state(said).latched, state(said).halt_sequence) == ("RUN", False, 1)


@pytest.mark.parametrize("halt_sequence", [0, 1, 3])
def test_a_resume_of_another_halt_is_refused(halt_sequence: int) -> None:
    made = core()
    for action, command_id in (("halt", "c1"), ("resume", "c2"), ("halt", "c3")):
        made.on_event(command("halt" if action == "halt" else "resume", command_id))
    said = made.on_event(command("resume", "c4", halt_sequence=halt_sequence))
    assert alerts(said) == ["RESUME_REFUSED"]
    assert states(said) == []
    assert (in_force(made).state, in_force(made).halt_sequence) == ("HALT", 2)


def test_a_resume_where_nothing_is_halted_is_refused() -> None:
    made = core()
    (alert,) = made.on_event(command("resume"))
    assert isinstance(alert, RiskAlert)
    assert (alert.name, alert.severity) == ("RESUME_REFUSED", "warning")
    assert "nothing is halted" in alert.message


def test_a_resume_does_not_end_what_only_reduces() -> None:
    made = core(max_loss="-500")
    made.on_event(position(5, "-550"))
    assert alerts(made.on_event(command("resume"))) == ["RESUME_REFUSED"]
    assert in_force(made).state == "REDUCE_ONLY"


def test_after_a_resume_losses_count_from_there() -> None:
    made = core(max_loss="-500")
    made.on_event(position(5, "-600"))
    assert state(made.on_event(command("resume"))).state == "RUN"
    assert states(made.on_event(position(5, "-1099"))) == []
    assert state(made.on_event(position(5, "-1100"))).state == "REDUCE_ONLY"
    assert state(made.on_event(position(5, "-1200"))).halt_sequence == 2


def test_after_a_resume_of_the_account_its_drawdown_counts_from_there() -> None:
    made = core(max_drawdown=-0.1, max_loss="-500000", reporting={"capital": "1000"})
    made.on_event(position(1, "-100"))
    assert in_force(made, ALL_SYMBOLS).state == "HALT"
    said = made.on_event(command("resume", symbol=ALL_SYMBOLS, halt_sequence=1))
    assert state(said, ALL_SYMBOLS).state == "RUN"
    assert states(made.on_event(position(1, "-189")), ALL_SYMBOLS) == []
    assert state(made.on_event(position(1, "-190")), ALL_SYMBOLS).halt_sequence == 2


def test_a_resume_while_another_limit_is_broken_ends_the_latch_alone() -> None:
    made = core(max_position="10")
    made.on_event(position(10))
    made.on_event(command("halt"))
    said = state(made.on_event(command("resume", "c2")))
    assert (said.state, said.reasons, said.latched) == ("REDUCE_ONLY", ("MAX_POSITION",), False)


def test_a_command_counts_once_by_its_id() -> None:
    made = core()
    made.on_event(command("halt", "c1"))
    assert made.on_event(command("halt", "c1")) == ()
    made.on_event(command("resume", "c2"))
    assert made.on_event(command("halt", "c1")) == ()
    assert made.on_event(command("resume", "c2")) == ()
    assert in_force(made).state == "RUN"


def test_a_refused_command_uses_up_its_id_too() -> None:
    made = core()
    assert alerts(made.on_event(command("resume", "c1"))) == ["RESUME_REFUSED"]
    made.on_event(command("halt", "c2"))
    assert made.on_event(command("resume", "c1")) == ()
    assert in_force(made).state == "HALT"


@pytest.mark.parametrize("action", ["halt", "resume"])
def test_a_command_for_an_unknown_symbol_is_refused(action: CommandAction) -> None:
    made = core()
    said = made.on_event(command(action, symbol="XRP/USDT"))
    assert alerts(said) == ["COMMAND_REFUSED"]
    assert len(said) == 1
    assert state(made.on_event(tick(1)), ALL_SYMBOLS).state == "RUN", "least of all does it stand for all"


@pytest.mark.parametrize("action", ["start", "stop"])
def test_start_and_stop_are_not_for_risk(action: CommandAction) -> None:
    assert core().on_event(command(action)) == ()


def test_a_limit_that_comes_near_warns_once_per_episode() -> None:
    made = core(max_loss="-500", warn_at=0.8)
    assert alerts(made.on_event(position(5, "-399"))) == []
    said = made.on_event(position(5, "-400"))
    (alert,) = [each for each in said if isinstance(each, RiskAlert)]
    assert (alert.name, alert.severity, alert.value, alert.limit) == ("NEAR_LOSS", "warning", -400.0, -500.0)
    assert "80%" in alert.message
    assert alerts(made.on_event(position(5, "-450"))) == []
    for number in range(8):
        assert alerts(made.on_event(tick(number))) == []
    assert alerts(made.on_event(position(5, "-300"))) == []
    assert alerts(made.on_event(position(5, "-420"))) == ["NEAR_LOSS"]


def test_warnings_are_given_for_each_limit_and_symbol() -> None:
    made = core(BTC, ETH, max_position="10", max_exposure=0.001)
    assert alerts(made.on_event(position(8))) == ["NEAR_POSITION", "NEAR_EXPOSURE"]
    assert alerts(made.on_event(position(-8, symbol=ETH))) == ["NEAR_POSITION", "REDUCE_ONLY"]


def test_alert_ids_are_used_once() -> None:
    made = core(max_loss="-500")
    said = [
        *made.on_event(position(5, "-600")),
        *made.on_event(command("resume")),
        *made.on_event(command("resume", "c2")),
    ]
    ids = [each.alert_id for each in said if isinstance(each, RiskAlert)]
    assert len(ids) == len(set(ids)) >= 3


def test_events_that_are_not_of_risk_are_passed_over() -> None:
    assert core().on_event(Event(event_time_ns=T0)) == ()


SYMBOLS = st.sampled_from([BTC, ETH])
STEPS = st.lists(
    st.one_of(
        st.builds(
            lambda lots, pnl, symbol: position(lots, str(pnl), symbol=symbol),
            st.integers(-20, 20),
            st.integers(-1_500, 1_500),
            SYMBOLS,
        ),
        st.builds(signal, st.none() | st.integers(100, 300), SYMBOLS),
        st.builds(fill, st.sampled_from("abcdef"), st.sampled_from(["buy", "sell"]), symbol=SYMBOLS),
        st.builds(
            command,
            st.sampled_from(["halt", "resume", "start", "stop"]),
            st.sampled_from([f"c{number}" for number in range(9)]),
            symbol=st.sampled_from([BTC, ETH, ALL_SYMBOLS, "XRP/USDT"]),
            halt_sequence=st.none() | st.integers(0, 3),
        ),
        st.builds(tick, st.integers(0, 9)),
    ),
    max_size=40,
)


@given(steps=STEPS)
def test_only_a_resume_ends_a_latched_halt(steps: list[Event]) -> None:
    made = core(BTC, ETH, max_loss="-500", account_max_loss="-900", repeat_fills_same_side=3)
    told: dict[str, RiskState] = {}
    for step in steps:
        for said in made.on_event(step):
            if not isinstance(said, RiskState):
                continue
            before = told.get(said.symbol)
            if before is not None and before.latched and not said.latched:
                assert isinstance(step, Command)
                assert (step.action, step.symbol) == ("resume", said.symbol)
            if before is not None:
                assert said.halt_sequence >= before.halt_sequence
            assert not said.latched or said.state == "HALT"
            assert (said.state == "RUN") == (not said.reasons)
            told[said.symbol] = said


@given(steps=STEPS)
def test_repeated_positions_and_commands_change_nothing(steps: list[Event]) -> None:
    once, twice = core(BTC, ETH, max_loss="-500"), core(BTC, ETH, max_loss="-500")
    for step in steps:
        assert twice.on_event(step) == once.on_event(step)
        if isinstance(step, Position | Command):
            assert twice.on_event(step) == ()


def stop(code: StopCode = "MMP", *, needs_person: bool = True) -> TradingStop:
    return TradingStop(
        event_time_ns=T0, venue="sim", symbol=BTC, code=code, text="31 lots", needs_person=needs_person
    )


def test_a_stop_by_the_router_that_needs_people_is_a_halt_until_a_resume() -> None:
    made = core()
    said = made.on_event(stop())
    assert (state(said).state, state(said).reasons, state(said).latched) == ("HALT", ("MMP",), True)
    assert alerts(said) == ["MMP", "HALT"]
    assert state(made.on_event(command("resume"))).state == "RUN"


def test_a_stop_that_ends_by_itself_is_told_and_nothing_else() -> None:
    (alert,) = core().on_event(stop(needs_person=False))
    assert isinstance(alert, RiskAlert)
    assert (alert.name, alert.severity, alert.message) == ("MMP", "warning", "31 lots")


def test_where_two_people_resume_one_is_not_enough() -> None:
    made = core(resume_people=2, resume_within_s=900)
    made.on_event(command("halt", "c1"))
    assert alerts(made.on_event(command("resume", "c2"))) == ["RESUME_REQUESTED"]
    assert alerts(made.on_event(command("resume", "c3"))) == ["RESUME_REQUESTED"]
    assert in_force(made).state == "HALT"
    assert state(made.on_event(command("resume", "c4", principal="bob"))).state == "RUN"


def test_the_second_persons_word_counts_for_the_same_halt_and_in_time() -> None:
    made = core(resume_people=2, resume_within_s=900)
    made.on_event(command("halt", "c1"))
    made.on_event(command("resume", "c2"))
    made.on_event(command("halt", "c3", reason="another"))
    assert alerts(made.on_event(command("resume", "c4", principal="bob"))) == ["RESUME_REQUESTED"]
    made.on_event(tick(901))
    assert alerts(made.on_event(command("resume", "c5", principal="cat"))) == ["RESUME_REQUESTED"]
    assert state(made.on_event(command("resume", "c6", principal="ann"))).state == "RUN"


def test_requests_alone_never_end_a_halt_and_the_state_names_who_asked() -> None:
    for people in (1, 2):
        made = core(resume_people=people, resume_within_s=900)
        made.on_event(command("halt", "c1"))
        said = made.on_event(command("resume_request", "c2"))
        assert alerts(said) == ["RESUME_REQUESTED"]
        assert (state(said).state, state(said).resume_asked_by) == ("HALT", "ann")
        said = made.on_event(command("resume_request", "c3", principal="bob"))
        assert (state(said).state, state(said).resume_asked_by) == ("HALT", "ann")
        ended = state(made.on_event(command("resume", "c4", principal="bob")))
        assert (ended.state, ended.resume_asked_by) == ("RUN", None)


def test_a_request_for_a_halt_that_is_not_in_force_is_refused() -> None:
    made = core(resume_people=2, resume_within_s=900)
    assert alerts(made.on_event(command("resume_request", "c1"))) == ["RESUME_REFUSED"]

"""What other processes report to risk-service: stops, faults, settings that differ, and refusals."""

from decimal import Decimal
from typing import Any

from risk_service.core.risk import RiskCore

from schemas.config import Config
from schemas.market import Refusal
from schemas.message import ALL_SYMBOLS
from schemas.orders import StopCode, TradingStop
from schemas.process import MessageFault, SettingApplied
from schemas.risk import RiskAlert, RiskState
from tests.kit.messages import BTC, T0, command, position, tick
from tests.unit.risk_service.risk_cores import alerts, core, state


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


def fault(symbol: str = BTC, event_id: str = "order-router/adapter:41", **fields: Any) -> MessageFault:
    facts = {"process": "order-router", "message_type": "venue.report.v1", "topic": "venue.report"}
    venue = "*" if symbol == ALL_SYMBOLS else "sim"
    return MessageFault(
        **{**facts, **fields},
        event_time_ns=T0,
        venue=venue,
        symbol=symbol,
        event_id=event_id,
        error="OverflowError",
    )


def test_a_message_that_a_process_could_not_work_with_halts_its_symbol_and_is_named() -> None:
    made = core()
    made.on_event(position(5))
    said = made.on_event(fault())
    assert state(said).state == "HALT"
    assert state(said).latched
    (alert,) = (each for each in said if isinstance(each, RiskAlert))
    assert (alert.severity, alert.name, alert.symbol) == ("critical", "FAULT", BTC)
    for word in ("order-router", "venue.report order-router/adapter:41", "venue.report.v1", "OverflowError"):
        assert word in alert.message
    assert made.on_event(fault(event_id="order-router/adapter:42")) == (), "the same again is no news"
    assert state(made.on_event(command("resume"))).state == "RUN"
    assert state(made.on_event(fault(event_id="x:43"))).halt_sequence == 2


def test_a_fault_of_the_account_halts_the_account() -> None:
    made = core()
    made.on_event(tick(1))
    said = made.on_event(fault(ALL_SYMBOLS))
    assert state(said, ALL_SYMBOLS).state == "HALT"
    assert state(made.on_event(tick(2)), ALL_SYMBOLS).reasons[0].startswith("FAULT: order-router")


def test_a_fault_before_the_first_tick_leaves_the_account_silent() -> None:
    made = RiskCore(Config())
    assert alerts(made.on_event(fault(ALL_SYMBOLS))) == ["FAULT"]
    assert state(made.on_event(tick(1)), ALL_SYMBOLS).state == "HALT"


def test_a_halt_for_a_fault_computes_nothing() -> None:
    """What the process failed on may be what risk-service would fail on."""
    made = core()
    made.on_event(position(5))
    made._symbols[f"sim:{BTC}"].pnl = Decimal("NaN")
    assert state(made.on_event(fault())).state == "HALT"


def applied(process: str, because: str | None = None, change_id: str = "c-1") -> SettingApplied:
    return SettingApplied(
        event_time_ns=T0,
        process=process,
        change_id=change_id,
        setting_key="risk_limits.max_position",
        value="1",
        refused_because=because,
    )


def test_processes_that_do_not_agree_on_a_setting_halt_the_account() -> None:
    made = core()
    made.on_event(tick(1))
    assert made.on_event(applied("risk-service")) == ()
    said = made.on_event(applied("order-router", "it cannot work with it"))
    assert state(said, ALL_SYMBOLS).state == "HALT"
    assert alerts(said) == ["SETTINGS_DIFFER"]


def test_processes_that_agree_halt_nothing() -> None:
    made = core()
    made.on_event(tick(1))
    for number, because in enumerate((None, "no", None)):
        for process in ("risk-service", "order-router"):
            assert made.on_event(applied(process, because, f"c-{number}")) == ()


def refusal(command_id: str | None) -> Refusal:
    about = {"event_time_ns": T0, "venue": "sim", "symbol": "BTCC/USDT", "command_id": command_id}
    words = {"reason": "not_followed", "detail": "sim has no BTCC/USDT; did you mean 'BTC/USDT'?"}
    return Refusal.model_validate(about | words)


def test_whoever_started_a_symbol_that_cannot_be_followed_hears_why() -> None:
    made = core(BTC)
    (said,) = made.on_event(refusal("c-7"))
    assert isinstance(said, RiskAlert)
    assert (said.name, said.symbol) == ("START_REFUSED", "BTCC/USDT")
    assert "c-7" in said.message
    assert "did you mean 'BTC/USDT'?" in said.message
    assert {each.symbol for each in made.on_event(tick(1)) if isinstance(each, RiskState)} <= {BTC, "*"}


def test_other_refusals_of_the_feed_are_no_alerts() -> None:
    assert core(BTC).on_event(refusal(None)) == ()

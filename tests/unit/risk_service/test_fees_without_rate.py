"""Limits while a fee has no rate: as if a taker's fee had been paid, until it is booked."""

from decimal import Decimal
from typing import Any

from risk_service.core.risk import RiskCore

from schemas.config import Config
from schemas.inventory import OpenFee, Position
from schemas.message import Event
from schemas.risk import RiskAlert, RiskState
from tests.kit.messages import BTC, T0, instrument, position, signal, tick
from tests.unit.risk_service.risk_cores import in_force


def with_fees(pnl: str, reserve: str, *fees: tuple[str, str], lots: int = 1) -> Position:
    opened = tuple(OpenFee(currency=currency, amount=Decimal(amount)) for currency, amount in fees)
    fields: dict[str, Any] = {"open_fees": opened, "open_fees_reserve": Decimal(reserve)}
    return position(lots, pnl).model_copy(update=fields)


def core(**limits: Any) -> RiskCore:
    made = RiskCore(Config.model_validate({"risk_limits": {"max_loss": "-100"} | limits}))
    made.on_event(instrument())
    made.on_event(signal(200))
    made.on_event(tick())
    return made


def alerts(said: tuple[Event, ...]) -> list[tuple[str, str]]:
    return [(each.name, each.severity) for each in said if isinstance(each, RiskAlert)]


def state_of(said: tuple[Event, ...], symbol: str = BTC) -> RiskState:
    return [each for each in said if isinstance(each, RiskState) and each.symbol == symbol][-1]


def test_a_loss_limit_counts_what_is_reserved_for_open_fees() -> None:
    kept = core()
    kept.on_event(with_fees("-90", "9.9", ("BNB", "0.003")))
    assert in_force(kept).state == "RUN"
    broken = core()
    said = broken.on_event(with_fees("-90", "10", ("BNB", "0.003")))
    assert (state_of(said).state, state_of(said).reasons) == ("REDUCE_ONLY", ("MAX_LOSS",))
    assert state_of(core().on_event(with_fees("-90", "30", ("BNB", "0.003")))).state == "HALT"


def test_the_reserve_stays_counted_when_the_mark_moves_and_goes_when_the_fee_is_booked() -> None:
    made = core()
    made.on_event(with_fees("-80", "15", ("BNB", "0.003")))
    said = made.on_event(signal(190))
    assert state_of(said).reasons == ("MAX_LOSS",), "a loss of 5 more: 100 with the reserve"
    said = made.on_event(with_fees("-82", "0"))
    assert alerts(said)[0] == ("FEE_BOOKED", "info")
    assert state_of(said).state == "RUN"


def test_the_account_counts_it_too() -> None:
    made = core(account_max_loss="-50", max_loss="-1000")
    said = made.on_event(with_fees("-40", "10", ("BNB", "0.003")))
    assert state_of(said, "*").reasons == ("ACCOUNT_MAX_LOSS",)


def test_a_person_is_told_once_for_each_currency() -> None:
    made = core()
    said = made.on_event(with_fees("0", "1", ("BNB", "0.0036")))
    assert alerts(said) == [("FEE_WITHOUT_RATE", "critical")]
    (alert,) = [each for each in said if isinstance(each, RiskAlert)]
    assert "0.0036 BNB" in alert.message
    assert "reporting.rates.BNB" in alert.message
    assert alert.event_time_ns == T0
    assert alerts(made.on_event(with_fees("0", "2", ("BNB", "0.0072")))) == []
    more = made.on_event(with_fees("0", "3", ("BNB", "0.0072"), ("XYZ", "5")))
    assert alerts(more) == [("FEE_WITHOUT_RATE", "critical")]
    assert alerts(made.on_event(with_fees("0", "0"))) == [("FEE_BOOKED", "info")] * 2
    again = made.on_event(with_fees("0", "1", ("BNB", "0.0001")))
    assert alerts(again) == [("FEE_WITHOUT_RATE", "critical")], "a new episode"

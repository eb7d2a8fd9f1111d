"""Ledgers carried into another session: without a market, or under changed instrument terms."""

from decimal import Decimal

import pytest
from risk_service.core.old_marks import MARK_AGE_NS_MAX
from risk_service.core.risk import RiskCore

from schemas.message import ALL_SYMBOLS, Event
from tests.kit.messages import BTC, ETH, T0, S, instrument, position, signal, tick
from tests.unit.risk_service.carried_risk import alerts, config, core, levels, over_the_border
from tests.unit.risk_service.risk_cores import states


def followed_and_not(lots: int) -> RiskCore:
    """BTC is quoted in the new session, ETH is not any more and is held."""
    old = core(config(), *(instrument(each) for each in (BTC, ETH)), position(1), tick())
    for event in (signal(200), signal(210, ETH), position(lots, "5", ETH)):
        old.on_event(event)
    new, _ = over_the_border(old, config(max_position=999_999))
    for level in levels(old):
        new.on_event(level)
    return new


def live_for(made: RiskCore, seconds: int) -> list[Event]:
    said: list[Event] = []
    for second in range(2, seconds):
        time_ns = T0 + second * S
        said += [
            *made.on_event(signal(200 + second % 2, BTC, time_ns)),
            *made.on_event(tick(second)),
        ]
    return said


def test_a_symbol_that_is_quoted_no_more_counts_on_by_its_last_mark_and_says_how_old_that_is() -> None:
    new = followed_and_not(10)
    said = live_for(new, 200)
    told = states(said, ETH)[-1]
    assert (told.state, told.mark_time_ns) == ("RUN", T0)
    assert states(said, BTC)[-1].mark_time_ns is None
    account = states(said, ALL_SYMBOLS)[-1]
    assert account.state == "RUN"
    exposure = {each.name: each.value for each in account.limits}["exposure"]
    assert exposure == pytest.approx((10 * 105 + 100.5) / 1e6, rel=1e-3)
    assert alerts(said) == []


def test_a_position_that_matters_and_has_lost_its_market_is_an_alert_once() -> None:
    new = followed_and_not(200)  # 21,000 of the 200,000 that 0.2 of the equity allow
    assert alerts(live_for(new, MARK_AGE_NS_MAX // S)) == []  # the feed may be on its way
    (said,) = alerts(live_for(new, 500))
    assert (said.name, said.symbol) == ("OLD_MARK", ETH)
    again, _ = over_the_border(new, config(max_position=999_998))
    for event in levels(new):
        again.on_event(event)
    assert alerts(live_for(again, 700)) == []


def test_a_market_that_is_back_makes_the_mark_new() -> None:
    new = followed_and_not(200)
    live_for(new, 500)
    new.on_event(signal(210, ETH, T0 + 501 * S))
    told = states(new.on_event(tick(502)), ETH)[-1]
    assert told.mark_time_ns is None


def test_a_ledger_that_is_converted_to_the_new_contract_goes_on() -> None:
    """Lots a tenth as large, ticks half as large, said under the next version: the same base units."""
    old = core(config(), instrument(), position(10, "5"), signal(220), tick())
    new, _ = over_the_border(old)
    for event in levels(old):
        new.on_event(event)
    fine = instrument(version=2, lot_size=Decimal("0.1"), tick_size=Decimal("0.5"))
    said = list(new.on_event(fine))
    told = states(said)[-1]
    assert (told.state, told.latched) == ("HALT", False)
    assert "maker positions" in told.reasons[0]
    converted = position(100, "105", mark=440, instrument_version=2, notional_reporting=1_100)
    said += new.on_event(converted)
    assert states(said)[-1].state == "RUN"
    assert alerts(said) == []  # it took a moment, and nobody has to look
    symbol = new._symbols[f"sim:{BTC}"]
    assert (symbol.units, symbol.pnl, symbol.notional) == (Decimal(10), Decimal(105), Decimal(1_100))


def test_a_ledger_that_cannot_be_converted_is_news_to_people_with_the_reason() -> None:
    old = core(config(), instrument(), position(10, "5"), signal(220), tick())
    new, _ = over_the_border(old)
    for event in levels(old):
        new.on_event(event)
    assert alerts(new.on_event(instrument(version=2, lot_size=Decimal(3)))) == []
    (said,) = alerts(new.on_event(position(10, "5", halted_because="UNITS_CHANGED: no whole number of lots")))
    assert (said.name, said.message) == ("HALT", "UNITS_CHANGED: no whole number of lots")
    told = alerts(new.on_event(position(3, "5", instrument_version=2)))
    assert [each.name for each in told] == ["RUN"]


def test_a_contract_that_is_newer_than_the_position_halts_until_the_position_is_told_in_it() -> None:
    old = core(config(), instrument(), position(10, "5"), tick())
    new, _ = over_the_border(old)
    told = [*new.on_event(instrument(version=2, tick_size=Decimal("0.5"))), *new.on_event(position(10, "5"))]
    assert states(told)[-1].state == "HALT"
    assert new._symbols[f"sim:{BTC}"].notional == 1_000

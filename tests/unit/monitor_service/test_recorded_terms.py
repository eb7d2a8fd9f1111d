"""Ticks, lots, rates and times of a recording: what is inferred, what is configured, and what is refused."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from monitor_service.feeds.conversion import (
    RefusedValueError,
    StepFinder,
    scales_of,
    time_ns,
)
from monitor_service.feeds.recorded import RecordedFeed

from runtime.errors import ConfigError
from schemas.market import FeedBook, FeedInstrument, FeedRefused, FeedTrade
from tests.unit.monitor_service.recorded_files import T0, TERMS, S, book, config, play, played, trade, write


def test_ticks_and_lots_that_nobody_configured_are_inferred_and_said_to_be(tmp_path: Path) -> None:
    levels = {"bids": [[100.25, 0.003], [100, 0.012]], "asks": [[100.75, 0.006]]}
    path = write(tmp_path / "a.jsonl", book(**levels), trade(T0 + S, price=100.5, size=0.009))
    instrument = play(path)[0]
    assert isinstance(instrument, FeedInstrument)
    assert (instrument.tick_size, instrument.lot_size) == (Decimal("0.25"), Decimal("0.003"))
    assert {"tick_size", "lot_size", "fees"} <= set(instrument.inferred)


def test_configured_terms_are_not_inferred(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", book())
    instrument = play(path, instruments=TERMS)[0]
    assert isinstance(instrument, FeedInstrument)
    assert instrument.inferred == ()
    assert (instrument.base_currency, instrument.quote_currency) == ("BTC", "USDT")


def test_terms_of_another_venue_are_not_used(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", book())
    terms = {"BTC/USDT": {**TERMS["BTC/USDT"], "venue": "elsewhere"}}
    instrument = play(path, instruments=terms)[0]
    assert isinstance(instrument, FeedInstrument)
    assert "tick_size" in instrument.inferred


def test_a_quote_currency_without_a_rate_is_refused_and_never_taken_one_to_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", book(symbol="BTC/EUR"))
    with pytest.raises(ConfigError, match=r"reporting\.rates has none for EUR, in which BTC/EUR is quoted"):
        play(path)
    instrument = play(path, reporting={"rates": {"EUR": "1.25"}})[0]
    assert isinstance(instrument, FeedInstrument)
    assert (instrument.quote_currency, instrument.reporting_rate) == ("EUR", Decimal("1.25"))
    instrument = play(path, reporting={"currency": "EUR"})[0]
    assert isinstance(instrument, FeedInstrument)
    assert (instrument.reporting_rate, instrument.inferred[-1:]) == (Decimal(1), ("fees",))


def test_a_symbol_without_a_rate_stops_no_other_and_says_why(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", book(), book(symbol="BTC/EUR"))
    refused = play(path)[-1]
    assert isinstance(refused, FeedRefused)
    assert "binance:BTC/EUR is not followed: reporting.rates has none for EUR" in refused.detail


@pytest.mark.parametrize(("symbol", "kind"), [("BTC/USDT", "spot"), ("BTC/USDT:USDT", "linear")])
def test_the_kind_of_a_contract_comes_from_the_form_of_its_symbol(
    tmp_path: Path, symbol: str, kind: str
) -> None:
    path = write(tmp_path / "a.jsonl", book(symbol=symbol))
    for terms in ({}, {symbol: TERMS["BTC/USDT"]}):
        instrument = play(path, instruments=terms)[0]
        assert isinstance(instrument, FeedInstrument)
        assert (instrument.contract_kind, instrument.base_currency) == (kind, "BTC")
        assert instrument.quote_currency == "USDT"


def test_a_kind_may_be_configured_where_the_form_does_not_say_otherwise(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", book(), book(symbol="ETH/USDT:USDT"))
    linear = {"BTC/USDT": TERMS["BTC/USDT"] | {"contract_kind": "linear"}}
    instrument = play(path, instruments=linear)[0]
    assert isinstance(instrument, FeedInstrument)
    assert instrument.contract_kind == "linear"
    spot = {"ETH/USDT:USDT": TERMS["BTC/USDT"] | {"contract_kind": "spot"}}
    refused = play(path, instruments=spot)[-1]
    assert isinstance(refused, FeedRefused)
    assert "instruments.ETH/USDT:USDT.contract_kind is spot, and ETH/USDT:USDT is a linear" in refused.detail


def test_an_inverse_contract_is_refused_by_name_and_stops_no_other(tmp_path: Path) -> None:
    inverse = book(symbol="BTC/USD:BTC")
    refused = play(write(tmp_path / "a.jsonl", book(), inverse))[-1]
    assert isinstance(refused, FeedRefused)
    assert "binance:BTC/USD:BTC is not followed: BTC/USD:BTC is an inverse contract" in refused.detail
    with pytest.raises(ConfigError, match="BTC/USD:BTC is an inverse contract"):
        play(write(tmp_path / "alone.jsonl", inverse))


def test_a_study_of_a_market_counts_no_money(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", book(symbol="BTC/EUR"))
    instrument = played(RecordedFeed(config(path), needs_rates=False))[0]
    assert isinstance(instrument, FeedInstrument)
    assert "reporting_rate" in instrument.inferred


def test_a_symbol_without_any_sound_number_needs_its_terms_configured(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", book(bids=[], asks=[]))
    with pytest.raises(ConfigError, match="BTC/USDT needs tick_size and lot_size"):
        play(path)
    assert len(play(path, instruments=TERMS)) == 2


def test_a_symbol_without_terms_stops_no_other(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", book(), book(symbol="ETH/USDT", bids=[], asks=[]), trade(T0 + S))
    events = play(path)
    assert [type(each) for each in events] == [FeedInstrument, FeedBook, FeedRefused, FeedTrade]
    assert isinstance(events[2], FeedRefused)
    assert events[2].reason == "unknown_symbol"
    assert "binance:ETH/USDT" in events[2].detail


@pytest.mark.parametrize(
    ("numbers", "step"),
    [
        ([100.5, 100.25], "0.25"),
        ([0.1, 0.2, 0.7], "0.1"),
        ([61837.63, 61837.62], "0.01"),
        ([10, 30, 50], "10"),
        ([0.00001, 3.78826], "0.00001"),
        ([1e-8, 2.0], "0.00000001"),
        ([float("nan"), float("inf"), -1.0, 0, "5", True, None, 0.5], "0.5"),
    ],
)
def test_the_step_is_the_largest_that_all_numbers_are_multiples_of(numbers: list[Any], step: str) -> None:
    finder = StepFinder()
    for number in numbers:
        finder.measure(number)
    assert finder.step == Decimal(step)


def test_no_number_has_no_step() -> None:
    assert StepFinder().step is None


@pytest.mark.parametrize(
    "value", [1_700_000_000, 1_700_000_000_000, 1_700_000_000_000_000, 1_700_000_000_000_000_000]
)
def test_time_units_are_known_by_their_magnitude(tmp_path: Path, value: int) -> None:
    assert time_ns(value) == T0
    path = write(tmp_path / "a.jsonl", book(value, ets=value))
    snapshot = play(path)[-1]
    assert isinstance(snapshot, FeedBook)
    assert (snapshot.event_time_ns, snapshot.exchange_time_ns) == (T0, T0)


@pytest.mark.parametrize("value", [0, -1, 99_999_999])
def test_a_time_before_1973_is_refused(value: int) -> None:
    with pytest.raises(RefusedValueError, match="before 1973"):
        time_ns(value)


def test_floats_that_miss_their_tick_by_rounding_alone_are_on_it() -> None:
    assert scales_of(Decimal("0.1"), Decimal(1)).price.units(0.1 + 0.2) == 3
    assert scales_of(Decimal(1), Decimal("0.00001")).size.units(3.78826) == 378_826
    with pytest.raises(RefusedValueError, match="not a multiple"):
        scales_of(Decimal("0.1"), Decimal(1)).price.units(0.35)

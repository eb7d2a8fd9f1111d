"""Numbers, times and names where they come in: refused with their name and their bound, or taken."""

import gzip
import json
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monitor_service.feeds.conversion import RefusedValueError, exchange_time, scales_of, trade_id_of
from monitor_service.feeds.live.contracts import announce_market
from monitor_service.feeds.recorded import RecordedFeed
from monitor_service.streams.minute import COUNTED, MinuteSums, minute_of
from pydantic import ValidationError
from quote_service.quoting.explain.price import explain_state
from quote_service.routing.venues.exchange.facts import number

from runtime.config.settings import load_config
from runtime.errors import ConfigError
from schemas.config import Config
from schemas.live_settings import LIVE_SETTINGS
from schemas.market import FeedRefused, FeedTrade
from schemas.message import Event
from schemas.numbers import INTEGER_MAX, OutOfScaleError, check_scale, decimal_of, whole_number
from schemas.statistics import MINUTE_NS
from tests.unit.extremes.worlds import EVERY_TYPE, strange_messages

everyday = settings(max_examples=150, suppress_health_check=list(HealthCheck))
EXTREMES: tuple[Any, ...] = (
    *("1e999999", "1e-999999", "-1e999999", "1e308", "5e-324", "NaN", "-NaN", "sNaN", "Infinity", "-0", ""),
    *("9" * 5_000, "0." + "0" * 5_000 + "1", "1e18", "1e-18", "1_0", "0x1", "x", "\u0661"),
    *(10**32, -(10**32), -1, 0, 1, True, None, 1e308, 5e-324, -0.0, float("inf"), float("nan"), [], {}, "1"),
)
extremes = st.sampled_from(EXTREMES)
STATE: dict[str, Any] = {
    "symbol": "BTC/USDT",
    "tick_size": "0.1",
    "lot_size": "0.001",
    "bids": [["99.9", "2"], ["99.8", "3"]],
    "asks": [["100.1", "2"]],
    "volatility_bps": 1.0,
    "min_notional": "1",
    "reporting_rate": "1",
    "flow_imbalance": 0.1,
    "flow_volume": 1.0,
    "inventory": "1",
}
MODEL: dict[str, Any] = {
    "model": "glft",
    "mid": 100.0,
    "sigma": 1.0,
    "A": 1.0,
    "k": 1.0,
    "gamma": 0.1,
    "q": 1.0,
}
LINE: dict[str, Any] = {
    "ts": 1_723_161_254_206_652_067,
    "ets": 1_723_161_254,
    "venue": "v",
    "symbol": "A/USDT",
}
BOOK = {**LINE, "type": "book", "snapshot": True, "bids": [[99.0, 1.0]], "asks": [[101.0, 1.0]], "seq": 1}
TRADE = {**LINE, "type": "trade", "price": 100.0, "size": 1.0, "side": "buy", "id": "7"}


@pytest.mark.parametrize("value", ["1e999999", "1e-999999", "9" * 5_000, "NaN", "-1e999999", "1e19", "1e-19"])
def test_a_number_out_of_scale_is_named_shortly_with_its_bound(value: str) -> None:
    with pytest.raises(
        ValueError, match=r"is not a finite number|out of scale: 0, or 1e-18 to 1e\+18"
    ) as caught:
        decimal_of(value)
    assert len(str(caught.value)) < 150
    assert str(caught.value).startswith(("1E", "-1E", value[:3]))


def test_a_negative_zero_is_a_zero() -> None:
    assert str(decimal_of("-0")) == "0"


@pytest.mark.parametrize("text", ["", "-1", "1.0", "1e3", "\u0661", "9" * 19, "9" * 5_000, " 1", "1_0"])
def test_a_text_that_is_no_whole_number_is_none(text: str) -> None:
    assert whole_number(text) is None
    assert whole_number("9" * 18) == 10**18 - 1


def out_of_bounds() -> list[tuple[str, str]]:
    """Each live setting with values beyond its bounds; a float of 1e-999999 reads as 0, and may be."""
    always = ("1e999999", "5e-324", "9" * 400, ".nan", ".inf")
    cases = [(key, value) for key in sorted(LIVE_SETTINGS) for value in always]
    for key in sorted(LIVE_SETTINGS):
        section, _, name = key.partition(".")
        if isinstance(getattr(getattr(Config(), section), name), Decimal):
            cases.append((key, "1e-999999"))
    return cases


@pytest.mark.parametrize(("key", "value"), out_of_bounds())
def test_a_configuration_out_of_bounds_is_refused_with_source_place_and_value(key: str, value: str) -> None:
    section, _, name = key.partition(".")
    with pytest.raises(ConfigError) as caught:
        load_config((), env={f"MM__{section}__{name}".upper(): value})
    assert f"{key}:" in str(caught.value)
    assert len(str(caught.value)) < 400


@everyday
@given(st.sampled_from(sorted(STATE)), extremes)
def test_maker_price_answers_or_refuses(field: str, value: Any) -> None:
    shapes = [value] if field not in ("bids", "asks") else [value, [[value, "2"]], [["99.9", value]]]
    for shape in shapes:
        refused = ""
        try:
            explain_state({**STATE, field: shape}, Config())
        except ValidationError as error:
            refused = str(error)
        except ValueError:
            continue
        assert not refused or field in refused


@everyday
@given(st.sampled_from(sorted(MODEL)), extremes)
def test_maker_price_of_a_model_answers_or_refuses(field: str, value: Any) -> None:
    refused = ""
    try:
        explain_state({**MODEL, field: value}, Config())
    except ValueError as error:
        refused = str(error)
    assert len(refused) < 2_000


def play(folder: Path, *lines: dict[str, Any]) -> list[Event]:
    path = folder / "strange.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines)))
    overrides = {"feed": {"kind": "recorded", "paths": [str(path)], "speed": "max"}}
    feed = RecordedFeed(load_config((), overrides, env={}).config)
    events: list[Event] = []
    while (due_ns := feed.next_due_ns()) is not None:
        events += feed.poll_due(due_ns)
    return events


@everyday
@given(st.sampled_from((BOOK, TRADE)), st.data())
def test_no_line_of_a_recording_ends_a_run(tmp_path_factory: Any, line: dict[str, Any], data: Any) -> None:
    field = data.draw(st.sampled_from(sorted(line)))
    value = data.draw(extremes)
    strange = {**line, field: [[value, 1.0]] if field in ("bids", "asks") else value}
    later = {"ts": LINE["ts"] + 10**9}
    events = play(tmp_path_factory.mktemp("lines"), BOOK, strange, {**TRADE, **later, "id": "8"})
    for event in events:
        check_scale(event)
    assert [each for each in events if isinstance(each, FeedTrade) and each.trade_id == "8"]


def test_what_a_venue_calls_a_trade_and_when_it_was_have_bounds(tmp_path: Path) -> None:
    refused = [e for e in play(tmp_path, BOOK, {**TRADE, "id": "x" * 60_000}) if isinstance(e, FeedRefused)]
    assert len(refused) == 1
    assert "has more than 128 letters" in refused[0].detail
    assert len(refused[0].detail) < 300
    for time_ns in (-1, 2**63, 10**30):
        with pytest.raises(RefusedValueError, match="is not from 1970 to 2262"):
            exchange_time(time_ns)
    assert (exchange_time(None), trade_id_of(7)) == (None, "7")


def test_more_units_than_anybody_counts_are_refused() -> None:
    scale = scales_of(Decimal("1e-18"), Decimal(1)).price
    with pytest.raises(RefusedValueError, match=r"is more than 1e\+24 times"):
        scale.units("999999999999999")
    assert scale.units("100000") == 10**23 < INTEGER_MAX


@everyday
@given(extremes)
def test_a_number_of_a_venue_is_one_or_a_value_error(value: Any) -> None:
    try:
        check = number(value)
    except ValueError:
        return
    assert abs(check) <= Decimal("1e18")


@everyday
@given(st.sampled_from(("price", "amount")), st.sampled_from(("min", "max")), extremes)
def test_a_contract_of_an_exchange_is_one_or_a_configuration_error(limit: str, end: str, value: Any) -> None:
    market = {
        "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "spot": True, "type": "spot", "contract": False,
        "precision": {"price": 0.01, "amount": value}, "limits": {limit: {end: value}}, "maker": value,
    }  # fmt: skip
    with suppress(ConfigError):
        check_scale(announce_market(market, Config(), 1))


@everyday
@given(st.lists(strange_messages(tuple(each for each in EVERY_TYPE if each in COUNTED)), max_size=12))
def test_no_message_in_scale_ends_the_statistics(messages: list[Event]) -> None:
    minute = MinuteSums("sim", "A/USDT", 0)
    for offset, message in enumerate(messages):
        try:
            check_scale(message)
        except OutOfScaleError:
            continue  # the worker counts it for nothing
        at_ns = message.event_time_ns % MINUTE_NS
        minute.add(offset, message.model_copy(update={"event_time_ns": at_ns}))  # type: ignore[arg-type]
        assert minute_of(at_ns) == 0
    if minute.records:
        minute.total()

"""The summary of a run: what no figure of it holds is said beside it."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from inventory_service.core.inventory import InventoryCore

from maker.summary import RunFigures, as_json, as_text, summarise
from runtime.store.documents import MemoryStore
from schemas.config import Config, VenueConfig
from schemas.envelope import encode
from schemas.inventory import Position
from schemas.tallies import Counters
from schemas.views import ACCOUNT_DOCUMENT, SYMBOL_PREFIX, AccountView, Profits, SymbolView
from tests.kit.messages import T0, fill, instrument, signal

PROFITS = Profits(
    event_time_ns=T0, currency="USDT", rate=Decimal(1), total=Decimal(0), session=Decimal(0), day=Decimal(0)
)
FIGURES = RunFigures(0, 1.0, 0.5, Path("log"), 0, True, None, None)


def test_fees_that_are_open_are_named_with_the_remedy() -> None:
    core, contract = InventoryCore(Config()), instrument()
    core.on_event(contract)
    core.on_event(signal(200))
    (said,) = core.on_event(fill("a", lots=30, fee="0.0036", currency="BNB"))
    assert isinstance(said, Position)
    view = SymbolView(
        event_time_ns=T0,
        venue="sim",
        symbol="BTC/USDT",
        instrument=contract,
        position=said,
        profits=PROFITS,
        counters=Counters(event_time_ns=T0),
    )
    store = MemoryStore()
    store.put({f"{SYMBOL_PREFIX}{view.key}": encode(view)})
    summary = summarise(store, FIGURES)
    figures = summary["symbols"]["BTC/USDT"]
    assert (figures["fees"], figures["pnl"], figures["open_fees"]) == (0, 0, {"BNB": Decimal("0.0036")})
    told = (
        "BTC/USDT: fees of 0.0036 BNB have no rate and are not included in the PnL: set reporting.rates.BNB"
    )
    assert told in as_text(summary).splitlines()
    store.put({f"{SYMBOL_PREFIX}{view.key}": encode(view.model_copy(update={"position": None}))})
    assert summarise(store, FIGURES)["symbols"]["BTC/USDT"]["open_fees"] == {}
    assert Decimal("0.0036") == said.open_fees[0].amount


def test_decimals_are_numbers_with_all_their_digits() -> None:
    """17 digits are as many as a float holds."""
    pnl = Decimal("-1234567890.123456789012345678")
    text = as_json({"pnl": pnl, "zero": Decimal(0), "name": "0.1", "share": 0.25, "none": None})
    assert text == (
        '{"pnl": -1234567890.123456789012345678, "zero": 0, "name": "0.1", "share": 0.25, "none": null}'
    )
    assert json.loads(text, parse_float=Decimal)["pnl"] == pnl


def test_the_summary_names_what_a_simulated_venue_assumes() -> None:
    venue = VenueConfig(queue_model="power_1", queue_power=2.0, through_share=0.5)
    summary = summarise(MemoryStore(), replace(FIGURES, venue=venue))
    assert summary["venue"]["queue_model"] == "power_1"
    assert (
        "simulated venue: orders arrive after 10 ms, answers after 8 ms, queue model power_1 (n 2), "
        "50% of each trade through our price"
    ) in as_text(summary).splitlines()


def test_a_real_venue_assumes_nothing() -> None:
    summary = summarise(MemoryStore(), replace(FIGURES, venue=VenueConfig(kind="ccxt")))
    assert summary["venue"] == {"kind": "ccxt"}
    assert "simulated venue" not in as_text(summary)


def test_what_was_refused_is_told_by_reason_with_the_first_of_each() -> None:
    view = SymbolView(
        event_time_ns=T0,
        venue="sim",
        symbol="BTC/USDT",
        refusals_by_reason={"off_lot": 2, "bad_price": 1},
        first_refusals={"off_lot": "a.jsonl line 3: size 0.5"},
        counters=Counters(event_time_ns=T0, refused_events=3),
    )
    account = AccountView(
        event_time_ns=T0,
        refusals_without_symbol=1,
        refusals_by_reason={"malformed": 1},
        first_refusals={"malformed": "a.jsonl line 9: not JSON"},
    )
    store = MemoryStore()
    store.put({f"{SYMBOL_PREFIX}{view.key}": encode(view), ACCOUNT_DOCUMENT: encode(account)})
    told = as_text(summarise(store, FIGURES)).splitlines()
    assert [line for line in told if "left out" in line] == [
        "BTC/USDT: 2 events left out as off_lot; the first: a.jsonl line 3: size 0.5",
        "BTC/USDT: 1 event left out as bad_price",
        "without a known symbol: 1 event left out as malformed; the first: a.jsonl line 9: not JSON",
    ]

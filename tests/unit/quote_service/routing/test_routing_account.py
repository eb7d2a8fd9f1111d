"""Limits across symbols, as the router keeps them from event to event; restart and recorded markets."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from runtime.state.digest import state_digest
from schemas.orders import OrderEvent
from schemas.process import Tick
from schemas.topics import BY_NAME, TOPIC_OF
from tests.kit.messages import (
    MS,
    T0,
    book,
    instrument,
    reported_fill,
    risk_state,
    target,
    trade,
    venue_report,
)
from tests.unit.quote_service.routing.builders import Desk, World, wide_config

OTHER = "ETH/USDT"


def exposed_desk() -> Desk:
    """Room for a gross worst case of 2,000."""
    desk = Desk(wide_config(risk_limits={"max_exposure": 0.2}, reporting={"capital": 10_000}))
    desk.send(instrument(symbol=OTHER))
    desk.book(0)
    desk.send(book(symbol=OTHER))
    return desk


def other_target(desk: Desk, at_ms: int, sequence: int, size: int) -> list[OrderEvent]:
    return desk.send(target(sequence, bids=[(99, size)], symbol=OTHER, time_ns=T0 + at_ms * MS))


def test_orders_of_one_symbol_leave_less_room_for_another() -> None:
    desk = exposed_desk()
    [placed] = desk.target(1, 1, bids=[(99, 15)])
    [denied] = other_target(desk, 1, 1, 6)
    assert denied.reasons == ("EXPOSURE",)
    [fits] = other_target(desk, 2, 2, 5)
    assert (placed.kind, fits.kind) == ("place_intent", "place_intent")


def test_room_comes_back_when_an_order_ends_without_a_fill() -> None:
    desk = exposed_desk()
    [placed] = desk.target(1, 1, bids=[(99, 20)])
    assert [event.kind for event in other_target(desk, 1, 1, 6)] == ["denied"]
    desk.answer(2, "rejected", placed)
    assert [event.kind for event in other_target(desk, 3, 2, 20)] == ["place_intent"]


def test_a_fill_keeps_its_room_and_a_report_of_the_position_may_free_it() -> None:
    desk = exposed_desk()
    [placed] = desk.target(1, 1, bids=[(99, 20)])
    desk.send(reported_fill(placed.client_order_id, 99, 20, "t1", time_ns=T0 + 2 * MS))
    assert [event.kind for event in other_target(desk, 3, 1, 1)] == ["denied"]
    desk.position(4, 0, fills=2)
    assert [event.kind for event in other_target(desk, 5, 2, 20)] == ["place_intent"]


def test_a_price_that_rose_takes_room_at_the_next_tick() -> None:
    desk = exposed_desk()
    [placed] = desk.target(1, 1, bids=[(99, 10)])
    desk.send(reported_fill(placed.client_order_id, 99, 10, "t1", time_ns=T0 + 2 * MS))
    desk.book(3, bid=198, ask=202)
    desk.send(Tick(event_time_ns=T0 + 4 * MS))
    [denied] = other_target(desk, 5, 1, 1)
    assert denied.reasons == ("EXPOSURE",)


def test_symbols_have_tables_of_their_own() -> None:
    desk = exposed_desk()
    [placed] = desk.target(1, 1, bids=[(99, 5)])
    [other] = other_target(desk, 1, 1, 5)
    assert placed.client_order_id != other.client_order_id
    assert (
        desk.send(venue_report("accepted", placed.client_order_id, symbol=OTHER, time_ns=T0 + 2 * MS)) == []
    )
    assert [event.kind for event in desk.answer(3, "accepted", placed)] == ["accepted"]


def _drive(world: World, seed: int, start_ms: int, steps: int) -> None:
    generator = random.Random(seed)
    mid = 100
    for step in range(start_ms, start_ms + 7 * steps, 7):
        time_ns = T0 + step * MS
        mid += generator.choice((-1, 0, 0, 1))
        spread: dict[str, Any] = {"bid": mid - 2, "ask": mid + 2, "size": generator.randint(1, 20)}
        world.at(step, book(time_ns=time_ns, **spread))
        world.at(step, risk_state(time_ns=time_ns))
        if generator.random() < 0.4:
            sides: dict[str, Any] = {"bids": [(mid - 1, 5), (mid - 3, 9)], "asks": [(mid + 1, 5)]}
            world.at(step, target(step + 1, time_ns=time_ns, **sides))
        world.at(step, trade(mid + generator.choice((-2, -1, 1, 2)), 7, None, time_ns=time_ns))


@pytest.mark.parametrize("model", ["risk_averse", "power"])
@pytest.mark.parametrize("seed", range(5))
def test_a_restart_from_the_log_goes_on_as_if_nothing_had_happened(seed: int, model: str) -> None:
    """Core and simulated venue are fed what is in the log, in the way of the runtime's restore."""
    settings = wide_config(venue={"queue_model": model})
    running = World(settings)
    _drive(running, seed, 1, 60)
    restarted = World(settings)
    for event in running.log[2:]:  # contract and heartbeat were sent by World itself
        if BY_NAME[TOPIC_OF[event.type_name]].name in {"order.event", "order.fill"}:
            continue
        if BY_NAME[TOPIC_OF[event.type_name]].own_input:
            list(restarted.venue.poll_due(event.event_time_ns))
        restarted.send(event)
    assert restarted.log == running.log
    for world in (running, restarted):
        _drive(world, seed + 100, 500, 60)
        world.run_to(T0 + 10_000 * MS)
    assert restarted.log == running.log
    assert running.fills
    assert state_digest(restarted.core) == state_digest(running.core)


def _recorded(path: Path, limit: int) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for _, line in zip(range(limit), lines, strict=False)]


@pytest.mark.recorded
@pytest.mark.parametrize("model", ["risk_averse", "power"])
@pytest.mark.parametrize(
    ("name", "tick", "lot"),
    [("binance_spot_btcusdt_20240808", 100, 100_000), ("bitstamp_btcusd_20150501", 100, 100_000_000)],
)
def test_quotes_at_the_touch_of_a_recorded_market(
    recordings: Path, name: str, tick: int, lot: int, model: str
) -> None:
    """Quotes at the best prices, renewed with every book: no trade fills beyond its size or our price."""
    world = World(wide_config(venue={"queue_model": model}, market_data={"book_age_ms_max": 10**6}))
    sides: dict[str, dict[int, int]] = {"bids": {}, "asks": {}}
    for sequence, line in enumerate(_recorded(recordings / f"{name}.jsonl.gz", 3_000), start=1):
        world.run_to(line["ts"])
        if line["type"] == "trade":
            _observe_trade(world, line, tick, lot)
        else:
            _apply(sides, line, tick, lot)
            _observe_book(world, sides, line["ts"], sequence)
    assert world.fills
    assert not world.events("unknown")
    assert len({made.venue_trade_id for made in world.fills}) == len(world.fills)
    largest: dict[str, int] = {}
    for event in world.events("accepted", "amended"):
        largest[event.client_order_id] = max(event.size_lots, largest.get(event.client_order_id, 0))
    assert all(
        event.filled_lots <= largest[event.client_order_id]
        for event in world.events("filled", "partial_fill")
    )


def _observe_trade(world: World, line: dict[str, Any], tick: int, lot: int) -> None:
    price, size = round(line["price"] * tick), round(line["size"] * lot)
    under_way = len(world.venue._reports)
    world.send(trade(price, size, line["side"], time_ns=line["ts"]))
    fills = [made for made in list(world.venue._reports)[under_way:] if made.kind == "fill"]
    assert sum(made.size_lots for made in fills) <= size
    assert all(
        made.price_ticks >= price if made.side == "buy" else made.price_ticks <= price for made in fills
    )


def _observe_book(world: World, sides: dict[str, dict[int, int]], time_ns: int, sequence: int) -> None:
    bids = sorted(sides["bids"].items(), reverse=True)[:20]
    asks = sorted(sides["asks"].items())[:20]
    live = bids and asks and bids[0][0] < asks[0][0]
    world.send(risk_state(time_ns=time_ns))
    world.send(
        book(
            status="live" if live else "crossed",
            bid_prices=tuple(price for price, _ in bids),
            bid_sizes=tuple(size for _, size in bids),
            ask_prices=tuple(price for price, _ in asks),
            ask_sizes=tuple(size for _, size in asks),
            time_ns=time_ns,
        )
    )
    if live:
        quotes: dict[str, Any] = {"bids": [(bids[0][0], 1_000)], "asks": [(asks[0][0], 1_000)]}
        world.send(target(sequence, time_ns=time_ns, **quotes))


def _apply(sides: dict[str, dict[int, int]], line: dict[str, Any], tick: int, lot: int) -> None:
    for name, levels in sides.items():
        if line["snapshot"]:
            levels.clear()
        for price, size in line[name]:
            if size:
                levels[round(price * tick)] = round(size * lot)
            else:
                levels.pop(round(price * tick), None)

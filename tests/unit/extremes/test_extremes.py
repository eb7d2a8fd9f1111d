"""Whatever a message or a setting holds, no process ends of it, and quotes and orders stay sound."""

from collections import Counter
from decimal import Decimal, InvalidOperation

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from quote_service.routing.gate.contract_terms import contract_terms

from schemas.config import Config
from schemas.control import SettingChange
from schemas.live_settings import LIVE_SETTINGS
from schemas.market import FeedTrade, Instrument
from schemas.message import Event, Side
from schemas.orders import OrderEvent
from schemas.process import MessageFault, SettingApplied
from schemas.quoting import QuoteTarget
from schemas.risk import RiskState
from schemas.topics import PROCESSES
from tests.kit.messages import feed_trade
from tests.unit.extremes.worlds import (
    EVERY_TYPE,
    SOUND,
    STRANGE,
    T0,
    VENUE,
    World,
    sound_market,
    strange_messages,
)

everyday = settings(max_examples=60, suppress_health_check=list(HealthCheck))
"""Thousands were run before these were settled on."""
NUMBERS = [
    "0",
    "-0",
    "1",
    "2",
    "20",
    "100",
    "1e4",
    "1e6",
    "1e9",
    "1e12",
    "1e15",
    "1e18",
    "1e999999",
    "1e-18",
    "1e-12",
    "1e-9",
    "1e-6",
    "0.01",
    "0.5",
    "0.999999",
    "1e-999999",
    "0.9999999999999999",
    "0.1234567890123456789012345678",
    "5e-324",
    "NaN",
    "Infinity",
    "x",
]
VALUES = st.sampled_from((*NUMBERS, *(f"-{number}" for number in NUMBERS), "9" * 64))
ARRIVAL = {"arrival_rate_per_s": 1.0, "arrival_decay_per_bps": 0.5}
MODELS = st.sampled_from(
    (
        {},
        {"name": "glft", **ARRIVAL},
        {"name": "glft_exact", **ARRIVAL},
        {"name": "cartea_jaimungal", **ARRIVAL},
        {"name": "avellaneda_stoikov", "gamma": 0.1, "horizon_s": 600, **ARRIVAL},
    )
)


def check_quotes(said: list[Event]) -> None:
    """No bid meets an ask, and nothing is quoted at no price or of no size."""
    for target in (each for each in said if isinstance(each, QuoteTarget)):
        bids, asks = target.bid.prices, target.ask.prices
        assert not (bids and asks) or max(bids) < min(asks), target
        assert min((*bids, *asks, *target.bid.sizes, *target.ask.sizes), default=1) > 0, target


def check_orders(said: list[Event], config: Config) -> None:
    """No order is sent beyond the limits of its contract; `config` has the widest there were."""
    contracts = {each.key: each for each in said if isinstance(each, Instrument)}
    for order in (each for each in said if isinstance(each, OrderEvent)):
        if order.kind in ("place_intent", "amend_intent"):
            terms = contract_terms(contracts[order.key], config)
            assert terms is not None
            assert 0 < order.size_lots <= terms.order_size_max_lots
            assert 0 < order.price_ticks * order.size_lots <= terms.order_value_max


def living(symbols: tuple[str, ...] = (SOUND, STRANGE), model: dict[str, object] | None = None) -> World:
    world = World(Config.model_validate({"model": model or {}}))
    for symbol in symbols:
        world.feed(*sound_market(symbol, world.now_ns))
    world.tick()
    world.tick()
    assert [each for each in world.said if isinstance(each, OrderEvent)], "it trades"
    return world


@everyday
@given(st.lists(st.tuples(strange_messages(EVERY_TYPE), st.booleans()), min_size=1, max_size=10))
def test_no_message_ends_anything(steps: list[tuple[Event, bool]]) -> None:
    world = living()
    for message, passes in steps:
        world.put(message)
        if passes:
            world.tick()
    world.tick(5)
    check_quotes(world.said)


@pytest.mark.parametrize("process", PROCESSES)
def test_no_message_of_any_type_ends_a_process(process: str) -> None:
    """Each process gets every type, also those that it does not read: from one world to the next."""

    @settings(everyday, max_examples=20)
    @given(st.lists(strange_messages(EVERY_TYPE), min_size=4, max_size=12))
    def check(messages: list[Event]) -> None:
        world = living()
        for message in messages:
            world.put(message, reader=process)
        world.tick(1)
        check_quotes(world.said)

    check()


@everyday
@given(st.lists(strange_messages((*EVERY_TYPE,), symbols=(STRANGE,)), min_size=1, max_size=8))
def test_a_fault_of_one_symbol_costs_no_other(messages: list[Event]) -> None:
    """What is said of one symbol, however strange, halts at most that one."""
    world = living()
    for message in messages:
        if getattr(message, "event_time_ns", 0) > T0 + 10**12 or not hasattr(message, "symbol"):
            continue  # a time to come makes all clocks wrong: it is journaled by the engine's own alone
        world.put(message)
    world.tick()
    faults = [each for each in world.said if isinstance(each, MessageFault)]
    assert {each.symbol for each in faults if each.message_type != "tick"} <= {STRANGE}
    halted = {
        each.symbol
        for each in world.said
        if isinstance(each, RiskState) and any(reason.startswith("FAULT") for reason in each.reasons)
    }
    if not any(each.symbol == "*" for each in faults):
        assert SOUND not in halted
        assert "*" not in halted


CHANGES = st.tuples(st.sampled_from(sorted(LIVE_SETTINGS)), VALUES, st.integers(-300, 300))


@settings(everyday, max_examples=100)
@given(st.lists(CHANGES, min_size=1, max_size=8), MODELS)
def test_no_live_setting_ends_anything_or_makes_a_quote_unsound(
    changes: list[tuple[str, str, int]], model: dict[str, object]
) -> None:
    world = living((SOUND,), model)
    for number, (key, value, move) in enumerate(changes, start=1):
        world.put(change(key, value, number, world.now_ns))
        world.feed(sound_market(SOUND, world.now_ns, 10_000 + move, number + 1)[1])
        world.feed(taker(number, 9_995 + move, "sell", world.now_ns))
        world.tick()
        world.feed(taker(-number, 10_005 + move, "buy", world.now_ns))
    world.tick(3)
    assert [each for each in world.said if isinstance(each, MessageFault)] == [], "no handler raised"
    check_quotes(world.said)
    check_orders(world.said, widest(changes))
    check_agreement(world.said)


def check_agreement(said: list[Event]) -> None:
    """All processes that read a setting took it, or none did."""
    outcomes: dict[str, set[bool]] = {}
    for each in said:
        if isinstance(each, SettingApplied):
            outcomes.setdefault(each.change_id, set()).add(each.refused_because is None)
    assert max(Counter({key: len(found) for key, found in outcomes.items()}).values(), default=1) == 1


def limit_of(text: str) -> Decimal:
    """A limit that can be in force; 0 for what is none."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() and 0 < number <= Decimal("1e18") else Decimal(0)


def widest(changes: list[tuple[str, str, int]]) -> Config:
    """The configuration with the largest limit of an order that was ever in force."""
    routing: dict[str, Decimal] = {}
    limits: dict[str, Decimal] = {}
    for key, value, _ in changes:
        section, _, name = key.partition(".")
        if name in ("order_value_max", "max_position"):
            place = routing if section == "routing" else limits
            place[name] = max(limit_of(value), place.get(name, Decimal(0)))
    base = Config()
    if "order_value_max" in routing:
        routing["order_value_max"] = max(routing["order_value_max"], base.routing.order_value_max)
    if "max_position" in limits:
        limits["max_position"] = max(limits["max_position"], base.risk_limits.max_position)
    return base.model_copy(
        update={
            "routing": base.routing.model_copy(update=routing),
            "risk_limits": base.risk_limits.model_copy(update=limits),
        }
    )


def change(key: str, value: str, number: int, now_ns: int) -> SettingChange:
    return SettingChange(
        event_time_ns=now_ns,
        venue="*",
        symbol="*",
        change_id=f"c-{number}",
        setting_key=key,
        value=value,
        requester="ann",
        approver="bob",
        reason="r",
    )


def taker(number: int, price_ticks: int, side: Side, now_ns: int) -> FeedTrade:
    return feed_trade(
        price_ticks, 5_000, side, venue=VENUE, symbol=SOUND, trade_id=str(number), time_ns=now_ns
    )


@pytest.mark.parametrize("value", ["1e999999", "1e-999999", "-1e999999", "5e-324", "NaN", "9" * 64])
@pytest.mark.parametrize("key", sorted(LIVE_SETTINGS))
def test_every_reader_of_every_setting_refuses_what_is_out_of_bounds(key: str, value: str) -> None:
    world = WORLDS.setdefault("one", World())
    before = len(world.said)
    world.put(change(key, value, before, world.now_ns))
    applied = [each for each in world.said[before:] if isinstance(each, SettingApplied)]
    assert {each.process for each in applied} == set(LIVE_SETTINGS[key].processes)
    for each in applied:
        assert each.refused_because is not None
        assert key in each.refused_because
    assert not [each for each in world.said if isinstance(each, MessageFault)]


WORLDS: dict[str, World] = {}
"""One for all changes that are refused: they leave nothing behind."""

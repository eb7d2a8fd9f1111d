"""The fold of the topics into views: counters, times, what counts as changed."""

from typing import Any

import pytest
from gateway_api.projector.core.integral import TimeIntegral
from gateway_api.projector.core.views import ProjectorCore

from chassis.digest import state_digest
from schemas.config import Config
from schemas.envelope import decode
from schemas.market import Refusal
from schemas.orders import KillReport
from schemas.process import Shutdown, Tick
from schemas.units import NS_PER_S
from schemas.views import ACCOUNT_DOCUMENT, AccountView, SymbolView

KEY = "symbol/synthetic:BTC/USDT"


@pytest.fixture
def core() -> ProjectorCore:
    return ProjectorCore(Config())


def feed(core: ProjectorCore, *events: Any) -> None:
    for event in events:
        assert core.on_event(event) == ()


def view(core: ProjectorCore, name: str = KEY) -> SymbolView:
    return decode(SymbolView, core.take_dirty()[name])


def account_view(core: ProjectorCore) -> AccountView:
    return decode(AccountView, core.take_dirty()[ACCOUNT_DOCUMENT])


def test_the_newest_level_messages_are_the_view(core, btc):
    newest = (
        btc.instrument(),
        btc.book(2, 9_998),
        btc.signal(2),
        btc.target(2),
        btc.position(2),
        btc.risk(2, "RUN"),
    )
    feed(core, btc.book(1), *newest)

    seen = view(core)

    assert (seen.instrument, seen.book, seen.signal, seen.target, seen.position, seen.risk) == newest
    assert seen.event_time_ns == newest[-1].event_time_ns


def test_counters_count_what_they_say(core, btc):
    feed(
        core,
        btc.instrument(),
        btc.book(1),
        btc.book(2),
        btc.trade(2),
        btc.target(2),
        btc.target(3, bid=None),
        btc.target(4, bid=None, ask=None),
        btc.order(4, "place_intent", "pending_new", "buy", 9_990),
        btc.accepted(4, "buy", 9_990),
        btc.order(5, "amend_intent", "pending_amend", "buy", 9_991),
        btc.order(5, "amend_rejected", "live", "buy", 9_990),
        btc.order(6, "cancel_intent", "pending_cancel", "buy", 9_990),
        btc.order(6, "cancelled", "cancelled", "buy", 9_990),
        btc.order(7, "place_intent", "pending_new", "sell", 10_010),
        btc.order(7, "rejected", "rejected", "sell", 10_010),
        btc.order(8, "denied", "denied", "sell", 10_010),
        btc.fill(9),
        Refusal(**btc.at(9), reason="old_sequence", detail="sequence 4 after 5"),
    )

    counters = view(core).counters

    assert counters.model_dump(
        include={
            "books",
            "trades",
            "quotes",
            "orders",
            "amends",
            "cancels",
            "rejects",
            "denials",
            "fills",
            "refused_events",
        }
    ) == {
        "books": 2,
        "trades": 1,
        "quotes": 2,
        "orders": 2,
        "amends": 1,
        "cancels": 1,
        "rejects": 2,
        "denials": 1,
        "fills": 1,
        "refused_events": 1,
    }
    assert counters.time_ns == 8 * NS_PER_S


def test_pn3_two_sided_presence_and_mean_spread(core, btc):
    """Both sides 4 s at 100.00/100.02, bid alone 2 s, both 3 s at 99.99/100.02, none 1 s.

    Presence 0.7; the own spread in bps of its middle is time-weighted over the 7 s.
    """
    feed(
        core,
        btc.book(0),
        btc.accepted(0, "buy", 10_000),
        btc.accepted(0, "sell", 10_002),
        btc.order(4, "cancelled", "cancelled", "sell", 10_002),
        btc.order(6, "amended", "live", "buy", 9_999),
        btc.accepted(6, "sell", 10_002),
        btc.order(9, "cancelled", "cancelled", "sell", 10_002),
        btc.order(9, "cancelled", "cancelled", "buy", 9_999),
        btc.book(10),
    )

    counters = view(core).counters

    assert counters.two_sided_ns == 7 * NS_PER_S
    assert counters.two_sided_ns / counters.time_ns == pytest.approx(0.7)
    expected_bps = (4 * 2 / 10_001 + 3 * 3 / 10_000.5) / 7 * 10_000
    assert counters.spread_bps_ns / counters.two_sided_ns == pytest.approx(expected_bps, rel=1e-12)


def test_time_goes_on_with_any_event_while_both_sides_stand(core, btc):
    feed(core, btc.book(0), btc.accepted(1, "buy", 9_990), btc.accepted(3, "sell", 10_010), btc.trade(5.5))

    assert view(core).counters.two_sided_ns == 2.5 * NS_PER_S


def test_an_order_counts_from_acknowledgement_and_while_an_amend_or_cancel_is_under_way(core, btc):
    feed(
        core,
        btc.book(0),
        btc.accepted(0, "buy", 9_990),
        btc.order(1, "place_intent", "pending_new", "sell", 10_010),
        btc.accepted(2, "sell", 10_010),
        btc.order(3, "amend_intent", "pending_amend", "sell", 10_020),
        btc.order(5, "amended", "live", "sell", 10_020),
        btc.order(6, "cancel_intent", "pending_cancel", "sell", 10_020),
        btc.order(8, "cancelled", "cancelled", "sell", 10_020),
        btc.book(20),
    )

    counters = view(core).counters

    assert counters.two_sided_ns == 6 * NS_PER_S
    # the price asked for by an amend counts from its confirmation, at 5 s
    expected = 3 * 20 / 10_000 + 3 * 30 / 10_005
    assert counters.spread_bps_ns == pytest.approx(expected * 10_000 * NS_PER_S, rel=1e-12)


def test_the_best_of_several_levels_is_the_quoted_spread(core, btc):
    feed(
        core,
        btc.book(0),
        btc.accepted(0, "buy", 9_980, client_order_id="b1"),
        btc.accepted(0, "buy", 9_990, client_order_id="b0"),
        btc.accepted(0, "sell", 10_010, client_order_id="a0"),
        btc.book(1),
    )

    assert view(core).counters.spread_bps_ns == pytest.approx(20.0 * NS_PER_S)


def test_pn4_orders_with_a_fill_of_orders_finished(core, btc):
    """Filled 2, 0.5, 1 and 0 of 2, 2, 2 and 1: any fill 3 of 4. Refused orders do not count."""
    for number, filled in enumerate((2_000, 500, 1_000, 0)):
        name = {"client_order_id": f"o{number}"}
        end = "filled" if filled == 2_000 else "cancelled"
        feed(core, btc.accepted(1, "buy", 9_990, **name))
        feed(core, btc.order(2, end, end, "buy", 9_990, filled_lots=filled, **name))
    feed(core, btc.order(3, "place_intent", "pending_new", "buy", 9_990, client_order_id="o9"))
    feed(core, btc.order(3, "rejected", "rejected", "buy", 9_990, client_order_id="o9"))
    feed(core, btc.accepted(3, "buy", 9_990, client_order_id="still live"))

    counters = view(core).counters

    assert (counters.orders_with_fill, counters.orders_finished) == (3, 4)


def test_an_end_that_comes_twice_counts_once(core, btc):
    end = btc.order(2, "cancelled", "cancelled", "buy", 9_990)
    feed(core, btc.accepted(1, "buy", 9_990), end, end)

    assert view(core).counters.orders_finished == 1


def test_pn3_mean_inventory_notional(core, btc):
    """Inventory 0, 2, 3, 1, 1 over 5 s at the mids 100, 100.02, 99.99, 100.01, 100.05: mean 140.014."""
    mids = (20_000, 20_004, 19_998, 20_002, 20_010)
    feed(core, btc.instrument(0), btc.book(0))
    for second, (units, mark) in enumerate(zip((0, 2, 3, 1, 1), mids, strict=True)):
        feed(core, btc.position(second, lots=units * 1_000, mark=mark))
    feed(core, btc.book(5))

    counters = view(core).counters

    assert counters.inventory_notional_ns / counters.time_ns == pytest.approx(140.014, abs=1e-9)


def test_live_orders_are_those_that_have_not_ended(core, btc):
    sell = btc.order(3, "unknown", "unknown", "sell", 10_010)
    feed(core, btc.accepted(1, "buy", 9_990), btc.accepted(1, "sell", 10_010), sell)
    feed(core, btc.order(4, "filled", "filled", "buy", 9_990, filled_lots=2_000))

    assert view(core).live_orders == (sell,)


def test_histories_are_bounded_and_newest_last(core, btc):
    feed(core, btc.instrument())
    for number in range(120):
        feed(core, btc.trade(number, number), btc.fill(number, number))
        feed(core, Refusal(**btc.at(number), reason="duplicate_trade", detail=str(number)))

    seen = view(core)

    assert [trade.trade_id for trade in seen.last_trades] == [str(number) for number in range(70, 120)]
    assert [fill.venue_trade_id for fill in seen.last_fills] == [f"sim-{number}" for number in range(70, 120)]
    assert [refusal.detail for refusal in seen.last_refusals] == [str(number) for number in range(100, 120)]
    assert seen.refusals_by_reason == {"duplicate_trade": 120}


def test_halts_count_entries_into_a_halt_of_the_symbol_or_the_account(core, btc, account):
    feed(core, btc.instrument(), btc.risk(1, "RUN"), account.risk(1, "RUN"))
    feed(core, btc.risk(2, "HALT"), btc.risk(3, "HALT"), btc.risk(4, "RUN"))
    feed(core, account.risk(5, "HALT"), account.risk(6, "HALT"), btc.risk(6, "HALT"), account.risk(7, "RUN"))
    feed(core, btc.risk(8, "REDUCE_ONLY"), btc.risk(9, "HALT"))

    assert view(core).counters.halts == 3


def test_an_account_halt_reaches_every_symbol_and_those_that_come_later(core, btc, account, messages_of):
    eth = messages_of("ETH/USDT")
    feed(core, btc.instrument(), account.risk(1, "HALT"), eth.instrument(2))

    documents = core.take_dirty()

    halts = [
        decode(SymbolView, documents[f"symbol/synthetic:{name}"]).counters.halts
        for name in ("BTC/USDT", "ETH/USDT")
    ]
    assert halts == [1, 1]


def test_stop_and_start_switch_one_symbol_or_all(core, btc, account, messages_of):
    eth = messages_of("ETH/USDT")
    feed(core, btc.instrument(), eth.instrument())

    def stopped() -> list[bool]:
        documents = core.take_dirty()
        names = ("symbol/synthetic:BTC/USDT", "symbol/synthetic:ETH/USDT")
        return [decode(SymbolView, documents[name]).stopped for name in names if name in documents]

    assert stopped() == [False, False]
    feed(core, btc.command(1, "stop", "a"))
    assert stopped() == [True]
    feed(core, account.command(2, "stop", "b"))
    assert stopped() == [True, True]
    late = messages_of("LATE/USDT")
    feed(core, late.instrument(3))
    assert decode(SymbolView, core.take_dirty()["symbol/synthetic:LATE/USDT"]).stopped
    feed(core, btc.command(3, "start", "c"))
    assert stopped() == [False]


def test_a_command_that_comes_twice_counts_once(core, btc, account):
    feed(
        core,
        btc.instrument(),
        btc.command(1, "stop", "a"),
        btc.command(2, "start", "b"),
        btc.command(1, "stop", "a"),
    )

    documents = core.take_dirty()

    assert not decode(SymbolView, documents[KEY]).stopped
    commands = decode(AccountView, documents[ACCOUNT_DOCUMENT]).last_commands
    assert [command.command_id for command in commands] == ["a", "b"]


def test_the_account_view_holds_risk_alerts_and_symbols(core, btc, account):
    state = account.risk(1, "REDUCE_ONLY", "EXPOSURE")
    feed(core, btc.instrument(), state)
    for number in range(250):
        feed(core, btc.alert(2, "warning", number))

    seen = account_view(core)

    assert seen.risk == state
    assert seen.symbols == ("synthetic:BTC/USDT",)
    assert [alert.alert_id for alert in seen.alerts] == [f"risk-{number}" for number in range(50, 250)]


def test_the_account_view_holds_what_is_being_withdrawn_until_orders_are_allowed_again(core, btc):
    def report(second, symbol, state):
        return KillReport(
            event_time_ns=second * NS_PER_S, venue="synthetic", symbol=symbol, state=state, began_ns=1
        )

    feed(core, btc.instrument(), report(1, "*", "cancelling"), report(1, "BTC/USDT", "cancelling"))
    feed(core, report(2, "*", "confirmed"), report(3, "BTC/USDT", "none"))

    assert account_view(core).withdrawals == (report(2, "*", "confirmed"),)


def test_a_refusal_without_a_known_symbol_counts_for_the_account(core, btc, account):
    feed(core, btc.instrument())
    feed(core, Refusal(**account.at(1), reason="malformed", detail="line 4: not JSON"))
    feed(
        core,
        Refusal(venue="x", symbol="NO/ONE", event_time_ns=1, reason="unknown_symbol", detail="no instrument"),
    )

    documents = core.take_dirty()

    assert set(documents) == {KEY, ACCOUNT_DOCUMENT}
    assert decode(AccountView, documents[ACCOUNT_DOCUMENT]).refusals_without_symbol == 2


def test_only_what_changed_is_dirty(core, btc, messages_of):
    eth = messages_of("ETH/USDT")
    feed(core, btc.instrument(), eth.instrument())
    assert set(core.take_dirty()) == {KEY, "symbol/synthetic:ETH/USDT", ACCOUNT_DOCUMENT}
    assert core.take_dirty() == {}
    feed(core, btc.book(1))
    assert set(core.take_dirty()) == {KEY}
    feed(core, Tick(event_time_ns=1), Shutdown(event_time_ns=2))
    assert core.take_dirty() == {}


def test_symbols_that_waited_longest_are_taken_first(core, btc, messages_of):
    markets = [messages_of(f"S{number}/USDT") for number in range(5)]
    feed(core, *(market.book(1) for market in markets))
    taken = set(core.take_dirty(2))
    feed(core, markets[0].book(2), markets[2].book(2))
    later = [set(core.take_dirty(2)) for _ in range(3)]

    def keys(*numbers: int) -> set[str]:
        return {f"symbol/synthetic:S{number}/USDT" for number in numbers}

    assert taken == keys(0, 1) | {ACCOUNT_DOCUMENT}
    assert later == [keys(2, 3), keys(4, 0), set()]


def test_what_was_written_is_no_part_of_the_state_that_a_replay_must_reach(core, btc):
    replayed = ProjectorCore(Config())
    for one in (core, replayed):
        feed(one, btc.instrument(), btc.book(1), btc.accepted(1, "buy", 9_990))
    core.take_dirty()

    assert state_digest(core) == state_digest(replayed)
    feed(core, btc.book(2))
    assert state_digest(core) != state_digest(replayed)


def test_symbols_do_not_touch_each_other(core, btc, messages_of):
    swap = messages_of("BTC/USDT", "other")
    feed(core, btc.book(1), swap.book(1, 5_000, 5_001), swap.trade(2))

    documents = core.take_dirty()

    assert decode(SymbolView, documents[KEY]).counters.trades == 0
    assert decode(SymbolView, documents["symbol/other:BTC/USDT"]).counters.trades == 1


def test_time_before_the_newest_change_adds_nothing_to_an_integral():
    integral = TimeIntegral()
    integral.change(3, 100)
    integral.change(5, 90)
    assert integral.at(100) == 0
    assert integral.at(110) == 50

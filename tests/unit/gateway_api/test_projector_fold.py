"""The fold of the topics into views: the newest levels, histories, halts, what counts as changed."""

from collections.abc import Callable

from gateway_api.projector.core.views import ProjectorCore

from runtime.state.digest import state_digest
from schemas.config import Config
from schemas.envelope import decode
from schemas.market import Refusal
from schemas.orders import KillReport
from schemas.process import Shutdown, Tick
from schemas.units import NS_PER_S
from schemas.views import ACCOUNT_DOCUMENT, AccountView, SymbolView
from tests.unit.gateway_api.conftest import Messages
from tests.unit.gateway_api.folded import KEY, feed, view


def account_view(core: ProjectorCore) -> AccountView:
    return decode(AccountView, core.pop_changed()[ACCOUNT_DOCUMENT])


def test_the_newest_level_messages_are_the_view(core: ProjectorCore, btc: Messages) -> None:
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


def test_live_orders_are_those_that_have_not_ended(core: ProjectorCore, btc: Messages) -> None:
    sell = btc.order(3, "unknown", "unknown", "sell", 10_010)
    feed(core, btc.accepted(1, "buy", 9_990), btc.accepted(1, "sell", 10_010), sell)
    feed(core, btc.order(4, "filled", "filled", "buy", 9_990, filled_lots=2_000))

    assert view(core).live_orders == (sell,)


def test_histories_are_bounded_and_newest_last(core: ProjectorCore, btc: Messages) -> None:
    feed(core, btc.instrument())
    for number in range(120):
        feed(core, btc.trade(number, number), btc.fill(number, number))
        feed(core, Refusal(**btc.at(number), reason="duplicate_trade", detail=str(number)))

    seen = view(core)

    assert [trade.trade_id for trade in seen.last_trades] == [str(number) for number in range(70, 120)]
    assert [fill.venue_trade_id for fill in seen.last_fills] == [f"sim-{number}" for number in range(70, 120)]
    assert [refusal.detail for refusal in seen.last_refusals] == [str(number) for number in range(100, 120)]
    assert seen.refusals_by_reason == {"duplicate_trade": 120}


def test_halts_count_entries_into_a_halt_of_the_symbol_or_the_account(
    core: ProjectorCore, btc: Messages, account: Messages
) -> None:
    feed(core, btc.instrument(), btc.risk(1, "RUN"), account.risk(1, "RUN"))
    feed(core, btc.risk(2, "HALT"), btc.risk(3, "HALT"), btc.risk(4, "RUN"))
    feed(core, account.risk(5, "HALT"), account.risk(6, "HALT"), btc.risk(6, "HALT"), account.risk(7, "RUN"))
    feed(core, btc.risk(8, "REDUCE_ONLY"), btc.risk(9, "HALT"))

    assert view(core).counters.halts == 3


def test_an_account_halt_reaches_every_symbol_and_those_that_come_later(
    core: ProjectorCore, btc: Messages, account: Messages, messages_of: Callable[..., Messages]
) -> None:
    eth = messages_of("ETH/USDT")
    feed(core, btc.instrument(), account.risk(1, "HALT"), eth.instrument(2))

    documents = core.pop_changed()

    halts = [
        decode(SymbolView, documents[f"symbol/synthetic:{name}"]).counters.halts
        for name in ("BTC/USDT", "ETH/USDT")
    ]
    assert halts == [1, 1]


def test_stop_and_start_switch_one_symbol_or_all(
    core: ProjectorCore, btc: Messages, account: Messages, messages_of: Callable[..., Messages]
) -> None:
    eth = messages_of("ETH/USDT")
    feed(core, btc.instrument(), eth.instrument())

    def stopped() -> list[bool]:
        documents = core.pop_changed()
        names = ("symbol/synthetic:BTC/USDT", "symbol/synthetic:ETH/USDT")
        return [decode(SymbolView, documents[name]).stopped for name in names if name in documents]

    assert stopped() == [False, False]
    feed(core, btc.command(1, "stop", "a"))
    assert stopped() == [True]
    feed(core, account.command(2, "stop", "b"))
    assert stopped() == [True, True]
    late = messages_of("LATE/USDT")
    feed(core, late.instrument(3))
    assert decode(SymbolView, core.pop_changed()["symbol/synthetic:LATE/USDT"]).stopped
    feed(core, btc.command(3, "start", "c"))
    assert stopped() == [False]


def test_a_command_that_comes_twice_counts_once(
    core: ProjectorCore, btc: Messages, account: Messages
) -> None:
    feed(
        core,
        btc.instrument(),
        btc.command(1, "stop", "a"),
        btc.command(2, "start", "b"),
        btc.command(1, "stop", "a"),
    )

    documents = core.pop_changed()

    assert not decode(SymbolView, documents[KEY]).stopped
    commands = decode(AccountView, documents[ACCOUNT_DOCUMENT]).last_commands
    assert [command.command_id for command in commands] == ["a", "b"]


def test_the_account_view_holds_risk_alerts_and_symbols(
    core: ProjectorCore, btc: Messages, account: Messages
) -> None:
    state = account.risk(1, "REDUCE_ONLY", "EXPOSURE")
    feed(core, btc.instrument(), state)
    for number in range(250):
        feed(core, btc.alert(2, "warning", number))

    seen = account_view(core)

    assert seen.risk == state
    assert seen.symbols == ("synthetic:BTC/USDT",)
    assert [alert.alert_id for alert in seen.alerts] == [f"risk-{number}" for number in range(50, 250)]


def test_the_account_view_holds_what_is_being_withdrawn_until_orders_are_allowed_again(
    core: ProjectorCore, btc: Messages
) -> None:
    def report(second: int, symbol: str, state: str) -> KillReport:
        return KillReport(
            event_time_ns=second * NS_PER_S, venue="synthetic", symbol=symbol, state=state, began_ns=1
        )

    feed(core, btc.instrument(), report(1, "*", "cancelling"), report(1, "BTC/USDT", "cancelling"))
    feed(core, report(2, "*", "confirmed"), report(3, "BTC/USDT", "none"))

    assert account_view(core).withdrawals == (report(2, "*", "confirmed"),)


def test_a_refusal_without_a_known_symbol_counts_for_the_account(
    core: ProjectorCore, btc: Messages, account: Messages
) -> None:
    feed(core, btc.instrument())
    feed(core, Refusal(**account.at(1), reason="malformed", detail="line 4: not JSON"))
    feed(
        core,
        Refusal(venue="x", symbol="NO/ONE", event_time_ns=1, reason="unknown_symbol", detail="no instrument"),
    )

    documents = core.pop_changed()

    assert set(documents) == {KEY, ACCOUNT_DOCUMENT}
    assert decode(AccountView, documents[ACCOUNT_DOCUMENT]).refusals_without_symbol == 2


def test_only_what_changed_is_dirty(
    core: ProjectorCore, btc: Messages, messages_of: Callable[..., Messages]
) -> None:
    eth = messages_of("ETH/USDT")
    feed(core, btc.instrument(), eth.instrument())
    assert set(core.pop_changed()) == {KEY, "symbol/synthetic:ETH/USDT", ACCOUNT_DOCUMENT}
    assert core.pop_changed() == {}
    feed(core, btc.book(1))
    assert set(core.pop_changed()) == {KEY}
    feed(core, Tick(event_time_ns=1), Shutdown(event_time_ns=2))
    assert core.pop_changed() == {}


def test_symbols_that_waited_longest_are_taken_first(
    core: ProjectorCore, btc: Messages, messages_of: Callable[..., Messages]
) -> None:
    markets = [messages_of(f"S{number}/USDT") for number in range(5)]
    feed(core, *(market.book(1) for market in markets))
    taken = set(core.pop_changed(2))
    feed(core, markets[0].book(2), markets[2].book(2))
    later = [set(core.pop_changed(2)) for _ in range(3)]

    def keys(*numbers: int) -> set[str]:
        return {f"symbol/synthetic:S{number}/USDT" for number in numbers}

    assert taken == keys(0, 1) | {ACCOUNT_DOCUMENT}
    assert later == [keys(2, 3), keys(4, 0), set()]


def test_what_was_written_is_no_part_of_the_state_that_a_replay_must_reach(
    core: ProjectorCore, btc: Messages
) -> None:
    replayed = ProjectorCore(Config())
    for one in (core, replayed):
        feed(one, btc.instrument(), btc.book(1), btc.accepted(1, "buy", 9_990))
    core.pop_changed()

    assert state_digest(core) == state_digest(replayed)
    feed(core, btc.book(2))
    assert state_digest(core) != state_digest(replayed)


def test_symbols_do_not_touch_each_other(
    core: ProjectorCore, btc: Messages, messages_of: Callable[..., Messages]
) -> None:
    swap = messages_of("BTC/USDT", "other")
    feed(core, btc.book(1), swap.book(1, 5_000, 5_001), swap.trade(2))

    documents = core.pop_changed()

    assert decode(SymbolView, documents[KEY]).counters.trades == 0
    assert decode(SymbolView, documents["symbol/other:BTC/USDT"]).counters.trades == 1

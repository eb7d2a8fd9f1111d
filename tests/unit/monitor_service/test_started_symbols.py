"""What feeds do about symbols that people start although nothing lists them."""

import json
from pathlib import Path
from typing import Any

import pytest
from monitor_service.core.monitor import MonitorCore
from monitor_service.feeds.recorded import RecordedFeed
from monitor_service.feeds.synthetic import SyntheticFeed

from runtime.process.definition import Adapter
from schemas.config import Config
from schemas.control import Command, CommandAction
from schemas.market import FeedBook, FeedInstrument, FeedRefused, FeedTrade, SymbolRemoved
from schemas.message import SymbolEvent
from schemas.orders import REMOVED, KillReport, KillState
from tests.kit import messages as kit

S = 1_000_000_000
T0 = 1_700_000_000 * S


def command(
    action: CommandAction, symbol: str, at: int, venue: str = "synthetic", command_id: str = "c-1"
) -> Command:
    return kit.command(action, command_id, venue=venue, symbol=symbol, reason="", time_ns=at)


class Running:
    """A feed and its core, as a runner has them."""

    def __init__(self, feed: Adapter, core: MonitorCore) -> None:
        self.feed, self.core = feed, core

    def say(self, said: Command) -> None:
        self.core.on_event(said)
        self.feed.on_event(said)

    def run(self, until_ns: int) -> list[SymbolEvent]:
        """All that is due up to then, in time order."""
        taken: list[SymbolEvent] = []
        while (due_ns := self.feed.next_due_ns()) is not None and due_ns <= until_ns:
            for event in self.feed.poll_due(due_ns):
                assert isinstance(event, SymbolEvent)
                assert not taken or event.event_time_ns >= taken[-1].event_time_ns
                self.core.on_event(event)
                taken.append(event)
        return taken


def synthetic(core: MonitorCore | None = None, **sections: Any) -> Running:
    usual = Config().feed.symbols["BTC/USDT"].model_dump()
    config = Config.model_validate({"feed": {"symbols": {"BTC/USDT": usual}}, **sections})
    core = core or MonitorCore(config)
    return Running(SyntheticFeed(config, T0, carried=lambda: core.carried(T0)), core)


def of(events: list[SymbolEvent], symbol: str) -> list[SymbolEvent]:
    return [each for each in events if each.symbol == symbol]


def test_the_synthetic_feed_opens_one_that_it_knows_from_that_moment_on() -> None:
    running = synthetic()
    running.run(T0 + 5 * S)
    running.say(command("start", "LTC/USDT", T0 + 5 * S))
    opened = of(running.run(T0 + 20 * S), "LTC/USDT")
    assert [type(each) for each in opened[:2]] == [FeedInstrument, FeedBook]
    assert opened[0].event_time_ns == T0 + 5 * S
    assert {type(each) for each in opened} == {FeedInstrument, FeedBook, FeedTrade}


def test_the_others_do_not_notice() -> None:
    alone, joined = synthetic(), synthetic()
    joined.run(T0 + S)
    joined.say(command("start", "LTC/USDT", T0 + S))
    assert of(joined.run(T0 + 10 * S), "BTC/USDT") == [
        each for each in alone.run(T0 + 10 * S) if each.event_time_ns > T0 + S
    ]


def test_it_is_opened_once_however_often_it_is_asked_for() -> None:
    running = synthetic()
    running.run(T0)
    for number in range(3):
        running.say(command("start", "LTC/USDT", T0 + 1, command_id=f"c-{number}"))
    assert sum(isinstance(each, FeedInstrument) for each in running.run(T0 + S)) == 1


@pytest.mark.parametrize(
    ("symbol", "venue", "words"),
    [
        ("LTCC/USDT", "synthetic", "did you mean 'LTC/USDT'?"),
        ("LTC/USDT", "binance", "another venue's"),
        ("BTC/USDT", "synthetic", None),
    ],
)
def test_what_it_does_not_have_is_refused_with_words(symbol: str, venue: str, words: str | None) -> None:
    running = synthetic()
    running.run(T0)
    running.say(command("start", symbol, T0 + 1, venue))
    refused = [each for each in running.run(T0 + S) if isinstance(each, FeedRefused)]
    assert [(each.symbol, each.venue, each.command_id) for each in refused] == (
        [] if words is None else [(symbol, venue, "c-1")]
    )
    assert all(words in each.detail for each in refused if words)
    assert running.core.requested.started == {}


def test_a_refused_one_may_be_asked_for_again() -> None:
    running = synthetic()
    for number in range(2):
        running.run(T0 + number * S)
        running.say(command("start", "NO/USDT", T0 + number * S, command_id=f"c-{number}"))
    assert [each.command_id for each in running.run(T0 + 2 * S) if isinstance(each, FeedRefused)] == ["c-1"]


def test_one_without_a_rate_of_its_quote_currency_is_refused() -> None:
    terms = {"venue": "synthetic", "tick_size": "0.1", "lot_size": "0.1", "quote_currency": "JPY"}
    running = synthetic(instruments={**_instruments(), "LTC/USDT": terms})
    running.run(T0)
    running.say(command("start", "LTC/USDT", T0 + 1))
    (refused,) = (each for each in running.run(T0 + S) if isinstance(each, FeedRefused))
    assert "reporting.rates" in refused.detail


def _instruments() -> dict[str, Any]:
    return {"BTC/USDT": Config().instruments["BTC/USDT"].model_dump()}


def test_a_restart_opens_again_what_the_core_still_wants() -> None:
    before = synthetic()
    before.run(T0)
    before.say(command("start", "LTC/USDT", T0 + 1))
    before.say(command("start", "SOL/USDT", T0 + 1))
    before.run(T0 + S)
    before.say(command("stop", "SOL/USDT", T0 + S))
    assert of(before.run(T0 + 5 * S), "SOL/USDT")  # its market goes on as long as the process lives
    again = synthetic(before.core).run(T0 + S)
    assert {each.symbol for each in again} == {"BTC/USDT", "LTC/USDT"}


def test_a_recording_holds_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    book = {"ets": None, "venue": "binance", "symbol": "BTC/USDT", "type": "book", "snapshot": True}
    sides = {"bids": [[9.9, 1.0]], "asks": [[10.1, 1.0]]}
    lines = [json.dumps({"ts": T0 + n * S, "seq": n + 1, **book, **sides}) for n in range(5)]
    path.write_text("\n".join(lines))
    config = Config.model_validate({"feed": {"kind": "recorded", "paths": [str(path)]}})
    core = MonitorCore(config)
    running = Running(RecordedFeed(config, carried=lambda: core.carried(T0)), core)
    running.run(T0 + 2 * S)
    running.say(command("start", "BTC/USD", T0 + 2 * S, "binance"))
    rest = running.run(T0 + 9 * S)
    (refused,) = (each for each in rest if isinstance(each, FeedRefused))
    assert "did you mean 'BTC/USDT'?" in refused.detail
    assert sum(isinstance(each, FeedBook) for each in rest) == 2


def removal(
    key_symbol: str, at: int, state: KillState = "confirmed", reasons: tuple[str, ...] = (REMOVED,)
) -> KillReport:
    return KillReport(
        event_time_ns=at, venue="synthetic", symbol=key_symbol, state=state, reasons=reasons, began_ns=at
    )


def test_a_removed_symbol_ends_once_no_order_is_left_and_comes_back_by_a_start() -> None:
    running = synthetic()
    running.run(T0 + 5 * S)
    running.say(command("remove", "BTC/USDT", T0 + 5 * S))
    assert of(running.run(T0 + 6 * S), "BTC/USDT")  # it is followed until the proof
    for report in (
        removal("BTC/USDT", T0 + 6 * S, "cancelling"),
        removal("BTC/USDT", T0 + 6 * S, reasons=("RISK_HALT",)),
    ):
        assert running.core.on_event(report) == ()
    (removed,) = running.core.on_event(removal("BTC/USDT", T0 + 6 * S))
    assert isinstance(removed, SymbolRemoved)
    assert removed.command_id == "c-1"
    running.feed.on_event(removed)
    assert running.run(T0 + 60 * S) == []
    assert running.feed.next_due_ns() is not None  # the engine goes on
    running.say(command("start", "BTC/USDT", T0 + 60 * S, command_id="c-2"))
    assert isinstance(running.run(T0 + 61 * S)[0], FeedInstrument)


def test_a_removed_symbol_is_not_opened_in_the_next_session_although_it_is_configured() -> None:
    before = synthetic()
    before.run(T0 + S)
    before.say(command("remove", "BTC/USDT", T0 + S))
    before.core.on_event(removal("BTC/USDT", T0 + S))
    after = synthetic()
    for carried in before.core.carried(T0 + 2 * S):
        after.core.on_event(carried)
    assert after.run(T0 + 60 * S) == []


def test_what_is_on_its_way_when_a_symbol_is_removed_is_no_defect() -> None:
    running = synthetic()
    running.run(T0 + S)
    running.say(command("remove", "BTC/USDT", T0 + S))
    running.core.on_event(removal("BTC/USDT", T0 + S))
    for late in (kit.feed_book({99: 1}, {101: 1}, time_ns=T0 + S), kit.feed_trade(time_ns=T0 + S)):
        assert running.core.on_event(late.model_copy(update={"venue": "synthetic"})) == ()

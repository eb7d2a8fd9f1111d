"""The recorded feed: files to events, and what it says of lines that are no events."""

import gzip
import json
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from monitor_service.core.book import BookState
from monitor_service.core.monitor import MonitorCore
from monitor_service.feeds.instruments import announce
from monitor_service.feeds.recorded import RecordedFeed

from runtime.errors import ConfigError, FeedError
from schemas.config import Config
from schemas.market import FeedBook, FeedInstrument, FeedRefused, FeedTrade, Refusal
from schemas.message import Event
from tests.unit.monitor_service.recorded_files import (
    MS,
    T0,
    TERMS,
    S,
    book,
    config,
    play,
    trade,
    without,
    write,
)


def test_a_book_and_a_trade_become_ticks_and_lots(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", book(seq=4, ets=T0 - MS), trade(T0 + MS))
    instrument, snapshot, print_ = play(path, instruments=TERMS)
    assert isinstance(instrument, FeedInstrument)
    assert (instrument.tick_size, instrument.lot_size) == (Decimal("0.5"), Decimal("0.01"))
    assert isinstance(snapshot, FeedBook)
    assert (snapshot.bid_prices, snapshot.bid_sizes) == ((200, 199), (100, 200))
    assert (snapshot.ask_prices, snapshot.ask_sizes) == ((201,), (150,))
    assert (snapshot.sequence, snapshot.snapshot, snapshot.exchange_time_ns) == (4, True, T0 - MS)
    assert isinstance(print_, FeedTrade)
    assert (print_.price_ticks, print_.size_lots, print_.side, print_.trade_id) == (201, 25, "buy", "7")
    assert (print_.event_time_ns, print_.exchange_time_ns) == (T0 + MS, None)


def test_a_gzip_file_is_read_as_a_plain_one(tmp_path: Path) -> None:
    lines = (book(), trade(T0 + MS))
    plain, packed = write(tmp_path / "a.jsonl", *lines), write(tmp_path / "b.jsonl.gz", *lines)
    assert play(plain) == play(packed)


def test_a_numeric_trade_id_and_an_unknown_taker_are_taken(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", trade(id=7, side=None))
    print_ = play(path, instruments=TERMS)[-1]
    assert isinstance(print_, FeedTrade)
    assert (print_.trade_id, print_.side) == ("7", None)


def test_empty_lines_are_passed_over_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", book(), "", "   ", "nonsense")
    last = play(path)[-1]
    assert isinstance(last, FeedRefused)
    assert last.detail.startswith(f"{path} line 4: ")


BAD_LINES: list[tuple[str, Any, str, str | None, str]] = [
    # what it is, the line, the reason, the kind of event lost, a word of the detail
    ("cut short", '{"ts": 17', "malformed", None, "not JSON"),
    ("not text", b"\xff\xfe\x00", "malformed", None, "not JSON"),
    ("a list", "[1, 2]", "malformed", None, "a list, not an object"),
    ("a number", "12", "malformed", None, "a int, not an object"),
    ("no type", without(book(), "type"), "malformed", None, "type None"),
    ("another type", book(type="funding"), "malformed", None, "'funding' is neither book nor trade"),
    ("no time", without(trade(), "ts"), "malformed", "trade", "ts None"),
    ("time as text", trade(ts="soon"), "malformed", "trade", "ts 'soon'"),
    ("time as truth", trade(ts=True), "malformed", "trade", "ts True"),
    ("time after 2262", trade(ts=10**19), "malformed", "trade", "after 2262"),
    ("symbol of all", book(symbol="*"), "malformed", "book", "symbol '*'"),
    ("time before 1973", trade(ts=5), "malformed", "trade", "time 5"),
    ("no venue", without(book(), "venue"), "malformed", "book", "venue None"),
    ("empty symbol", book(symbol=""), "malformed", "book", "symbol ''"),
    ("symbol as number", book(symbol=3), "malformed", "book", "symbol 3"),
    ("no bids", without(book(), "bids"), "malformed", "book", "bids"),
    ("bids null", book(bids=None), "malformed", "book", "bids None is not a list"),
    ("time after 2262", trade(ts=2**63), "malformed", "trade", "after 2262"),
    ("price beyond floats", '{"price": 1e400, ' + json.dumps(trade())[1:].replace('"price": 100.5, ', ""),
     "bad_price", "trade", "inf"),
    ("size not a number", json.dumps(trade(size=float("nan"))), "bad_size", "trade", "nan"),
    ("no snapshot flag", without(book(), "snapshot"), "malformed", "book", "snapshot"),
    ("snapshot as number", book(snapshot=1), "malformed", "book", "snapshot 1"),
    ("sequence as text", book(seq="first"), "malformed", "book", "sequence 'first'"),
    ("exchange time as text", book(ets="then"), "malformed", "book", "ets 'then'"),
    ("exchange time as truth", trade(ets=True), "malformed", "trade", "ets True"),
    ("no trade id", without(trade(), "id"), "malformed", "trade", "id"),
    ("trade id null", trade(id=None), "malformed", "trade", "id None"),
    ("trade id empty", trade(id=""), "malformed", "trade", "id ''"),
    ("trade price as words", trade(price="a lot"), "malformed", "trade", "price 'a lot' is not a number"),
    ("trade price with a gap", trade(price="1_0.5"), "malformed", "trade", "price '1_0.5' is not a number"),
    ("trade price off tick as text", trade(price="100.7"), "off_tick", "trade", "'100.7'"),
    ("time infinite", json.dumps(trade(ts=float("inf"))), "malformed", "trade", "ts inf is not a UNIX time"),
    ("most levels off tick", book(bids=[[100.3, 1], [100.2, 1], [100.1, 1], [99.5, 1]]),
     "off_tick", "book", "100.3"),
    ("no trade price", without(trade(), "price"), "malformed", "trade", "price"),
    ("trade price zero", trade(price=0), "bad_price", "trade", "must be positive"),
    ("trade size zero", trade(size=0), "bad_size", "trade", "must be positive"),
    ("trade size negative", trade(size=-0.25), "bad_size", "trade", "-0.25"),
    ("trade price off tick", trade(price=100.7), "off_tick", "trade", "100.7"),
    ("trade size off lot", trade(size=0.001), "off_lot", "trade", "0.001"),
    ("another side", trade(side="hold"), "malformed", "trade", "side 'hold'"),
]  # fmt: skip
BAD_NAMES = [each[0] for each in BAD_LINES]


@pytest.mark.parametrize(("line", "reason", "lost", "word"), [each[1:] for each in BAD_LINES], ids=BAD_NAMES)
def test_a_bad_line_is_refused_by_file_and_line(
    tmp_path: Path, line: Any, reason: str, lost: str | None, word: str
) -> None:
    path = write(tmp_path / "a.jsonl", book(), line, trade(T0 + S))
    _, first, refused, last = play(path, instruments=TERMS)
    assert isinstance(first, FeedBook)
    assert isinstance(refused, FeedRefused)
    assert refused.detail.startswith(f"{path} line 2: ")
    assert word in refused.detail
    assert (refused.reason, refused.event_type) == (reason, lost)
    assert refused.event_time_ns == T0, "it counts at its own time, or at that of the line before"
    assert isinstance(last, FeedTrade), "what follows is read"


@pytest.mark.parametrize("line", [each[1] for each in BAD_LINES], ids=BAD_NAMES)
def test_a_bad_line_ends_the_run_where_that_is_asked_for(tmp_path: Path, line: Any) -> None:
    path = write(tmp_path / "a.jsonl", book(), line, trade(T0 + S))
    with pytest.raises(FeedError, match=r"line 2: .*--on-malformed skip"):
        play(path, instruments=TERMS, on_malformed="fail")


def test_sound_files_are_played_whole_where_bad_lines_end_the_run(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", book(), trade(T0 + S))
    assert len(play(path, on_malformed="fail")) == 3


def test_a_file_may_begin_with_a_bad_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", "nonsense", book())
    events = play(path)
    assert [type(each) for each in events] == [FeedInstrument, FeedRefused, FeedBook]
    assert {each.event_time_ns for each in events} == {T0}, "time begins with the recording, not with 1970"


def test_a_refusal_names_the_symbol_where_it_is_a_known_one(tmp_path: Path) -> None:
    lines = (book(), book(bids=None), book(venue=None), "nonsense")
    path = write(tmp_path / "a.jsonl", *lines)
    refused = [each for each in play(path, instruments=TERMS) if isinstance(each, FeedRefused)]
    assert [(each.venue, each.symbol) for each in refused] == [
        ("binance", "BTC/USDT"),
        ("recorded", "*"),
        ("recorded", "*"),
    ]


def test_a_gzip_file_that_was_cut_off_ends_the_run_with_its_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl.gz", *(book(T0 + each, seq=each) for each in range(2_000)))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(FeedError, match=r"a\.jsonl\.gz cannot be read to its end"):
        play(path)


@pytest.mark.parametrize("damage", ["not gzip at all", "one byte changed", "a piece overwritten"])
def test_a_damaged_gzip_file_ends_the_run_with_its_name(tmp_path: Path, damage: str) -> None:
    path = write(tmp_path / "a.jsonl.gz", *(book(T0 + each, seq=each) for each in range(2_000)))
    data = path.read_bytes()
    middle = len(data) // 2
    damaged = {
        "not gzip at all": b"plain text",
        "one byte changed": data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :],
        "a piece overwritten": data[:10] + b"\xff" * 8 + data[18:],
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(FeedError, match=r"a\.jsonl\.gz cannot be read to its end"):
        play(path)


def test_two_files_are_merged_by_receive_time(tmp_path: Path) -> None:
    one = write(tmp_path / "a.jsonl", book(T0), trade(T0 + 20 * MS), trade(T0 + 40 * MS, id="8"))
    two = write(
        tmp_path / "b.jsonl.gz", book(T0 + 10 * MS, symbol="ETH/USDT"), book(T0 + 30 * MS, symbol="ETH/USDT")
    )
    events = play(one, two)
    assert [type(each) for each in events[:2]] == [FeedInstrument, FeedInstrument]
    assert {each.event_time_ns for each in events[:2]} == {T0}, "all instruments come before the first event"
    rest = [(each.event_time_ns - T0, each.symbol) for each in events[2:]]
    assert rest == [
        (0, "BTC/USDT"),
        (10 * MS, "ETH/USDT"),
        (20 * MS, "BTC/USDT"),
        (30 * MS, "ETH/USDT"),
        (40 * MS, "BTC/USDT"),
    ]


def test_a_folder_stands_for_the_recordings_in_it(tmp_path: Path) -> None:
    one = write(tmp_path / "a.jsonl", book(T0))
    two = write(tmp_path / "b.jsonl.gz", book(T0 + S, symbol="ETH/USDT"))
    (tmp_path / "notes.txt").write_text("not a recording")
    assert play(tmp_path) == play(one, two)


def test_one_symbol_in_two_files_is_announced_once(tmp_path: Path) -> None:
    one = write(tmp_path / "a.jsonl", book(T0))
    two = write(tmp_path / "b.jsonl", trade(T0 + S))
    assert [type(each) for each in play(one, two)] == [FeedInstrument, FeedBook, FeedTrade]


def test_an_event_is_not_taken_before_its_time(tmp_path: Path) -> None:
    feed = RecordedFeed(config(write(tmp_path / "a.jsonl", book(T0), trade(T0 + S))))
    assert list(feed.poll_due(T0 - 1)) == []
    assert len(list(feed.poll_due(T0))) == 2
    assert list(feed.poll_due(T0 + S - 1)) == []
    assert feed.next_due_ns() == T0 + S
    feed.on_event(Event(event_time_ns=T0))
    assert len(list(feed.poll_due(T0 + S))) == 1
    assert feed.next_due_ns() is None
    assert list(feed.poll_due(T0 + 9 * S)) == []
    feed.close()


def test_a_line_far_ahead_of_those_around_it_has_a_wrong_time(tmp_path: Path) -> None:
    hour_ahead = book(T0 + 3_600 * S, snapshot=False)
    path = write(tmp_path / "a.jsonl", book(), hour_ahead, trade(T0 + S), trade(T0 + 5 * S, id="8"))
    _, first, refused, *rest = play(path)
    assert isinstance(first, FeedBook)
    assert isinstance(refused, FeedRefused)
    assert (refused.reason, refused.event_type, refused.event_time_ns) == ("malformed", "book", T0)
    assert "line 2: its time lies 3599.000 s ahead" in refused.detail
    assert [each.event_time_ns - T0 for each in rest] == [S, 5 * S], "silences are not outliers"


def test_a_clock_that_was_set_back_is_left_to_the_core_to_judge(tmp_path: Path) -> None:
    times = [0, 10 * S, 11 * S, 2 * S, 3 * S]
    path = write(tmp_path / "a.jsonl", *(trade(T0 + each, id=str(each)) for each in times))
    assert [each.event_time_ns - T0 for each in play(path)[1:]] == times


def test_lines_out_of_order_keep_their_own_times(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", book(T0 + S), trade(T0), trade(T0 + 2 * S, id="8"))
    assert [each.event_time_ns - T0 for each in play(path)[1:]] == [S, 0, 2 * S]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.jsonl does not exist"):
        play(tmp_path / "nowhere.jsonl")


def test_a_folder_without_recordings_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a recording")
    with pytest.raises(ConfigError, match=r"contains no file that ends in \.jsonl"):
        play(tmp_path)


def test_no_path_at_all_asks_for_one() -> None:
    with pytest.raises(ConfigError, match="--path FILE"):
        play()


@pytest.mark.parametrize("lines", [(), ("",), ("nonsense", "[]")])
def test_a_file_without_any_event_is_named(tmp_path: Path, lines: tuple[str, ...]) -> None:
    path = write(tmp_path / "empty.jsonl", *lines)
    with pytest.raises(ConfigError, match=r"empty\.jsonl: contains no market event"):
        play(path)
    with pytest.raises(ConfigError, match=r"empty\.jsonl: contains no market event"):
        play(write(tmp_path / "sound.jsonl", book()), path)


def test_a_contract_of_a_perpetual_is_named_by_its_quote_currency() -> None:
    terms = {"BTC/USDT:USDT": {"tick_size": "0.1", "lot_size": "0.001"}}
    instrument = announce("binanceusdm", "BTC/USDT:USDT", config(instruments=terms), T0)
    assert (instrument.base_currency, instrument.quote_currency) == ("BTC", "USDT")


RECORDINGS = (
    "binance_spot_btcusdt_20240808",
    "binance_spot_ethusdt_20240808",
    "binance_usdm_btcusdt_20240808",
    "bitstamp_btcusd_20150501",
    "coinbase_btcusd_20180417",
    "lean_ibm_20131008_l1",
)


@pytest.mark.recorded
@pytest.mark.parametrize(
    "lines", [3_000, pytest.param(10**9, marks=pytest.mark.slow)], ids=["begin", "whole"]
)
@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording_is_taken_whole_and_each_snapshot_finds_the_book_as_it_says(
    recordings: Path, tmp_path: Path, name: str, lines: int
) -> None:
    with gzip.open(recordings / f"{name}.jsonl.gz", "rb") as file:
        texts = list(islice(file, lines))
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b"".join(texts))
    core, book_state = MonitorCore(Config()), BookState()
    events = play(path, on_malformed="fail")
    assert len(events) == len(texts) + 1
    for event in events:
        assert not [each for each in core.on_event(event) if isinstance(each, Refusal)]
        if not isinstance(event, FeedBook):
            continue
        if event.snapshot and book_state.status != "building":
            assert book_state.best_bids(1_000) == (event.bid_prices, event.bid_sizes)
            assert book_state.best_asks(1_000) == (event.ask_prices, event.ask_sizes)
        assert book_state.accept(event) is None

"""A feed faster than the engine: it is said, books are conflated, nobody starves, and a replay agrees."""

from pathlib import Path

import pytest

from maker.engine import RunOptions, run_engine
from runtime.log.reading import read_log
from schemas.config import Config
from schemas.market import Book, FeedBook, FeedTrade, MarketLag, Trade
from schemas.message import SymbolEvent
from schemas.orders import OrderEvent
from schemas.quoting import QuoteTarget
from schemas.risk import RiskAlert
from tests.kit.crowd import CROWDED, Crowd, CrowdFeed, quiet_symbols
from tests.system.conftest import Maker

pytestmark = pytest.mark.slow

CROWD = Crowd(quiet=99, updates_per_s=9_000, lasts_s=8.0, trades_at_s=3.0, trades=4_000)
LAG_MS_MAX = 200.0


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a run in that market, to its end."""
    folder = tmp_path_factory.mktemp("overload") / "log"
    config = Config.model_validate(
        {
            "engine": {"log_dir": str(folder)},
            "market_data": {"lag_ms_max": LAG_MS_MAX},
            "feed": {"symbols": {}},
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "monitor_service.service.RealTimeFeed",
            lambda feed, now_ns, lag_ms_max: CrowdFeed(CROWD, now_ns, lag_ms_max),
        )
        run_engine(config, RunOptions(gateway=False))
    return folder


@pytest.fixture(scope="module")
def messages(log: Path) -> list[SymbolEvent]:
    """All messages about symbols, in order."""
    found = [each.decoded().message for each in read_log(log)]
    return [each for each in found if isinstance(each, SymbolEvent)]


def of(messages: list[SymbolEvent], kind: type[SymbolEvent], symbol: str = CROWDED) -> list[SymbolEvent]:
    return [each for each in messages if type(each) is kind and each.symbol == symbol]


def test_books_are_conflated_and_end_as_the_market_does(messages: list[SymbolEvent]) -> None:
    updates = of(messages, FeedBook)
    sent = int(CROWD.lasts_s * CROWD.updates_per_s)
    assert len(updates) < sent / 2
    last = of(messages, Book)[-1]
    assert isinstance(last, Book)
    assert (last.status, last.bid_sizes[1]) == ("live", sent)


def test_no_trade_is_dropped(messages: list[SymbolEvent]) -> None:
    for kind in (FeedTrade, Trade):
        assert len(of(messages, kind)) == CROWD.trades


def test_it_is_said_with_figures_and_one_alert(messages: list[SymbolEvent]) -> None:
    reports = [each for each in messages if isinstance(each, MarketLag) and each.symbol == CROWDED]
    assert sum(each.conflated for each in reports) > CROWD.updates_per_s
    alerts = [each for each in messages if isinstance(each, RiskAlert) and each.symbol == CROWDED]
    assert [each.name for each in alerts].count("FEED_OVERLOAD") == 1


def test_quotes_are_pulled_while_data_waits_for_too_long_and_come_back(messages: list[SymbolEvent]) -> None:
    targets = [each for each in messages if isinstance(each, QuoteTarget) and each.symbol == CROWDED]
    states = [(target.bid.not_quoting_because or "") == "BOOK_LAGGING" for target in targets]
    assert True in states
    assert [target for target in targets[states.index(True) :] if target.bid.prices]
    began_ns = targets[states.index(True)].event_time_ns
    pulled = [
        each
        for each in messages
        if isinstance(each, OrderEvent) and each.symbol == CROWDED and each.kind == "cancel_intent"
    ]
    assert any(each.event_time_ns >= began_ns for each in pulled)


def test_quiet_symbols_are_served_while_the_crowd_waits(messages: list[SymbolEvent]) -> None:
    trades = [number for number, each in enumerate(messages) if isinstance(each, FeedTrade)]
    crowd = messages[trades[0] : trades[-1]]
    served = {each.symbol for each in crowd if isinstance(each, Book) and each.status == "live"}
    assert served >= set(quiet_symbols(CROWD))
    lagging = {each.symbol for each in messages if isinstance(each, Book) and each.status == "lagging"}
    assert lagging == {CROWDED}


def test_a_replay_repeats_it(log: Path, messages: list[SymbolEvent], maker: Maker) -> None:
    assert messages
    replayed = maker("replay", log)
    assert replayed.code == 0, replayed.out

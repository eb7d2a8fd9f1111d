"""A generated market in real time does not wait for an engine that is late."""

from monitor_service.feeds.real_time import RealTimeFeed
from monitor_service.feeds.synthetic import SyntheticFeed

from schemas.config import Config
from schemas.market import FeedBook
from schemas.units import NS_PER_MS, NS_PER_S
from tests.kit.messages import T0


class Late:
    """A feed of two symbols, and an engine whose clock is set by hand."""

    def __init__(self) -> None:
        usual = Config().feed.model_dump(mode="json")["symbols"]
        symbols = {
            "BTC/USDT": usual["BTC/USDT"] | {"updates_per_s": 1_000.0},
            "ETH/USDT": usual["ETH/USDT"],
        }
        config = Config.model_validate({"feed": {"symbols": symbols}})
        self.now_ns = T0
        self.feed = RealTimeFeed(SyntheticFeed(config, T0), lambda: self.now_ns, 1_000)

    def books(self, symbol: str) -> int:
        """Book updates of a symbol in one turn."""
        taken = self.feed.poll_due(self.now_ns)
        return sum(isinstance(event, FeedBook) and event.symbol == symbol for event in taken)


def test_in_time_it_is_the_generated_feed() -> None:
    late = Late()
    plain = Late().feed._feed
    for _ in range(200):
        due_ns = late.feed.next_due_ns()
        assert due_ns is not None
        assert due_ns == plain.next_due_ns()
        late.now_ns = due_ns
        assert list(late.feed.poll_due(due_ns)) == list(plain.poll_due(due_ns))


def test_late_it_gives_a_book_of_each_symbol_and_says_how_late() -> None:
    late = Late()
    late.feed.poll_due(T0)
    late.now_ns = T0 + 300 * NS_PER_MS
    assert late.books("BTC/USDT") == 1
    assert late.feed.lag(late.now_ns).records == 0
    late.now_ns += NS_PER_S
    due_ns = late.feed.next_due_ns()
    assert due_ns is not None
    assert due_ns < late.now_ns - NS_PER_S // 2
    assert late.books("ETH/USDT") == 1


def test_numbers_have_no_gap_however_often_it_is_late() -> None:
    """Late at the start, in time for a while, late again: what is not queued is numbered like what is."""
    late = Late()
    numbers: dict[str, list[int]] = {"BTC/USDT": [], "ETH/USDT": []}
    for pause_ms in (400, *[1] * 300, 500, *[1] * 300, 200, *[1] * 50):
        late.now_ns += pause_ms * NS_PER_MS
        while (due_ns := late.feed.next_due_ns()) is not None and due_ns <= late.now_ns:
            for event in late.feed.poll_due(late.now_ns):
                if isinstance(event, FeedBook) and event.sequence is not None:
                    numbers[event.symbol].append(event.sequence)
    for found in numbers.values():
        assert found == list(range(found[0], found[0] + len(found)))
    assert len(numbers["BTC/USDT"]) > 300

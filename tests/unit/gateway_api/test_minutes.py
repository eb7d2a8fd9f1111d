"""Statistics by minute, from the topic to /maker/performance."""

from typing import Any

from gateway_api.projector.core.minutes import MINUTES_MAX
from gateway_api.projector.core.views import ProjectorCore

from runtime.store.documents import MemoryStore, StoreStatus
from schemas.config import Config
from schemas.envelope import decode
from schemas.statistics import MINUTE_NS, MinuteStatistics
from schemas.views import MINUTES_PREFIX, MinutesView
from tests.unit.gateway_api.conftest import Client, Engine

START_NS = 1_700_000_040 * 1_000_000_000
KEY = "synthetic:BTC/USDT"


def minute(number: int, version: int, **fields: Any) -> MinuteStatistics:
    start_ns = START_NS + number * MINUTE_NS
    counts = dict.fromkeys(
        (name for name in MinuteStatistics.model_fields if name not in ("venue", "symbol", "event_time_ns")),
        0,
    )
    known = {"window_start_ns": start_ns, "version": version, "spread_bps": 2.5, "fills_per_quoting_s": None}
    about = {"event_time_ns": start_ns + 1, "venue": "synthetic", "symbol": "BTC/USDT"}
    return MinuteStatistics.model_validate({**counts, **about, **known, **fields})


def told(core: ProjectorCore) -> tuple[MinuteStatistics, ...]:
    return decode(MinutesView, core.pop_changed()[MINUTES_PREFIX + KEY]).minutes


def test_of_one_minute_the_highest_version_counts() -> None:
    core = ProjectorCore(Config())
    core.on_event(minute(0, 3, trades=3))
    core.on_event(minute(0, 9, trades=8))
    core.on_event(minute(0, 4, trades=4))
    [known] = told(core)
    assert (known.version, known.trades) == (9, 8)
    core.on_event(minute(0, 9, trades=7))
    assert MINUTES_PREFIX + KEY not in core.pop_changed()


def test_an_hour_is_kept_in_order() -> None:
    core = ProjectorCore(Config())
    for number in (*range(5, MINUTES_MAX + 10), 2, 0):
        core.on_event(minute(number, 1))
    known = told(core)
    assert [each.window_start_ns for each in known] == [
        START_NS + number * MINUTE_NS for number in range(10, MINUTES_MAX + 10)
    ]


def test_a_new_store_gets_everything() -> None:
    core = ProjectorCore(Config())
    core.on_event(minute(0, 1))
    told(core)
    core.mark_all_dirty()
    assert len(told(core)) == 1


def test_performance_shows_the_minutes(trading: Engine, client_of: type[Client]) -> None:
    asked = "/api/v1/maker/performance/BTC/USDT"
    assert client_of(trading).get(asked).json()["minutes"] == []
    trading.take(minute(0, 4, trades=12, spread_bps=3.25))
    [shown] = client_of(trading).get(asked).json()["minutes"]
    assert shown["start"] == "2023-11-14T22:14:00.000000000Z"
    assert (shown["trades"], shown["spread_bps"]) == (12, 3.25)


class Shaky(MemoryStore):
    """A store whose state a test sets."""

    state: StoreStatus = StoreStatus("live", 0)

    def status(self) -> StoreStatus:
        return self.state


def test_every_answer_says_how_far_it_can_be_relied_on(trading: Engine, client_of: type[Client]) -> None:
    shaky = Shaky()
    shaky.put({name: trading.store.get(name) or b"" for name in trading.store.names("")})
    trading.store = shaky
    client = client_of(trading)
    assert client.get("/api/v1/maker/active").headers["maker-view"] == "live"
    assert client.get("/health/ready").status_code == 200
    shaky.state = StoreStatus("stale", 3_100)
    answer = client.get("/api/v1/maker/active")
    assert answer.headers["maker-view"] == "partial; store=stale; age_ms=3100"
    assert answer.json()["count"] == 1
    shaky.state = StoreStatus("away", None)
    assert client.get("/api/v1/maker/active").headers["maker-view"] == "partial; store=away"
    refused = client.get("/health/ready")
    assert (refused.status_code, refused.json()["code"]) == (503, "store_away")
    assert client.get("/health/live").status_code == 200

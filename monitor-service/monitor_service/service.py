"""Process monitor-service: a feed to market facts."""

from monitor_service.core.monitor import MonitorCore
from monitor_service.feeds.real_time import RealTimeFeed
from monitor_service.feeds.recorded import RecordedFeed
from monitor_service.feeds.synthetic import SyntheticFeed
from runtime.process.definition import Adapter, AdapterContext, ProcessDefinition
from schemas.topics import MONITOR
from schemas.units import NS_PER_MS

TICK_INTERVAL_NS = 500 * NS_PER_MS
"""Often enough to notice a stale book well within a second."""


def make_feed(context: AdapterContext) -> Adapter:
    """The configured feed."""
    if context.config.feed.kind == "recorded":
        return RecordedFeed(context.config, carried=context.carried)
    if context.config.feed.kind == "live":
        from monitor_service.feeds.live.feed import LiveFeed  # noqa: PLC0415  it loads ccxt

        return LiveFeed(context)
    synthetic = SyntheticFeed(context.config, context.start_time_ns, context.serves, context.carried)
    if context.config.feed.speed != 1.0:
        return synthetic  # time may wait for the engine
    return RealTimeFeed(synthetic, context.now_ns, context.config.market_data.lag_ms_max)


definition = ProcessDefinition(
    name=MONITOR,
    make_core=MonitorCore,
    tick_interval_ns=lambda config: TICK_INTERVAL_NS,
    make_adapter=make_feed,
    is_on_path=True,
)

"""What risk-service tells people of a feed that is too fast, and of a symbol that was removed."""

from schemas.market import MarketLag, SymbolRemoved
from schemas.risk import RiskAlert
from schemas.units import NS_PER_S
from tests.kit.messages import BTC, T0, VENUE, instrument, position
from tests.unit.risk_service.risk_cores import alerts, core


def lag(second: int, conflated: int) -> MarketLag:
    return MarketLag(
        event_time_ns=T0 + second * NS_PER_S,
        venue=VENUE,
        symbol=BTC,
        lag_ms=521,
        left_ms=0,
        conflated=conflated,
    )


def test_an_overload_is_alerted_once_until_it_was_over_for_a_minute() -> None:
    made = core(BTC)
    said = [
        alerts(made.on_event(lag(second, count)))
        for second, count in ((0, 900), (1, 800), (2, 0), (50, 9), (111, 7))
    ]
    assert said == [["FEED_OVERLOAD"], [], [], [], ["FEED_OVERLOAD"]]


def test_a_removal_tells_what_is_held() -> None:
    made = core(BTC)
    removed = SymbolRemoved(event_time_ns=T0, venue=VENUE, symbol=BTC, command_id="c1")
    (flat,) = made.on_event(removed)
    assert isinstance(flat, RiskAlert)
    assert (flat.name, flat.severity) == ("REMOVED", "info")
    assert "nothing is held" in flat.message
    made.on_event(instrument())
    made.on_event(position(5))
    (held,) = made.on_event(removed)
    assert isinstance(held, RiskAlert)
    assert held.severity == "warning"
    assert "still held" in held.message

"""Client order ids that were used before: fills of old orders were booked as new ones.

What happened: with each new log folder the numbers in client order ids began again. A session had an
order of one id filled; the next one, on a new log, lost its first requests before the exchange saw them,
asked for the order by the same id, was told of the old filled one, and booked six fills that were not
its own.

What was wrong: an id was unique within a log, and the exchange's answer was believed because the id was
right.

What holds it now: an id counts on from the time at which the session began, and an answer counts only if
symbol, side, price, size and time of creation are those of the order that was sent.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quote_service.routing.orders.client_ids import client_order_id, count_from, id_prefix
from quote_service.routing.venues.exchange.client import venue_client_ids_of
from quote_service.routing.venues.exchange.tracker import CREATED_MARGIN_S

from runtime.errors import ConfigError
from schemas.config import Config
from schemas.deployment import ExchangeSettings
from schemas.process import ConfigApplied
from schemas.units import NS_PER_S
from schemas.venues import VENUES, VenueId
from tests.kit.messages import KEY, config_applied
from tests.unit.quote_service.routing.builders import Desk, wide_config
from tests.unit.quote_service.routing.exchange.sender_world import ID, NOW_NS, World, run


def real() -> Config:
    base = wide_config().model_dump()
    base |= {"venue": {"kind": "ccxt"}, "feed": {"kind": "live"}}
    base |= {"exchange": {"id": "binance", "symbols": (KEY.partition(":")[2],)}}
    return Config.model_validate(base)


def began(config: Config, time_ns: int) -> ConfigApplied:
    return config_applied(config, time_ns=time_ns)


def ids_of_a_session(config: Config, began_ns: int) -> list[str]:
    desk = Desk(config)
    desk.send(began(config, began_ns))
    return [desk.symbol.orders.new_client_order_id("buy", 0) for _ in range(20)]


class TestIds:
    @given(
        began_ns=st.integers(NOW_NS, NOW_NS + 10**9 * NS_PER_S),
        orders=st.integers(1, 10**6),
        pause_s=st.integers(1, 10**6),
    )
    def test_no_id_of_a_new_log_was_given_by_the_one_before(
        self, began_ns: int, orders: int, pause_s: int
    ) -> None:
        """As long as a symbol sends fewer than 100 new orders a second, which no exchange grants."""
        lasted_ns = max(pause_s * NS_PER_S, orders * NS_PER_S // 99)
        last = count_from(began_ns) + orders
        assert count_from(began_ns + lasted_ns) >= last - 1

    def test_sessions_on_new_logs_share_no_id(self) -> None:
        config = real()
        first = ids_of_a_session(config, NOW_NS)
        second = ids_of_a_session(config, NOW_NS + 60 * NS_PER_S)
        assert len({*first, *second}) == len(first) + len(second)

    def test_a_log_that_is_gone_on_with_counts_on_though_its_clock_went_back(self) -> None:
        config = real()
        desk = Desk(config)
        desk.send(began(config, NOW_NS))
        before = desk.symbol.orders.new_client_order_id("buy", 0)
        desk.send(began(config, NOW_NS - 3_600 * NS_PER_S))
        assert desk.symbol.orders.new_client_order_id("buy", 0) != before
        assert desk.symbol.orders.ids_given > count_from(NOW_NS)

    def test_at_a_simulated_venue_too_a_router_that_lost_its_state_gives_other_ids(self) -> None:
        """The venue forgets them, and the other processes do not."""
        first = ids_of_a_session(wide_config(), NOW_NS)
        second = ids_of_a_session(wide_config(), NOW_NS + NS_PER_S)
        assert len({*first, *second}) == len(first) + len(second)

    @pytest.mark.parametrize("venue_id", list(VENUES))
    def test_ids_fit_for_twenty_years_or_the_prefix_is_refused(self, venue_id: VenueId) -> None:
        count = count_from(NOW_NS + 20 * 365 * 86_400 * NS_PER_S)
        order_id = client_order_id(id_prefix(KEY), "sell", 9, count)
        venue_order = venue_client_ids_of(ExchangeSettings(id=venue_id)).to_venue(order_id, 36**2)
        assert len(venue_order) <= VENUES[venue_id].client_id_length_max
        if venue_id == "kraken":
            with pytest.raises(ConfigError, match="use 2 at most"):
                venue_client_ids_of(ExchangeSettings(id=venue_id, order_prefix="desk"))


class TestReusedIds:
    def test_an_old_order_that_had_this_id_is_not_the_one_that_was_lost(self) -> None:
        async def test() -> None:
            world = World(["lost_before"])
            venue_client_id = world.registry.ids.to_venue(ID, 0)
            old = world.exchange._open(venue_client_id, "buy", 100, 10)
            old.status, old.filled, old.created_ms = "closed", 10, 1
            await world.intend("place_intent", ticks=100, lots=10)
            assert world.kinds == ["unknown", "rejected"]
            assert world.booked_lots == 0

        run(test)

    @pytest.mark.parametrize("other", [{"ticks": 99}, {"lots": 11}, {"side": "sell"}])
    def test_price_size_and_side_have_to_be_those_that_were_asked_for(self, other: dict[str, Any]) -> None:
        async def test() -> None:
            world = World(["lost_before"])
            asked: dict[str, Any] = {"side": "buy", "ticks": 100, "lots": 10} | other
            world.exchange._open(world.registry.ids.to_venue(ID, 0), **asked)
            await world.intend("place_intent", ticks=100, lots=10)
            assert world.kinds == ["unknown", "rejected"]

        run(test)

    def test_the_venues_clock_may_be_off_by_what_was_measured(self) -> None:
        async def test() -> None:
            world = World(["lost_after"])
            world.registry.clock_offset_s = -3_600.0
            world.exchange.clock_offset_s = -3_600.0
            await world.intend("place_intent")
            assert world.kinds == ["unknown", "accepted"]

        run(test)

    def test_an_amend_in_place_may_stand_at_either_price(self) -> None:
        async def test() -> None:
            for fault in ("lost_before", "lost_after"):
                world = World(["none", fault], "okx")
                await world.intend("place_intent", ticks=100)
                await world.intend("amend_intent", ticks=101)
                await world.intend("cancel_intent")
                assert world.kinds[-1] == "cancelled"

        run(test)

    def test_the_margin_is_small_against_the_time_between_two_sessions(self) -> None:
        assert CREATED_MARGIN_S <= 2

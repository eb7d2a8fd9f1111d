"""Whose is an order? Ids may have been used before, numbers count by symbol, a prefix is ours everywhere."""

import asyncio
from typing import Any

from quote_service.routing.venues.exchange.facts import trade_facts

from schemas.units import NS_PER_MS
from tests.unit.quote_service.routing.exchange.fake_exchange import CONTRACT
from tests.unit.quote_service.routing.exchange.sender_world import ID, NOW_NS, World, run


def trade(symbol: str, trade_id: str, venue_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": trade_id,
        "order": venue_id,
        "symbol": symbol,
        "side": "buy",
        "price": 1.0,
        "amount": 0.004,
        "takerOrMaker": "maker",
        "fee": {},
    } | fields


class TestTrades:
    def test_the_same_numbers_on_two_symbols_are_two_trades_of_two_orders(self) -> None:
        async def test() -> None:
            world = World(["lost_after"])
            other = CONTRACT._replace(key="binance:ETH/USDT", symbol="ETH/USDT")
            placing = asyncio.create_task(world.intend("place_intent", lots=10))
            while not world.exchange.held:
                await asyncio.sleep(0)
            world.registry.book(other, trade_facts(trade("ETH/USDT", "7", "1"), other))
            world.registry.book(CONTRACT, trade_facts(trade("BTC/USDT", "7", "1"), CONTRACT))
            await placing
            assert [report.symbol for report in world.reports if report.kind == "fill"] == ["BTC/USDT"]
            assert [contract.symbol for contract, _ in world.registry.unmatched_trades()] == ["ETH/USDT"]

        run(test)

    def test_what_an_order_of_an_earlier_log_traded_before_this_one_began_is_not_told(self) -> None:
        async def test() -> None:
            world = World()
            world.began_ns = NOW_NS
            await world.intend("place_intent", lots=10)
            before, after = NOW_NS // NS_PER_MS - 1, NOW_NS // NS_PER_MS + 1
            for number, time_ms in ((1, before), (2, after)):
                told = trade("BTC/USDT", str(number), "1", timestamp=time_ms)
                world.registry.book(CONTRACT, trade_facts(told, CONTRACT))
            fills = [report for report in world.reports if report.kind == "fill"]
            assert [fill.venue_trade_id for fill in fills] == ["2"]
            assert fills[0].executed_ns == after * NS_PER_MS
            tracked = world.registry.get(ID)
            assert tracked is not None
            assert tracked.newest.booked_lots == 8

        run(test)

    def test_no_trade_of_an_order_of_this_log_is_lost_though_the_venues_clock_was_set_back(self) -> None:
        async def test() -> None:
            world = World()
            world.began_ns = 1
            await world.intend("place_intent", lots=10)
            told = trade("BTC/USDT", "1", "1", timestamp=0)
            world.registry.book(CONTRACT, trade_facts(told, CONTRACT))
            assert world.booked_lots == 4

        run(test)

    def test_an_earlier_logs_trade_goes_by_the_clock_of_the_start(self) -> None:
        """The venue's clock is set back later: what was traded before the start did not come after it."""

        async def test() -> None:
            world = World()
            world.began_ns = NOW_NS
            world.registry.observe_clock(0.0)
            world.registry.observe_clock(-5.0)
            await world.intend("place_intent", lots=10)
            told = trade("BTC/USDT", "1", "1", timestamp=NOW_NS // NS_PER_MS - 1_000)
            world.registry.book(CONTRACT, trade_facts(told, CONTRACT))
            assert world.booked_lots == 0

        run(test)

    def test_what_an_earlier_life_told_is_not_told_again_and_ends_its_order_all_the_same(self) -> None:
        async def test() -> None:
            world = World()
            world.registry.add_known_trades("BTC/USDT", ["t1"])
            await world.intend("place_intent", lots=10)
            world.exchange.fill("1", 4, streamed=False)
            await world.intend("cancel_intent")
            assert world.kinds == ["accepted", "cancelled"]

        run(test)

"""What is ours on the account is withdrawn until the venue shows none, by whatever answers it gives."""

import asyncio
from typing import Any

import pytest
from quote_service.routing.venues.exchange import account_orders as sweep_module
from quote_service.routing.venues.exchange.account_orders import sweep
from quote_service.routing.venues.exchange.outcomes import HeldBackError, NoAnswerError

from runtime.process.unrecorded_cancel import CancelResult
from tests.unit.quote_service.routing.exchange.fake_exchange import Fault, Held
from tests.unit.quote_service.routing.exchange.sender_world import World, run


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_module, "_EMPTY_INTERVAL_S", 0.0)


def world_with_orders(faults: list[Fault]) -> tuple[World, list[Held]]:
    world = World(faults)
    placed = [
        world.exchange._open(venue_order, "buy", 100 - number, 5)
        for number, venue_order in enumerate(
            ("mm38d0b5b0X7", "mm38d0b5b1X8R2", "mmffffffa0X9", "somebody-else")
        )
    ]
    placed[2].symbol = "DOGE/USDT"
    return world, placed


@pytest.mark.parametrize("fault", ["none", "lost_before", "lost_after", "held_back", "late", "refuse"])
def test_ours_is_withdrawn_on_every_symbol_and_a_strangers_is_left(fault: Fault) -> None:
    async def test() -> None:
        world, placed = world_with_orders([fault, fault])
        swept = await sweep(world.rest_client, 10.0)
        assert [held.status for held in placed] == ["canceled"] * 3 + ["open"]
        assert swept.is_proven
        assert swept.left == ()
        assert {order.symbol for order in swept.cancelled} == {"BTC/USDT", "DOGE/USDT"}

    run(test)


def test_an_order_that_a_list_showed_late_is_withdrawn_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists lag behind matching: one that shows nothing is no proof."""

    async def test() -> None:
        world, placed = world_with_orders([])
        answers = iter([[], [placed[0].unified()]])

        async def lagging() -> list[dict[str, Any]]:
            return next(answers, [])

        monkeypatch.setattr(world.exchange, "fetch_open_orders", lagging)
        swept = await sweep(world.rest_client, 10.0)
        assert swept.is_proven
        assert placed[0].status == "canceled"

    run(test)


def test_without_an_answer_nothing_is_proven_and_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        world, _ = world_with_orders([])

        async def away() -> list[object]:
            raise OSError("no route to host")

        monkeypatch.setattr(world.exchange, "fetch_open_orders", away)
        swept = await sweep(world.rest_client, 0.3)
        assert not swept.is_proven
        assert "no route to host" in swept.failure

    run(test)


def test_the_last_line_says_what_may_be_left() -> None:
    told = CancelResult("binance", "mm", ("BTC/USDT a",), (), is_proven=False, failure="no answer").as_text()
    assert told == (
        "1 orders with the prefix mm cancelled at binance; it has not confirmed whether any is left "
        "(no answer): check there; `maker cancel-all --config FILE` shows and cancels them"
    )
    told = CancelResult("binance", "mm", (), ("BTC/USDT a",), is_proven=False, failure="").as_text()
    assert "1 of them may be left open: BTC/USDT a" in told
    many = tuple(f"BTC/USDT {number}" for number in range(25))
    told = CancelResult("binance", "mm", (), many, is_proven=False, failure="").as_text()
    assert "25 of them may be left open: BTC/USDT 0, " in told
    assert "BTC/USDT 9 and 15 more" in told


def test_an_order_under_way_is_waited_for_and_none_follows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that shows none proves nothing as long as an order is not answered, or may still arrive."""

    async def test() -> None:
        monkeypatch.setattr(sweep_module, "_EMPTY_INTERVAL_S", 0.05)
        world, _ = world_with_orders([])
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def unanswered() -> None:
            await answer

        async def never() -> None:
            raise AssertionError("an order went out")

        under_way = asyncio.create_task(world.rest_client.request_now("place", unanswered))
        await asyncio.sleep(0)
        world.rest_client.stop_orders()
        with pytest.raises(HeldBackError):
            await world.rest_client.request_now("place", never)
        assert not (await sweep(world.rest_client, 0.3)).is_proven
        answer.set_exception(TimeoutError("no answer"))
        with pytest.raises(NoAnswerError):
            await under_way
        assert not world.rest_client.orders_settled, "it may come within the receive window"
        assert (await sweep(world.rest_client, 5.0)).is_proven
        assert world.rest_client.orders_settled

    run(test)

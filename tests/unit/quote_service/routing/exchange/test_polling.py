"""While orders are withdrawn the venue is asked what is left, whenever and in whichever state that begins."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from quote_service.routing.venues.exchange import session as session_module
from quote_service.routing.venues.exchange.session import ExchangeSession
from quote_service.routing.venues.exchange.trade_reader import TradeReader

from schemas.message import ALL_SYMBOLS, Event
from schemas.orders import KillReport, KillState, VenueOpenOrders
from tests.unit.quote_service.routing.exchange.fake_exchange import CONTRACT
from tests.unit.quote_service.routing.exchange.sender_world import World, run


class Adapter:
    """What a session has around it: work is begun only while it is open."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(session_module, "_POLL_INTERVALS_S", (0.0,))
        self.world = World()
        self.is_open = False
        self.said: list[Event] = []
        self.answered = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        contracts = {CONTRACT.key: CONTRACT}
        trades = TradeReader(
            self.world.rest_client, self.world.reconciliation, contracts, {}, lambda: self.world.began_ns
        )
        self.session = ExchangeSession(
            self.world.rest_client,
            self.world.reconciliation,
            trades,
            contracts,
            self.say,
            self.world.time_ns,
            self.spawn,
        )

    def say(self, event: Event) -> None:
        self.said.append(event)
        if isinstance(event, VenueOpenOrders):
            self.answered.set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if self.is_open:
            self.tasks.append(asyncio.create_task(work))
        else:
            work.close()

    async def withdraw(self, state: KillState, symbol: str = ALL_SYMBOLS) -> None:
        self.session.observe_mass_cancel(
            KillReport(
                event_time_ns=1,
                venue="binance",
                symbol=symbol,
                state=state,
                reasons=("SHUTDOWN",),
                began_ns=1,
                open_orders=(),
                orders=0,
            )
        )

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def test_a_withdrawal_that_was_carried_over_does_not_keep_the_next_one_from_its_proof(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first is heard of before the adapter is open, so nothing can be asked then."""

    async def test() -> None:
        adapter = Adapter(monkeypatch)
        await adapter.withdraw("cancelling", CONTRACT.symbol)
        adapter.is_open = True
        await adapter.session._wait_for_contracts()
        await adapter.withdraw("confirmed", CONTRACT.symbol)
        await adapter.withdraw("cancelling")
        await asyncio.wait_for(adapter.answered.wait(), 30)
        await adapter.end()

    run(test)


def test_an_answer_that_nobody_can_read_does_not_end_the_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        adapter = Adapter(monkeypatch)
        adapter.is_open = True
        await adapter.session._wait_for_contracts()
        answers: list[Exception | list[Any]] = [ValueError("no order"), []]

        async def fetch_open_orders() -> list[Any]:
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(adapter.world.exchange, "fetch_open_orders", fetch_open_orders)
        await adapter.withdraw("cancelling")
        await asyncio.wait_for(adapter.answered.wait(), 30)
        await adapter.end()

    run(test)


def test_nothing_is_taken_for_a_stray_before_its_contract_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        adapter = Adapter(monkeypatch)
        adapter.is_open = True
        held = adapter.world.exchange._open(adapter.world.registry.ids.to_venue("mm-x-b0-1", 0), "buy", 1, 1)
        await adapter.withdraw("cancelling")
        for _ in range(20):
            await asyncio.sleep(0)
        assert held.status == "open"
        assert not adapter.answered.is_set()
        await adapter.end()

    run(test)

"""One session: an exchange of its own, a router with the adapter that is checked, quotes, faults, a halt."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from chassis.exchanges import Credentials
from chassis.process import AdapterContext, NetworkAdapter
from chassis.store import MemoryStore
from quote_service.routing.core.router import RouterCore
from quote_service.sandbox.faults import FaultName
from quote_service.sandbox.server import Sandbox, SandboxAccount, SandboxOptions
from quote_service.venue_check.judging import (
    Outcome,
    open_ids,
    order_differences,
    position_differences,
    trade_differences,
    trades_agree,
)
from quote_service.venue_check.quotes import Quotes
from quote_service.venue_check.suite import Armed, schedule
from schemas.config import Config
from schemas.message import ALL_SYMBOLS, Event
from schemas.orders import Fill, KillReport, OrderEvent, VenueStatus
from schemas.process import ConfigApplied, Tick
from schemas.risk import RiskState, TradingState

KEY, SECRET = "check-key", "check-secret"
SYMBOLS = ("BTC/USDT", "SOL/USDT")
TRADE_S = 1.5
STEP_S = 0.02
TICK_S = 0.1
READY_LIMIT_S = 20.0
LATE_S = 0.6
"""After the halt is confirmed nothing may come any more: so long it is looked at."""
MakeAdapter = Callable[[AdapterContext, Credentials], NetworkAdapter]


@dataclass(frozen=True, slots=True)
class Plan:
    """What one session does."""

    seed: int
    faults: tuple[FaultName, ...]
    patience_s: float = 20.0
    """How long a confirmation, and after it the last fills, are waited for."""


def session_config(url: str) -> Config:
    """Limits so wide that faults alone are tried, and times so short that a session takes seconds."""
    huge = 10**12
    return Config.model_validate(
        {
            "feed": {"kind": "live"},
            "venue": {"kind": "ccxt"},
            "exchange": {
                "id": "binance",
                "symbols": list(SYMBOLS),
                "url": url,
                "request_timeout_ms": 500,
                "receive_window_ms": 500,
                "reconcile_interval_s": 0.5,
            },
            "risk_limits": {
                "max_position": huge, "max_position_notional": huge, "max_exposure": huge,
                "heartbeat_ttl_ms": 5_000,
            },
            "routing": {"order_value_max": huge, "unknown_after_ms": 1_500},
            "protection": {"fill_quantity_max": huge, "fill_delta_max": huge, "price_repeats_max": 10_000},
        }
    )  # fmt: skip


def market_config(seed: int) -> Config:
    """The synthetic market behind the exchange."""
    found = Config()
    markets = {symbol: found.feed.symbols[symbol] for symbol in SYMBOLS}
    return found.model_copy(update={"feed": found.feed.model_copy(update={"symbols": markets, "seed": seed})})


class CheckedRouter:
    """The router's core and the adapter that is checked, driven as the engine does, with all they said."""

    def __init__(self, config: Config, make_adapter: MakeAdapter) -> None:
        self.core = RouterCore(config)
        context = AdapterContext(config, self.core, MemoryStore(), time.time_ns())
        self.adapter = make_adapter(context, Credentials(KEY, SECRET))
        self.orders: list[OrderEvent] = []
        self.fills: list[Fill] = []
        self.kills: list[KillReport] = []
        self.is_ready = False
        begin = {"process": "order-router", "code_version": "", "config_hash": "", "config": config}
        self.feed(ConfigApplied(event_time_ns=time.time_ns(), **begin))

    def feed(self, event: Event) -> None:
        """Hand an event to the core, and both to the adapter."""
        for each in (event, *self.core.on_event(event)):
            if each is not event:
                self._keep(each)
            elif isinstance(each, VenueStatus):
                self.is_ready = each.state == "ready"
            self.adapter.on_event(each)

    def step(self) -> None:
        """Take what the adapter brings, and let it send what waits: an engine writes that to disk first."""
        for event in tuple(self.adapter.take_due(time.time_ns())):
            self.feed(event)
        if self.adapter.wants_commit:
            self.adapter.committed()

    def _keep(self, output: Event) -> None:
        if isinstance(output, OrderEvent):
            self.orders.append(output)
        elif isinstance(output, Fill):
            self.fills.append(output)
        elif isinstance(output, KillReport):
            self.kills.append(output)


class SessionRun:
    """Plays a plan and judges it."""

    def __init__(self, plan: Plan, make_adapter: MakeAdapter) -> None:
        self._plan = plan
        self._make_adapter = make_adapter
        self._chance = random.Random(plan.seed)  # noqa: S311  it is to be the same for a seed
        rich = dict.fromkeys(("USDT", "BTC", "SOL"), Decimal(10**9))
        account = SandboxAccount(KEY, SECRET, rich)
        self._sandbox = Sandbox(market_config(plan.seed), SandboxOptions(seed=plan.seed, accounts=(account,)))
        self._outcome = Outcome(plan.seed, plan.faults)
        self._risk: TradingState = "RUN"
        self._next_tick_s = 0.0

    async def run(self) -> Outcome:
        """The outcome; what goes wrong on the way is part of it."""
        url = await self._sandbox.start()
        router = CheckedRouter(session_config(url), self._make_adapter)
        try:
            await router.adapter.open(lambda: None)
            await self._play(router)
        finally:
            router.adapter.close()
            await router.adapter.aclose()
            await self._sandbox.stop()
        return self._outcome

    async def _play(self, router: CheckedRouter) -> None:
        quotes = Quotes(self._sandbox.exchange, self._chance)
        for event in quotes.instruments():
            router.feed(event)
        if not await self._until(router, quotes, lambda: router.is_ready, READY_LIMIT_S):
            self._outcome.wrong.append("the venue was never ready")
            return
        await self._trade(router, quotes)
        await self._withdraw(router, quotes)
        self._sandbox.faults.armed.clear()
        settled = lambda: trades_agree(self._truth, router.fills) and not router.core.open_orders()  # noqa: E731
        await self._until(router, quotes, settled, self._plan.patience_s)
        self._judge(router)

    @property
    def _truth(self) -> dict[str, Any]:
        truth: dict[str, Any] = self._sandbox.truth()[KEY]
        return truth

    async def _trade(self, router: CheckedRouter, quotes: Quotes) -> None:
        began_s = time.monotonic()
        waiting = schedule(self._plan.faults, self._plan.seed, TRADE_S)
        while time.monotonic() - began_s < TRADE_S:
            waiting = await self._arm(waiting, time.monotonic() - began_s)
            for target in quotes.targets():
                router.feed(target)
            self._meet_somebody()
            await self._step(router, quotes)
        await self._arm(waiting, TRADE_S)

    async def _arm(self, waiting: list[Armed], now_s: float) -> list[Armed]:
        for each in waiting:
            if each.at_s <= now_s:
                self._sandbox.faults.arm(each.fault, **each.how)
                await self._sandbox.kick_where_armed()
        return [each for each in waiting if each.at_s > now_s]

    def _meet_somebody(self) -> None:
        """Now and then a taker meets one of our orders, in part or in full."""
        live = [order for order in self._sandbox.exchange.accounts[KEY].live() if order.remaining_lots > 0]
        if live and self._chance.random() < 0.2:  # noqa: PLR2004
            order = self._chance.choice(live)
            self._sandbox.exchange.force_fill(order.order_id, self._chance.randint(1, order.remaining_lots))

    async def _withdraw(self, router: CheckedRouter, quotes: Quotes) -> None:
        """Halt; at the moment of the confirmation, and for a while after it, nothing of ours may be open."""
        self._risk, self._next_tick_s, began_s = "HALT", 0.0, time.monotonic()

        def confirmed() -> bool:
            return any(kill.symbol == ALL_SYMBOLS and kill.state == "confirmed" for kill in router.kills)

        if not await self._until(router, quotes, confirmed, self._plan.patience_s):
            self._outcome.wrong.append(f"the halt was not confirmed within {self._plan.patience_s:g} s")
            return
        self._outcome.confirmed_s = round(time.monotonic() - began_s, 3)
        until_s = time.monotonic() + LATE_S
        while time.monotonic() < until_s:
            alive = open_ids(self._truth)
            if alive:
                self._outcome.wrong.append(
                    f"{len(alive)} orders were alive after the confirmed kill: {alive[:3]}"
                )
                return
            await self._step(router, quotes)

    async def _until(
        self, router: CheckedRouter, quotes: Quotes, condition: Callable[[], bool], limit_s: float
    ) -> bool:
        deadline_s = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > deadline_s:
                return False
            await self._step(router, quotes)
        return True

    async def _step(self, router: CheckedRouter, quotes: Quotes) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_tick_s:
            self._next_tick_s = now_s + TICK_S
            now_ns = time.time_ns()
            router.feed(RiskState(event_time_ns=now_ns, venue="*", symbol=ALL_SYMBOLS, state=self._risk))
            router.feed(Tick(event_time_ns=now_ns))
        for book in quotes.books():
            router.feed(book)
        router.step()
        await asyncio.sleep(STEP_S)

    def _judge(self, router: CheckedRouter) -> None:
        truth, outcome = self._truth, self._outcome
        kinds = Counter(event.kind for event in router.orders)
        outcome.intents = kinds["place_intent"] + kinds["amend_intent"] + kinds["cancel_intent"]
        outcome.orders, outcome.fills = len(truth["orders"]), len(truth["trades"])
        outcome.fired = dict(Counter(self._sandbox.faults.fired))
        outcome.wrong += trade_differences(truth, router.fills)
        outcome.wrong += position_differences(truth, router.fills)
        outcome.wrong += order_differences(truth, router.orders)
        outcome.wrong += [f"order {wire} is alive at the end" for wire in open_ids(truth)]


async def run_session(plan: Plan, make_adapter: MakeAdapter) -> Outcome:
    """Play one plan; an exception is an outcome too."""
    try:
        return await SessionRun(plan, make_adapter).run()
    except Exception as error:
        failed = Outcome(plan.seed, plan.faults)
        return replace(failed, wrong=[f"{type(error).__name__}: {error}"])

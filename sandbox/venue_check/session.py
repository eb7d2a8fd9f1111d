"""One session: its own exchange, one or two router sessions with the adapter under test, and a halt."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from runtime.errors import RefusedError
from runtime.process.definition import ProcessDefinition
from sandbox.server import Sandbox
from sandbox.venue_check.judging import (
    Outcome,
    booking_delays_s,
    open_ids,
    order_findings,
    places_alive,
    trade_findings,
    trades_agree,
)
from sandbox.venue_check.life import CheckedLife, Log, MakeAdapter
from sandbox.venue_check.plans import (
    KEY,
    REFUSED_START,
    FaultPlan,
    exchange_options,
    market_config,
    session_config,
)
from sandbox.venue_check.quotes import Quotes
from sandbox.venue_check.suite import ArmedFault, schedule
from schemas.message import ALL_SYMBOLS
from schemas.process import Tick
from schemas.risk import RiskState, TradingState

TRADE_S = 1.5
STEP_S = 0.02
TICK_S = 0.1
READY_LIMIT_S = 40.0
REFUSED_LIMIT_S = 8.0
SESSION_LIMIT_S = 120.0
"""Time limit for an adapter that never closes."""
LATE_S = 0.6
"""How long to watch for activity after the halt is confirmed."""
SLOW_S = (0.52, 1.2)
"""More than a request's time-out."""
FIRST_REQUESTS = 4
"""Orders of a new log that are lost on their way."""


class SessionRun:
    """Runs a plan and judges it."""

    def __init__(self, plan: FaultPlan, make_adapter: MakeAdapter, monitor: ProcessDefinition) -> None:
        self._plan = plan
        self._make_adapter = make_adapter
        self._chance = random.Random(plan.seed)  # noqa: S311  reproducible by seed
        self._sandbox = Sandbox(market_config(plan), exchange_options(plan), monitor)
        last = plan.faults[-1] if plan.faults else plan.course
        self._outcome = Outcome(plan.seed, plan.name, last)
        self._logs: list[Log] = []
        self._url = ""
        self._risk: TradingState = "RUN"
        self._next_tick_s = 0.0

    async def run(self) -> Outcome:
        """The outcome; failures on the way are part of it."""
        self._url = await self._sandbox.start()
        try:
            await self._play()
        finally:
            await self._sandbox.stop()
        return self._outcome

    async def _play(self) -> None:
        if REFUSED_START in self._plan.faults:
            await self._refused_at_the_start()
        if self._plan.course in {"fewer_symbols", "killed"}:
            await self._killed()
        elif self._plan.course == "new_log":
            await self._halted()
        log = self._begin_log() if self._plan.course != "killed" else self._logs[-1]
        if self._plan.course == "new_log":
            self._sandbox.faults.arm("lost_before", times=FIRST_REQUESTS, method="POST", path="order")
        if self._plan.course == "slow_start":
            self._sandbox.faults.arm("slow_reconnect", seconds=self._chance.uniform(*SLOW_S))
            self._sandbox.happenings.carry_out()
        if not await self._last_life(log):
            await self._life(log, self._cancelled_again)
        self._judge()

    def _begin_log(self, symbols: tuple[str, ...] | None = None) -> Log:
        truth = self._truth
        log = Log(symbols or self._plan.symbols_later, places_alive(truth), truth["balances"])
        self._logs.append(log)
        return log

    async def _life(self, log: Log, act: Callable[[CheckedLife, Quotes], Any]) -> Any:
        """A router session from start to end."""
        self._risk, self._next_tick_s, log.ended_ns = "RUN", 0.0, None
        life = CheckedLife(session_config(self._url, log.symbols, log.held), self._make_adapter, log)
        quotes = Quotes(self._sandbox.exchange, log.symbols, self._chance)
        try:
            await self._open(life)
            for event in quotes.instruments():
                life.feed(event)
            return await act(life, quotes)
        finally:
            await life.end()

    @staticmethod
    async def _open(life: CheckedLife) -> None:
        """An adapter may refuse to start with a bad key."""
        try:
            await life.adapter.open(lambda: None)
        except RefusedError:
            life.is_refused = True

    async def _ready(self, life: CheckedLife, quotes: Quotes) -> bool:
        if await self._until(life, quotes, lambda: life.is_ready, READY_LIMIT_S):
            return True
        self._outcome.find("other", ["the venue was never ready"])
        return False

    async def _refused_at_the_start(self) -> None:
        """The key is one that no engine may use: the adapter must say so, and place nothing."""
        self._sandbox.faults.arm(REFUSED_START)
        self._sandbox.happenings.carry_out()

        async def act(life: CheckedLife, quotes: Quotes) -> None:
            await self._until(life, quotes, lambda: life.is_refused or life.is_ready, REFUSED_LIMIT_S)
            if not life.is_refused:
                self._outcome.find("other", [f"{REFUSED_START}: the key was not refused"])

        await self._life(self._begin_log(), act)
        if self._truth["orders"]:
            self._outcome.find("other", [f"{REFUSED_START}: orders came with it"])
        self._sandbox.happenings.undo()

    async def _killed(self) -> None:
        """It trades until every trade is booked, then is killed with orders open."""

        async def act(life: CheckedLife, quotes: Quotes) -> None:
            if await self._ready(life, quotes):
                await self._trade(life, quotes, ())
                alive = lambda: open_ids(self._truth) and trades_agree(self._truth, self._logs)  # noqa: E731
                await self._until(life, quotes, alive, self._plan.patience_s)

        await self._life(self._begin_log(self._plan.symbols), act)

    async def _halted(self) -> None:
        """It trades, and leaves ended orders, some partly filled."""

        async def act(life: CheckedLife, quotes: Quotes) -> None:
            if await self._ready(life, quotes):
                await self._trade(life, quotes, ())
                await self._mass_cancel(life, quotes)
                await self._settle(life, quotes)

        await self._life(self._begin_log(), act)

    async def _last_life(self, log: Log) -> bool:
        """Trades under the faults, then is halted; false where its key was refused: another must follow."""

        async def act(life: CheckedLife, quotes: Quotes) -> bool:
            if not await self._ready(life, quotes):
                return True
            await self._trade(life, quotes, self._plan.faults)
            if self._is_refused:
                await self._stop_refused(life, quotes)
                return False
            await self._mass_cancel(life, quotes)
            await self._settle(life, quotes)
            return True

        return bool(await self._life(log, act))

    @property
    def _is_refused(self) -> bool:
        """Does any key not work? Then a halt with open orders cannot be confirmed."""
        return any(not key.is_accepted or not key.trades for key in self._sandbox.keys.by_name.values())

    async def _stop_refused(self, life: CheckedLife, quotes: Quotes) -> None:
        """It must report that its key is refused, or have nothing left that needs one.

        The operator who fixes the key starts it again.
        """
        self._risk = "HALT"
        is_over = lambda: life.is_refused or life.is_confirmed  # noqa: E731
        if not await self._until(life, quotes, is_over, REFUSED_LIMIT_S):
            self._outcome.find("other", ["the refused key was not reported"])
        if life.is_confirmed:
            self._observe_alive()
        self._sandbox.happenings.undo()

    async def _cancelled_again(self, life: CheckedLife, quotes: Quotes) -> None:
        if await self._ready(life, quotes):
            await self._mass_cancel(life, quotes)
            await self._settle(life, quotes)

    @property
    def _truth(self) -> dict[str, Any]:
        truth: dict[str, Any] = self._sandbox.truth()[KEY]
        return truth

    async def _trade(self, life: CheckedLife, quotes: Quotes, faults: tuple[Any, ...]) -> None:
        began_s = time.monotonic()
        waiting = schedule(faults, self._plan.seed, TRADE_S)
        while time.monotonic() - began_s < TRADE_S:
            waiting = self._arm(waiting, time.monotonic() - began_s)
            for target in quotes.targets():
                life.feed(target)
            self._meet_somebody()
            await self._step(life, quotes)
        self._arm(waiting, TRADE_S)

    def _arm(self, waiting: list[ArmedFault], now_s: float) -> list[ArmedFault]:
        for each in waiting:
            if each.at_s <= now_s:
                self._sandbox.faults.arm(each.fault, **each.how)
        self._sandbox.happenings.carry_out()
        return [each for each in waiting if each.at_s > now_s]

    def _meet_somebody(self) -> None:
        """Occasionally a taker fills one of our orders, in part or in full."""
        live = [order for order in self._sandbox.exchange.accounts[KEY].live() if order.remaining_lots > 0]
        if live and self._chance.random() < 0.2:  # noqa: PLR2004
            order = self._chance.choice(live)
            self._sandbox.exchange.force_fill(order, self._chance.randint(1, order.remaining_lots))

    async def _mass_cancel(self, life: CheckedLife, quotes: Quotes) -> None:
        """Halt; when it is confirmed, and for a while after, nothing of ours may be open."""
        self._risk, self._next_tick_s, began_s = "HALT", 0.0, time.monotonic()
        if not await self._until(life, quotes, lambda: life.is_confirmed, self._plan.patience_s):
            text = f"the halt was not confirmed within {self._plan.patience_s:g} s"
            self._outcome.find("other", [text])
            return
        self._outcome.confirmed_s = round(time.monotonic() - began_s, 3)
        until_s = time.monotonic() + LATE_S
        while time.monotonic() < until_s and not self._observe_alive():
            await self._step(life, quotes)

    def _observe_alive(self) -> bool:
        """Orders of the whole account, on any symbol."""
        alive = open_ids(self._truth)
        self._outcome.counts["alive"] += len(alive)
        if alive:
            text = f"{len(alive)} orders were alive after the confirmed kill: {alive[:3]}"
            self._outcome.wrong.append(text)
        return bool(alive)

    async def _settle(self, life: CheckedLife, quotes: Quotes) -> None:
        """Without further faults, all trades become booked after a while, and the venue ready."""
        self._sandbox.happenings.undo()
        settled = lambda: trades_agree(self._truth, self._logs) and not life.core.open_orders()  # noqa: E731
        await self._until(life, quotes, settled, self._plan.patience_s)
        is_back = lambda: life.is_ready or life.is_refused  # noqa: E731
        if not await self._until(life, quotes, is_back, self._plan.patience_s):
            self._outcome.find("other", ["the venue was not ready again"])

    async def _until(
        self, life: CheckedLife, quotes: Quotes, condition: Callable[[], Any], limit_s: float
    ) -> bool:
        deadline_s = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > deadline_s:
                return False
            await self._step(life, quotes)
        return True

    async def _step(self, life: CheckedLife, quotes: Quotes) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_tick_s:
            self._next_tick_s = now_s + TICK_S
            now_ns = time.time_ns()
            life.feed(RiskState(event_time_ns=now_ns, venue="*", symbol=ALL_SYMBOLS, state=self._risk))
            life.feed(Tick(event_time_ns=now_ns))
        for book in quotes.books():
            life.feed(book)
        life.step()
        await asyncio.sleep(STEP_S)

    def _judge(self) -> None:
        truth, outcome = self._truth, self._outcome
        kinds = Counter(event.kind for log in self._logs for event in log.orders)
        outcome.intents = kinds["place_intent"] + kinds["amend_intent"] + kinds["cancel_intent"]
        outcome.orders, outcome.fills = len(truth["orders"]), len(truth["trades"])
        outcome.booked_after_s = booking_delays_s(truth, self._logs)
        outcome.fired = dict(Counter(self._sandbox.faults.fired))
        for kind, texts in (*trade_findings(truth, self._logs), *order_findings(truth, self._logs)):
            outcome.find(kind, texts)
        outcome.find("other", [f"order {wire} is alive at the end" for wire in open_ids(truth)])


async def run_session(plan: FaultPlan, make_adapter: MakeAdapter, monitor: ProcessDefinition) -> Outcome:
    """Run one plan; an exception counts as an outcome too."""
    run = SessionRun(plan, make_adapter, monitor)
    try:
        async with asyncio.timeout(SESSION_LIMIT_S):
            return await run.run()
    except Exception as error:
        failed = Outcome(plan.seed, plan.name)
        failed.find("other", [f"{type(error).__name__}: {error}"])
        return failed

"""The connection to an exchange: connect, compare what it holds with what we count, follow its streams, mend.

ccxt's streams lose wake-ups and collapse events, so what they bring is read from its caches at short
intervals, and everything is compared by requests after each break and at intervals.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog

from quote_service.routing.venues.exchange.account import balances_of
from quote_service.routing.venues.exchange.comparing import Comparer, Known
from quote_service.routing.venues.exchange.facts import Contract
from quote_service.routing.venues.exchange.outcomes import RequestFailedError, classified
from quote_service.routing.venues.exchange.sender import Backoff, Desk
from quote_service.routing.venues.exchange.streams import UserStreams
from quote_service.routing.venues.exchange.switch import Switch
from schemas.message import ALL_SYMBOLS, Event
from schemas.orders import KillReport, VenueState, VenueStatus

TIME_WEIGHT = 1
BALANCE_WEIGHT = 20
MARKETS_WEIGHT = 20
_LOOK_INTERVAL_S = 0.05
_POLLS_S = (0.2, 0.3, 0.5, 1.0)
"""After a halt the venue is asked for its open orders at these intervals, the last one again and again."""

logger = structlog.get_logger()


class Session:
    """One account at one exchange."""

    def __init__(
        self,
        desk: Desk,
        comparer: Comparer,
        contracts: Mapping[str, Contract],
        say: Callable[[Event], None],
        now_ns: Callable[[], int],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._desk = desk
        self._config = desk.config
        self._client = desk.dialect.client
        self._comparer = comparer
        self._contracts = contracts
        self._say = say
        self._now_ns = now_ns
        self._spawn = spawn
        self._streams = UserStreams(desk, contracts, comparer.see_ended, self._break)
        self._broken = asyncio.Event()
        self._unrecovered: list[Known] = []
        self._reason = ""
        self._said: VenueStatus | None = None
        self._withdrawing: set[str] = set()
        self._is_polling = False
        self._switch = Switch(desk, now_ns, spawn, self._break)

    async def run(self, known: list[Known]) -> None:
        """Connect, and again after every break, until cancelled; first of all, find out about `known`."""
        self._unrecovered = known
        backoff = Backoff()
        while True:
            self._state("connecting", self._reason)
            try:
                await self._connect()
                backoff = Backoff()
                await self._stay()
            except Exception as error:
                self._reason = str(classified(error))[:500]
            self._state("degraded", self._reason)
            await backoff.wait()

    async def _connect(self) -> None:
        self._broken.clear()
        await self._desk.budget.take(MARKETS_WEIGHT, "query")
        await self._client.load_markets()
        await self._contracts_known()
        await self._sync_clock()
        self._spawn_streams()
        self._state("reconciling")
        await self._switch.arm()
        await self._comparer.recover(self._unrecovered)
        self._unrecovered = []
        await self._compare()
        self._reason = ""
        self._state("ready")

    async def _contracts_known(self) -> None:
        """Orders can be compared once it is known what their ticks and lots are."""
        missing = [f"{self._config.id}:{symbol}" for symbol in self._config.symbols]
        while missing := [key for key in missing if key not in self._contracts]:
            self._state("connecting", f"no instrument was announced yet for {', '.join(missing[:5])}")
            await asyncio.sleep(_LOOK_INTERVAL_S)
        for key in self._contracts:
            self._desk.register.ids.learn(key)

    def _spawn_streams(self) -> None:
        for work in self._streams.begin():
            self._spawn(work)

    async def _sync_clock(self) -> None:
        await self._desk.budget.take(TIME_WEIGHT, "query")
        await self._client.load_time_difference()

    async def _stay(self) -> None:
        """Until something breaks; what the venue holds is compared at intervals."""
        while not self._broken.is_set():
            try:
                async with asyncio.timeout(self._config.reconcile_interval_s):
                    await self._broken.wait()
            except TimeoutError:
                await self._sync_clock()
                await self._compare()

    async def _compare(self) -> None:
        self._say(await self._comparer.compare(self._now_ns()))
        await self._comparer.place_trades()
        await self._desk.budget.take(BALANCE_WEIGHT, "query")
        balances = balances_of(await self._client.fetch_balance(), self._config.id, self._now_ns())
        self._say(balances)

    def _break(self, reason: str) -> None:
        self._reason = reason
        self._broken.set()

    def _state(self, state: VenueState, reason: str = "") -> None:
        difference_ms = self._client.options.get("timeDifference") or 0
        status = VenueStatus(
            event_time_ns=self._now_ns(),
            venue=self._config.id,
            symbol=ALL_SYMBOLS,
            state=state,
            reason=reason,
            clock_offset_us=-int(difference_ms * 1000),
            dead_mans_switch_armed=self._is_armed(),
        )
        said = self._said
        if said is None or (said.state, said.reason) != (state, reason):
            logger.info("venue", venue=self._config.id, state=state, reason=reason)
            self._said = status
            self._say(status)

    def _is_armed(self) -> bool | None:
        return self._switch.is_armed()

    def see_tick(self) -> None:
        """The router lives: only then is the switch held back."""
        self._switch.beat(is_ready=self._said is not None and self._said.state == "ready")

    def see_withdrawal(self, report: KillReport) -> None:
        """While orders are being withdrawn the venue is asked again and again for what it still holds."""
        if report.state in {"cancelling", "incomplete"}:
            self._withdrawing.add(report.symbol)
        else:
            self._withdrawing.discard(report.symbol)
        if self._withdrawing and not self._is_polling:
            self._is_polling = True
            self._spawn(self._poll())

    async def _poll(self) -> None:
        steps = iter(_POLLS_S)
        while self._withdrawing:
            await asyncio.sleep(next(steps, _POLLS_S[-1]))
            try:
                self._say(await self._comparer.compare(self._now_ns(), purpose="cancel"))
            except RequestFailedError as error:
                logger.warning("open_orders_failed", because=str(error)[:300])
        self._is_polling = False

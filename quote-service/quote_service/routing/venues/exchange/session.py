"""The session at an exchange: connects, reconciles, follows the user data stream, and recovers.

ccxt's streams lose wake-ups and merge events, so its caches are polled at short intervals, and everything is
reconciled by REST requests after each disconnect and at intervals.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog

from quote_service.routing.venues.exchange.account import AccountWatch
from quote_service.routing.venues.exchange.client import RestClient, retries
from quote_service.routing.venues.exchange.dead_mans_switch import Switch
from quote_service.routing.venues.exchange.facts import VenueContract
from quote_service.routing.venues.exchange.outcomes import RequestFailedError, classified
from quote_service.routing.venues.exchange.permissions import AccountRefusedError, KeyCheck
from quote_service.routing.venues.exchange.reconciliation import RestoredOrder, VenueReconciliation
from quote_service.routing.venues.exchange.streams import HEALTHY_S, UserStreams
from quote_service.routing.venues.exchange.trade_reader import TradeReader
from runtime.errors import RefusedError
from schemas.message import ALL_SYMBOLS, Event
from schemas.orders import KillReport, VenueState, VenueStatus
from schemas.units import NS_PER_S

REFUSALS_MAX = 3
"""Consecutive rejects for the account that are tolerated while the key itself seems valid."""
_CONTRACT_POLL_S = 0.05
_POLL_INTERVALS_S = (0.2, 0.3, 0.5, 1.0)
"""Intervals at which open orders are polled during a mass cancel; the last one repeats."""

logger = structlog.get_logger()


class ExchangeSession:
    """One account at one exchange."""

    def __init__(
        self,
        rest: RestClient,
        reconciliation: VenueReconciliation,
        trades: TradeReader,
        contracts: Mapping[str, VenueContract],
        publish: Callable[[Event], None],
        now_ns: Callable[[], int],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._rest = rest
        self._config = rest.config
        self._client = rest.dialect.client
        self._reconciliation = reconciliation
        self._trades = trades
        self._contracts = contracts
        self._publish = publish
        self._now_ns = now_ns
        self._spawn = spawn
        self.streams = UserStreams(
            rest, contracts, reconciliation.observe_ended, self._observe_unknown, self._report_broken
        )
        self._account = AccountWatch(rest, self.streams, trades, contracts, publish, now_ns)
        self._key = KeyCheck(rest)
        self._broken = asyncio.Event()
        self._unrecovered: list[RestoredOrder] = []
        self._has_read = False
        """Whether our trades were read in this session, so that holdings are comparable with the ledgers."""
        self._reason = ""
        self._published: VenueStatus | None = None
        self._doubted: set[str] = set()
        """Symbols whose trades the router asks for, as `venue:symbol`, until they were read."""
        self._is_settling = False
        self._cancelling: set[str] = set()
        self._is_polling = False
        self._knows_contracts = False
        self._is_verifying_key = False
        self._refusals = 0
        """Requests rejected for the account since the last confirmed change."""
        self.refusal: RefusedError | None = None
        """Why the account cannot trade, which only an operator can fix."""
        self._switch = Switch(rest, now_ns, spawn, self._report_broken)
        self._held_until_ns = 0
        rest.budget.on_held(self._observe_held)
        rest.on_refused = self._observe_refused
        rest.on_confirmed = self._observe_confirmed
        rest.registry.observe_recovered = self.streams.observe_recovered

    async def check_key(self) -> None:
        """Check the API key before connecting; raises RefusedError where it may not trade.

        If the venue does not answer, each connection checks again.
        """
        try:
            await self._rest.sync_clock()
            await self._key.run()
        except AccountRefusedError as refused:
            raise RefusedError(str(refused)) from refused
        except RequestFailedError as error:
            logger.warning("exchange_unavailable", because=str(error)[:300])

    async def run(self, known: list[RestoredOrder]) -> None:
        """Connect, and reconnect after every failure, until cancelled; `known` are recovered first."""
        self._unrecovered = known
        if self._cancelling:  # an earlier session's mass cancel, carried over
            self._spawn(self._poll())
        backoff = retries()
        while self.refusal is None:
            self._publish_state("connecting", self._reason)
            connected_s = float("inf")
            try:
                await self._connect()
                connected_s = time.monotonic()
                await self._follow()
            except AccountRefusedError as refused:
                self._refuse(refused)
                return
            except Exception as error:
                self._report_broken(str(classified(error))[:500])
            if time.monotonic() - connected_s > HEALTHY_S:
                backoff = retries()
            await backoff.wait()

    def _refuse(self, refused: AccountRefusedError) -> None:
        self._publish_state("refused", str(refused)[:500])
        logger.critical("account_refused", because=str(refused))
        self.refusal = RefusedError(str(refused))
        self._broken.set()

    async def _connect(self) -> None:
        self._broken.clear()
        if not self._client.markets:
            await self._rest.request("markets", "query", self._client.load_markets)
        await self._wait_for_contracts()
        await self._rest.sync_clock()
        await self._key.run()
        await self.streams.subscribe()
        self._spawn_streams()
        self._publish_state("reconciling")
        await self._switch.arm()
        await self._reconciliation.recover(self._unrecovered)
        self._unrecovered = []
        await self._reconcile()
        if self._has_read:
            self._spawn(self._trades.read_again())
        else:
            await self._trades.read_all()
            self._has_read = True
        await self._account.publish_holdings()
        self._reason = ""
        self._publish_state("ready")

    async def _wait_for_contracts(self) -> None:
        """Wait for the contracts of all configured symbols, without which orders cannot be reconciled."""
        missing = [f"{self._config.id}:{symbol}" for symbol in self._config.symbols]
        while missing := [key for key in missing if key not in self._contracts]:
            self._publish_state("connecting", f"waiting for the instruments of {', '.join(missing[:5])}")
            await asyncio.sleep(_CONTRACT_POLL_S)
        for key in self._contracts:
            self._rest.registry.ids.add_symbol(key)
        self._knows_contracts = True

    def _spawn_streams(self) -> None:
        for work in self.streams.begin():
            self._spawn(work)

    async def _follow(self) -> None:
        """Reconcile at intervals until the connection fails."""
        reconcile_at_ns = self._now_ns() + int(self._config.reconcile_interval_s * NS_PER_S)
        while not self._broken.is_set():
            try:
                async with asyncio.timeout(self._account.next_poll_s(self._rest.registry.has_live_orders())):
                    await self._broken.wait()
            except TimeoutError:
                if self._now_ns() >= reconcile_at_ns:
                    await self._rest.sync_clock()
                    await self._reconcile()
                    await self._account.publish_holdings()
                    self._publish_state("ready")
                    reconcile_at_ns = self._now_ns() + int(self._config.reconcile_interval_s * NS_PER_S)
                else:
                    await self._account.poll()

    async def _reconcile(self) -> None:
        self._publish(await self._reconciliation.reconcile(self._now_ns()))
        await self._reconciliation.match_trades()

    def _observe_unknown(self, key: str) -> None:
        """Reconcile: the stream reported an unknown order of ours, or a trade of one."""
        if not self._trades.enqueue(key):
            self._spawn(self._reconcile_unknown())

    async def _reconcile_unknown(self) -> None:
        await self._trades.match_soon()
        try:
            self._publish(await self._reconciliation.reconcile(self._now_ns()))
        except RequestFailedError as error:
            logger.warning("open_orders_failed", because=str(error)[:300])

    def observe_doubt(self, key: str) -> None:
        """The router doubts a position: read the symbol's trades, then state the holdings again."""
        self._doubted.add(key)
        self._spawn(self._settle_doubts())

    async def _settle_doubts(self) -> None:
        """Until the trades were read, for which the router waits a limited time."""
        if self._is_settling:
            return
        self._is_settling, backoff = True, retries()
        try:
            while keys := tuple(self._doubted):
                if await self._trades.read(keys):
                    self._doubted.difference_update(keys)
                    await self._account.poll()
                else:
                    await backoff.wait()
        finally:
            self._is_settling = False

    def _observe_confirmed(self, asked_s: float) -> None:
        self._refusals = 0
        self.streams.silence.observe_change(asked_s)

    def _observe_refused(self, failure: RequestFailedError) -> None:
        """A request was rejected for the account: check whether the key is still valid."""
        self._refusals += 1
        self._spawn(self._verify_key(failure))

    async def _verify_key(self, failure: RequestFailedError) -> None:
        if self._is_verifying_key:
            return
        self._is_verifying_key = True
        try:
            await self._key.run()
        except AccountRefusedError as refused:
            self._refuse(refused)
        except RequestFailedError as error:
            logger.warning("api_key_check_failed", because=str(error)[:300])
        else:
            if self._refusals >= REFUSALS_MAX:
                text = f"{self._config.id} keeps rejecting requests of this account: {failure}"
                self._refuse(AccountRefusedError(text))
        finally:
            self._is_verifying_key = False

    def _report_broken(self, reason: str) -> None:
        """Publish `degraded` at once, so that no order is placed until reconnected."""
        self._reason = reason
        self._broken.set()
        if self.refusal is None:
            self._publish_state("degraded", reason)

    def _publish_state(self, state: VenueState, reason: str = "") -> None:
        status = VenueStatus(
            event_time_ns=self._now_ns(),
            venue=self._config.id,
            symbol=ALL_SYMBOLS,
            state=state,
            reason=reason,
            clock_offset_us=round(self._rest.clock.offset_s * 1e6),
            dead_mans_switch_armed=self._is_armed(),
            held_until_ns=self._held_until_ns,
        )
        published = self._published
        if published is None or status != published.model_copy(
            update={"event_time_ns": status.event_time_ns}
        ):
            if published is None or (published.state, published.reason) != (state, reason):
                logger.info("venue_state_changed", venue=self._config.id, state=state, reason=reason)
            self._published = status
            self._publish(status)

    def _observe_held(self, until_s: float) -> None:
        """Publish until when requests are blocked: the rate limit is exhausted, or the venue demanded it."""
        self._held_until_ns = int(until_s * NS_PER_S)
        if self._published is not None:
            self._publish_state(self._published.state, self._published.reason)

    def _is_armed(self) -> bool | None:
        return self._switch.is_armed()

    def observe_tick(self) -> None:
        """Renew the dead-man's switch, which only the router's own ticks may do."""
        self._switch.beat(is_ready=self._published is not None and self._published.state == "ready")

    def observe_mass_cancel(self, report: KillReport) -> None:
        """Poll the venue's open orders while a mass cancel is in progress."""
        if report.state in {"cancelling", "incomplete"}:
            self._cancelling.add(report.symbol)
        else:
            self._cancelling.discard(report.symbol)
        if self._cancelling:
            self._spawn(self._poll())

    async def _poll(self) -> None:
        if self._is_polling:
            return
        self._is_polling = True
        steps = iter(_POLL_INTERVALS_S)
        try:
            while self._cancelling:
                await asyncio.sleep(next(steps, _POLL_INTERVALS_S[-1]))
                await self._reconcile_open_orders()
        finally:
            self._is_polling = False

    async def _reconcile_open_orders(self) -> None:
        if not self._knows_contracts:
            return  # without contracts our own orders would count as strays
        try:
            self._publish(await self._reconciliation.reconcile(self._now_ns(), purpose="cancel"))
        except RequestFailedError as error:
            logger.warning("open_orders_failed", because=str(error)[:300])

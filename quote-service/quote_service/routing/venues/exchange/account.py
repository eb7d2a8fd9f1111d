"""The account's balances and positions as reported by the venue, and as a check on the user data stream."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import structlog

from quote_service.routing.venues.exchange.client import RestClient
from quote_service.routing.venues.exchange.facts import VenueContract, number
from quote_service.routing.venues.exchange.outcomes import RequestFailedError
from quote_service.routing.venues.exchange.streams import UserStreams
from quote_service.routing.venues.exchange.trade_reader import TradeReader
from schemas.message import ALL_SYMBOLS, Event, TimeNs
from schemas.orders import VenueBalance, VenueBalances, VenuePosition, VenuePositions

_GRACE_S = 0.5
"""How long an event may still be in flight after the balances that include its change."""

logger = structlog.get_logger()


def is_derivative(symbol: str) -> bool:
    """Whether a ccxt unified symbol is a derivative: BTC/USDT:USDT is settled in USDT."""
    return ":" in symbol


def balances_of(
    answer: Mapping[str, Any],
    venue: str,
    asked_ns: int,
    now_ns: int,
    trades_read: tuple[tuple[str, TimeNs], ...] = (),
) -> VenueBalances:
    """From a unified ccxt balance; zero balances are left out."""
    free, used = answer.get("free") or {}, answer.get("used") or {}
    balances = (
        VenueBalance(currency=name, free=number(free.get(name)), locked=number(used.get(name)))
        for name in sorted({*free, *used})
    )
    held = tuple(balance for balance in balances if balance.free or balance.locked)
    return VenueBalances(
        event_time_ns=now_ns,
        asked_ns=asked_ns,
        venue=venue,
        symbol=ALL_SYMBOLS,
        balances=held,
        trades_read=trades_read,
    )


def positions_of(
    answer: Iterable[Mapping[str, Any]], venue: str, asked_ns: int, now_ns: int
) -> VenuePositions:
    """From unified ccxt positions, whose sizes are in contracts.

    Long and short positions of one symbol are netted, without an entry price.
    """
    sizes: dict[str, Decimal] = {}
    entries: dict[str, Decimal | None] = {}
    for position in answer:
        size = number(position.get("contracts")) * number(position.get("contractSize") or 1)
        if not size:
            continue
        symbol = str(position["symbol"])
        entries[symbol] = None if symbol in sizes else number(position.get("entryPrice")) or None
        signed = -abs(size) if position.get("side") == "short" else size
        sizes[symbol] = sizes.get(symbol, Decimal(0)) + signed
    held = tuple(
        VenuePosition(symbol=symbol, size=size, entry_price=entries[symbol])
        for symbol, size in sorted(sizes.items())
    )
    return VenuePositions(
        event_time_ns=now_ns, asked_ns=asked_ns, venue=venue, symbol=ALL_SYMBOLS, positions=held
    )


class AccountWatch:
    """Polls balances: at intervals, and more often while orders are open and the stream is silent."""

    def __init__(
        self,
        rest: RestClient,
        streams: UserStreams,
        trades: TradeReader,
        contracts: Mapping[str, VenueContract],
        publish: Callable[[Event], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._rest = rest
        self._contracts = contracts
        self._streams = streams
        self._trades = trades
        self._silence = streams.silence
        self._publish = publish
        self._now_ns = now_ns
        self._interval_s = rest.config.balances_interval_s
        self._silent_s_max = rest.config.stream_silence_ms_max / 1e3
        self._requested_s = 0.0
        self._totals: dict[str, Decimal] | None = None
        self._requesting = asyncio.Lock()

    def next_poll_s(self, has_orders: bool) -> float:
        """Seconds until the next poll."""
        interval_s = self._interval_s
        if has_orders:  # a fill missing from the stream must show up within the limit
            interval_s = min(interval_s, self._silent_s_max / 2)
            if self._silence.silent_s() < interval_s:
                interval_s = self._interval_s
        return max(0.05, self._requested_s + interval_s - self._silence.now_s())

    async def poll(self) -> None:
        """Publish the holdings; a failure does not stop quoting, since the next poll retries."""
        try:
            await self.publish_holdings()
        except RequestFailedError as error:
            logger.warning("balances_request_failed", because=str(error)[:300])

    async def publish_holdings(self) -> None:
        """Publish balances, and positions where derivatives are traded. Raises RequestFailedError."""
        async with self._requesting:
            if any(is_derivative(contract.symbol) for contract in self._contracts.values()):
                await self._publish_positions()
            await self._publish_balances()

    async def _publish_positions(self) -> None:
        asked_ns, venue = self._now_ns(), self._rest.config.id
        answer = await self._rest.request("account", "query", self._rest.dialect.positions)
        self._publish(positions_of(answer, venue, asked_ns, self._now_ns()))

    async def _publish_balances(self) -> None:
        """Publish balances, and check that the stream delivered an event for any change."""
        previous_s, self._requested_s = self._requested_s, self._silence.now_s()
        asked_ns = self._now_ns()
        answer = await self._rest.request("account", "query", self._rest.dialect.client.fetch_balance)
        read = self._trades.pop_read()
        balances = balances_of(answer, self._rest.config.id, asked_ns, self._now_ns(), read)
        self._publish(balances)
        totals = {balance.currency: balance.free + balance.locked for balance in balances.balances}
        before, self._totals = self._totals, totals
        if before is not None and before != totals:
            await self._expect_event_since(previous_s)

    async def _expect_event_since(self, time_s: float) -> None:
        """Close the stream if it delivered no event since a balance changed."""
        if self._silence.last_event_s < time_s:
            await asyncio.sleep(_GRACE_S)
        if self._silence.last_event_s < time_s:
            silent_s = self._silence.silent_s()
            self._streams.end(
                f"balances changed, but the user data stream has been silent for {silent_s:.1f} s"
            )

"""Reads the account's trades by symbol, after the last known one, to recover what no stream delivered.

Trades of tracked orders are recovered with their order; this also finds those of unknown orders. Until when
each symbol's trades were read goes out with the next statement of holdings.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog

from quote_service.routing.venues.exchange.client import RestClient
from quote_service.routing.venues.exchange.facts import TradeFacts, VenueContract, trade_facts
from quote_service.routing.venues.exchange.outcomes import RequestFailedError
from quote_service.routing.venues.exchange.reconciliation import VenueReconciliation
from schemas.message import TimeNs
from schemas.units import NS_PER_S

MATCH_GRACE_S = 0.3
"""How long a trade may wait for the acknowledgement of its order."""
_BEGAN_MARGIN_S = 60.0
"""Margin for changes of the venue's clock; trades from before the log are filtered later."""
REPEATED = 50
"""Number of known trades that a start reads again, since trades may be delivered out of order."""

logger = structlog.get_logger()


class TradeReader:
    """Reads trades, and tracks the read position of each symbol."""

    def __init__(
        self,
        rest: RestClient,
        reconciliation: VenueReconciliation,
        contracts: Mapping[str, VenueContract],
        known_ids: Mapping[str, Sequence[str]],
        began_ns: Callable[[], int],
    ) -> None:
        """`known_ids`: by `venue:symbol`, the newest booked trade ids, oldest first."""
        self._rest = rest
        self._reconciliation = reconciliation
        self._contracts = contracts
        self._known_ids = known_ids
        self._began_ns = began_ns
        self._read_up_to: dict[str, int] = {}
        self._reading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """By `venue:symbol`."""
        self._until_ns: dict[str, TimeNs] = {}
        """By ccxt symbol, until when trades were read that may wait for their order to be looked up."""
        self._matched_ns: dict[str, TimeNs] = {}
        """The same once they were reported, until `pop_read`."""
        self._queued: set[str] = set()
        """Symbols queued for reading, as `venue:symbol`."""

    async def read_all(self) -> None:
        """Read the trades of every symbol in turn; raises RequestFailedError."""
        for contract in tuple(self._contracts.values()):
            await self._read_pages(contract)
        await self._match_read()

    async def read_again(self) -> None:
        """As `read_all`, after a reconnect; failures are logged and left to the next call."""
        await self.read(tuple(self._contracts))

    async def read(self, keys: Iterable[str]) -> bool:
        """Read the trades of these symbols, `venue:symbol`, and report ours.

        False where a request failed, which is logged.
        """
        were_read = [await self._read(self._contracts[key]) for key in keys if key in self._contracts]
        return await self._match() and all(were_read)

    def pop_read(self) -> tuple[tuple[str, TimeNs], ...]:
        """Until when trades were read and reported since the last call, by symbol."""
        read, self._matched_ns = self._matched_ns, {}
        return tuple(sorted(read.items()))

    async def match_soon(self) -> None:
        """Look up the orders of unmatched trades, and read the trades of the queued symbols."""
        await asyncio.sleep(MATCH_GRACE_S)
        keys, self._queued = self._queued, set()
        await self._match()
        await self.read(keys)

    def enqueue(self, key: str) -> bool:
        """Queue a symbol for reading; True where `match_soon` is already pending."""
        is_under_way = bool(self._queued)
        self._queued.add(key)
        return is_under_way

    async def _match(self) -> bool:
        try:
            await self._match_read()
        except RequestFailedError as error:
            logger.warning("trade_order_lookup_failed", because=str(error)[:300])
            return False
        return True

    async def _match_read(self) -> None:
        """Look up the orders of unmatched trades: with that, all that was read is reported."""
        until_ns, self._until_ns = self._until_ns, {}
        await self._reconciliation.match_trades()
        self._matched_ns |= until_ns

    async def _read(self, contract: VenueContract) -> bool:
        try:
            await self._read_pages(contract)
        except RequestFailedError as error:
            logger.warning("trades_request_failed", symbol=contract.symbol, because=str(error)[:300])
            return False
        return True

    async def _read_pages(self, contract: VenueContract) -> None:
        async with self._reading[contract.key]:
            asked_ns = self._rest.registry.now_ns()
            while await self._read_page(contract):
                asked_ns = self._rest.registry.now_ns()
            self._until_ns[contract.symbol] = asked_ns

    async def _read_page(self, contract: VenueContract) -> bool:
        """Book a page of trades; True where another may follow."""
        last_id = self._last_id(contract.key)

        async def trades_since() -> list[TradeFacts]:
            began_s = self._began_ns() / NS_PER_S + self._rest.registry.clock_offset_s
            since_ms = max(0, int((began_s - _BEGAN_MARGIN_S) * 1e3))
            trades = await self._rest.dialect.trades_since(contract, last_id, since_ms)
            return [trade_facts(trade, contract) for trade in trades]

        trades = await self._rest.request("trades", "query", trades_since)
        for trade in trades:
            self._rest.registry.book(contract, trade, recovered=True)
        newest = max((int(trade.trade_id) for trade in trades if trade.trade_id.isdigit()), default=None)
        if newest is None or newest <= (last_id or -1):
            return False
        self._read_up_to[contract.key] = newest
        return True

    def _last_id(self, key: str) -> int | None:
        read = self._read_up_to.get(key)
        if read is not None:
            return read
        known = [int(trade_id) for trade_id in self._known_ids.get(key, ())[-REPEATED:] if trade_id.isdigit()]
        return min(known) - 1 if known else None

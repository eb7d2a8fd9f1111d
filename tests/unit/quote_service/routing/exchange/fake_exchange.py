"""An exchange in memory that does what it is told, and says what it is told to say: the truth is known."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any, Literal

import ccxt
from quote_service.routing.venues.exchange.dialects import Amended
from quote_service.routing.venues.exchange.facts import VenueContract

from schemas.orders import TimeInForce
from schemas.venues import VENUES, VenueId

Fault = Literal[
    "none", "refuse", "held_back", "lost_before", "lost_after", "late", "hide", "wrong_body", "half_replaced"
]
"""lost_before: the request never came, and no answer either. lost_after: carried out, no answer. late: as
lost_before, and carried out a little later. hide: carried out, and not shown for a while."""
LATE_S = 0.05
CONTRACT = VenueContract(
    "binance:BTC/USDT", "binance", "BTC/USDT", 1, Decimal("0.01"), Decimal("0.001"), "BTC", "USDT"
)
ERRORS: dict[str, Callable[[], Exception]] = {
    "refuse": lambda: ccxt.OrderImmediatelyFillable('binance {"code":-2010,"msg":"would immediately match"}'),
    "held_back": lambda: ccxt.DDoSProtection('binance 429 {"code":-1003,"msg":"Too many requests"}'),
    "lost_before": lambda: ccxt.RequestTimeout("binance POST timed out"),
    "lost_after": lambda: ccxt.ExchangeNotAvailable("binance connection cut"),
    "late": lambda: ccxt.RequestTimeout('binance {"code":-1007,"msg":"Timeout waiting for response"}'),
    "wrong_body": lambda: KeyError("orderId"),
}


@dataclass
class Held:
    """An order at the exchange."""

    venue_id: str
    venue_client_id: str
    side: str
    ticks: int
    lots: int
    filled: int = 0
    status: str = "open"
    hidden_looks: int = 0
    symbol: str = CONTRACT.symbol
    created_ms: int = 0

    def unified(self) -> dict[str, Any]:
        return {
            "id": self.venue_id,
            "clientOrderId": self.venue_client_id,
            "symbol": self.symbol,
            "timestamp": self.created_ms,
            "side": self.side,
            "price": float(CONTRACT.price(self.ticks)),
            "amount": float(CONTRACT.size(self.lots)),
            "filled": float(CONTRACT.size(self.filled)),
            "status": self.status,
            "info": {},
        }


@dataclass
class FakeExchange:
    """Speaks as a Dialect does."""

    venue_name: VenueId = "binance"
    faults: list[Fault] = field(default_factory=list)
    """Of the next requests that change something, in order; none left: no fault."""
    held: dict[str, Held] = field(default_factory=dict)
    trades: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    on_trade: Callable[[dict[str, Any]], object] = lambda trade: None
    """The account's stream."""
    clock_offset_s: float = 0.0
    """Its clock minus ours."""

    def __post_init__(self) -> None:
        self.venue = VENUES[self.venue_name]
        self.client = self
        self._ids = count(1)
        self._late: set[asyncio.Task[None]] = set()

    async def _do(self, name: str, act: Callable[[], Any]) -> Any:
        self.requests.append(name)
        fault = self.faults.pop(0) if self.faults else "none"
        await asyncio.sleep(0)
        if fault in {"none", "hide"}:
            done = act()
            if fault == "hide":
                for held in self.held.values():
                    held.hidden_looks = 2
            return done
        if fault in {"lost_after", "wrong_body"}:
            act()
        if fault == "late":
            self._later(act)
        if fault == "half_replaced":
            raise self._half_replaced(act)
        raise ERRORS[fault]()

    def _half_replaced(self, act: Callable[[], Any]) -> Exception:
        """Of a replacement the cancel alone: of anything else, a refusal."""
        replaces: Callable[[], Any] | None = getattr(act, "cancel", None)
        if replaces is None:
            refused: Exception = ERRORS["refuse"]()
            return refused
        replaces()
        partly: Exception = ccxt.BadResponse(
            'binance {"code":-2021,"msg":"Order cancel-replace partially failed."}'
        )
        return partly

    def _later(self, act: Callable[[], Any]) -> None:
        async def run() -> None:
            await asyncio.sleep(LATE_S)
            try:
                act()
            except ccxt.BaseError:
                return

        task = asyncio.create_task(run())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _open(self, venue_client_id: str, side: str, ticks: int, lots: int) -> Held:
        if any(
            held.venue_client_id == venue_client_id and held.status == "open" for held in self.held.values()
        ):
            raise ccxt.InvalidOrder('binance {"code":-2010,"msg":"Duplicate order sent."}')
        held = Held(str(next(self._ids)), venue_client_id, side, ticks, lots)
        held.created_ms = int((time.time() + self.clock_offset_s) * 1e3)
        self.held[held.venue_id] = held
        return held

    def _by_wire(self, venue_client_id: str | None, venue_id: str | None) -> Held:
        for held in reversed(self.held.values()):
            if held.venue_id == venue_id or (venue_id is None and held.venue_client_id == venue_client_id):
                return held
        raise ccxt.OrderNotFound('binance {"code":-2013,"msg":"Order does not exist."}')

    def _end(self, venue_client_id: str | None, venue_id: str | None) -> Held:
        held = self._by_wire(venue_client_id, venue_id)
        if held.status != "open":
            raise ccxt.OrderNotFound('binance {"code":-2011,"msg":"Unknown order sent."}')
        held.status = "canceled"
        return held

    def fill(self, venue_id: str, lots: int, *, streamed: bool = True) -> None:
        """A taker takes some of a resting order."""
        held = self.held[venue_id]
        lots = min(lots, held.lots - held.filled)
        if held.status != "open" or lots <= 0:
            return
        held.filled += lots
        if held.filled == held.lots:
            held.status = "closed"
        trade = {
            "id": f"t{len(self.trades) + 1}",
            "order": venue_id,
            "symbol": CONTRACT.symbol,
            "side": held.side,
            "price": float(CONTRACT.price(held.ticks)),
            "amount": float(CONTRACT.size(lots)),
            "takerOrMaker": "maker",
            "fee": {"cost": 0.001, "currency": "USDT"},
        }
        self.trades.append(trade)
        if streamed:
            self.on_trade(trade)

    async def place(
        self,
        contract: VenueContract,
        side: str,
        ticks: int,
        lots: int,
        venue_client_id: str,
        time_in_force: TimeInForce = "gtc",
    ) -> Any:
        return await self._do("place", lambda: self._open(venue_client_id, side, ticks, lots).unified())

    async def amend(
        self, contract: VenueContract, side: str, ticks: int, lots: int, old: str, new: str, venue_id: str
    ) -> Amended:
        def replace() -> Amended:
            ended = self._end(None, venue_id)
            return Amended(self._open(new, side, ticks, lots).unified(), ended.unified())

        replace.cancel = lambda: self._end(None, venue_id)  # type: ignore[attr-defined]

        def in_place() -> Amended:
            return Amended(self._change(venue_id, ticks, lots).unified(), None)

        done: Amended = await self._do("amend", replace if self.venue.amend == "replace" else in_place)
        return done

    async def shrink(
        self, contract: VenueContract, side: str, ticks: int, lots: int, old: str, new: str, venue_id: str
    ) -> Amended:
        done: Amended = await self._do(
            "shrink", lambda: Amended(self._change(venue_id, ticks, lots).unified(), None)
        )
        return done

    def _change(self, venue_id: str, ticks: int, lots: int) -> Held:
        held = self._by_wire(None, venue_id)
        if held.status != "open" or lots <= held.filled:
            raise ccxt.OrderNotFound('binance {"code":-2011,"msg":"Unknown order sent."}')
        held.ticks, held.lots = ticks, lots
        return held

    async def cancel(self, contract: VenueContract, venue_client_id: str, venue_id: str | None) -> Any:
        return await self._do("cancel", lambda: self._end(venue_client_id, venue_id).unified())

    async def cancel_by_venue_id(self, symbol: str, venue_id: str) -> Any:
        return await self._do("cancel", lambda: self._end(None, venue_id).unified())

    async def look_up(
        self, contract: VenueContract, venue_client_id: str | None, venue_id: str | None
    ) -> Any:
        await asyncio.sleep(0)
        held = self._by_wire(venue_client_id, venue_id)
        if held.hidden_looks:
            held.hidden_looks -= 1
            raise ccxt.OrderNotFound('binance {"code":-2013,"msg":"Order does not exist."}')
        return held.unified()

    async def trades_of(self, contract: VenueContract, venue_id: str) -> list[Any]:
        await asyncio.sleep(0)
        return [trade for trade in self.trades if trade["order"] == venue_id]

    async def recent_orders(self, contract: VenueContract, since_ms: int) -> list[Any]:
        await asyncio.sleep(0)
        return [held.unified() for held in self.held.values()]

    async def fetch_open_orders(self) -> list[Any]:
        await asyncio.sleep(0)
        return [held.unified() for held in self.held.values() if held.status == "open"]

    async def settle(self) -> None:
        """Until nothing that was sent can take effect any more."""
        while self._late:
            await asyncio.gather(*self._late)

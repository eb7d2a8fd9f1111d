"""A desk connected to an exchange, which states its balances."""

from decimal import Decimal
from typing import Any

from schemas.config import Config
from schemas.orders import OrderEvent, VenueBalance, VenueBalances
from tests.kit.messages import BTC, MS, T0, venue_status
from tests.unit.quote_service.routing.builders import Desk, wide_config


def at_exchange(**sections: dict[str, Any]) -> Config:
    exchange = {"symbols": ["BTC/USDT"], "url": "http://127.0.0.1:1"}
    return wide_config(venue={"kind": "ccxt"}, feed={"kind": "live"}, exchange=exchange, **sections)


class ExchangeDesk(Desk):
    """A desk at an exchange that is ready: one tick is 1 USDT, one lot 0.1 BTC, no fee."""

    def __init__(self, reserved: str = "0", **sections: dict[str, Any]) -> None:
        """`reserved`: BTC that were there before, and are no position."""
        self.reads_trades = True
        inventory = {"reserved": {"BTC": reserved}, **sections.pop("inventory", {})}
        super().__init__(at_exchange(inventory=inventory, **sections), lot_size=Decimal("0.1"))
        self.send(venue_status())

    def balances(self, at_ms: float, **held: tuple[str, str]) -> list[OrderEvent]:
        """A statement, with all trades read just before it where `reads_trades`."""
        stated = tuple(
            VenueBalance(currency=currency, free=Decimal(free), locked=Decimal(locked))
            for currency, (free, locked) in held.items()
        )
        time_ns = T0 + round(at_ms * MS)
        read = ((BTC, time_ns),) if self.reads_trades else ()
        return self.send(
            VenueBalances(event_time_ns=time_ns, venue="sim", symbol="*", balances=stated, trades_read=read)
        )

    def place(self, at_ms: float, sequence: int, **sides: Any) -> list[tuple[str, tuple[str, ...]]]:
        self.book(at_ms)
        return [(event.kind, event.reasons) for event in self.target(at_ms + 1, sequence, **sides)]

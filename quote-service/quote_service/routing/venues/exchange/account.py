"""The account's balances as the venue states them."""

from collections.abc import Mapping
from typing import Any

from quote_service.routing.venues.exchange.facts import number
from schemas.message import ALL_SYMBOLS
from schemas.orders import VenueBalance, VenueBalances


def balances_of(stated: Mapping[str, Any], venue: str, now_ns: int) -> VenueBalances:
    """A unified balance of ccxt, without what the account has none of."""
    free, used = stated.get("free") or {}, stated.get("used") or {}
    balances = (
        VenueBalance(currency=name, free=number(free.get(name)), locked=number(used.get(name)))
        for name in sorted({*free, *used})
    )
    held = tuple(balance for balance in balances if balance.free or balance.locked)
    return VenueBalances(event_time_ns=now_ns, venue=venue, symbol=ALL_SYMBOLS, balances=held)

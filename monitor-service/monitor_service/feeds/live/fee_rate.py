"""The rate of the exchange's own currency, for fees taken in it, where nothing else provides one.

An account at Binance may pay its fees in BNB. Where neither `reporting.rates` nor a traded symbol gives its
rate, the feed polls the mid of the exchange's own market.
"""

import asyncio
from collections.abc import Container, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import structlog

from monitor_service.feeds.live.sink import Sink
from runtime.errors import ConfigError
from runtime.exchange.clients import Client
from schemas.config import Config
from schemas.symbol_form import symbol_form
from schemas.venues import VENUES

INTERVAL_S = 60.0
"""Fees are small beside the traded amounts: a rate a minute old is good enough."""
_RETRY_S = 2.0
_LEVELS = 5

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FeeMarket:
    """The market that gives the rate."""

    symbol: str
    base_currency: str
    quote_currency: str


def fee_market(config: Config, markets: Container[str]) -> FeeMarket | None:
    """The market to poll; None: no orders go there, no such fees are taken, or the rate is known already.

    Raises ConfigError where the exchange itself has no such market: the start is refused. A simulator in
    its place (`exchange.url`) need not have one. Its symbols were announced before: their forms are known.
    """
    exchange, reporting = config.exchange, config.reporting
    currency = VENUES[exchange.id].fee_currency
    if config.venue.kind != "ccxt" or currency is None or reporting.rate_of(currency) is not None:
        return None
    forms = [symbol_form(symbol, reporting.currency) for symbol in exchange.symbols]
    if any(form.base_currency == currency for form in forms):
        return None
    for quote in dict.fromkeys((reporting.currency, *(form.quote_currency for form in forms))):
        for symbol in (f"{currency}/{quote}", f"{currency}/{quote}:{quote}"):
            if symbol in markets and reporting.rate_of(quote) is not None:
                return FeeMarket(symbol, currency, quote)
    if exchange.url is not None:
        return None
    raise ConfigError(
        f"{exchange.id} takes fees in {currency} from an account that is set to it, and has no market that "
        f"gives its rate: set reporting.rates.{currency}"
    )


@dataclass(frozen=True, slots=True)
class FeeRateWatch:
    """Polls the mid of one market until cancelled."""

    market: FeeMarket
    client: Client
    sink: Sink

    async def run(self) -> None:
        """A failed request is retried soon."""
        while True:
            try:
                await self.ask()
            except Exception as error:
                logger.warning("fee_rate_unknown", symbol=self.market.symbol, because=repr(error)[:300])
                await asyncio.sleep(_RETRY_S)
            else:
                await asyncio.sleep(INTERVAL_S)

    async def ask(self) -> None:
        """One request. Raises ValueError for a book without two sides, and ccxt's own errors."""
        book = await self.client.fetch_order_book(self.market.symbol, _LEVELS)
        mid = (_best(book, "bids") + _best(book, "asks")) / 2
        self.sink.rate(self.market.symbol, self.market.base_currency, self.market.quote_currency, mid)


def _best(book: Mapping[str, Any], side: str) -> Decimal:
    """The shortest text of ccxt's float is the number the venue wrote."""
    if not book.get(side):
        raise ValueError(f"the book has no {side}")
    return Decimal(str(book[side][0][0]))

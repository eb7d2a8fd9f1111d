"""The instrument a feed announces: from the configuration, or inferred and marked so."""

from decimal import Decimal

from runtime.errors import ConfigError
from schemas.config import Config
from schemas.feed_settings import InstrumentConfig
from schemas.market import FeedInstrument


def currencies(symbol: str, reporting_currency: str) -> tuple[str, str]:
    """Base and quote currency of a symbol: `BTC/USDT:USDT` is BTC in USDT.

    A symbol without a slash is quoted in the reporting currency.
    """
    base, slash, rest = symbol.partition("/")
    quote = rest.partition(":")[0]
    return (base, quote) if slash and quote else (symbol, reporting_currency)


def configured(venue: str, symbol: str, config: Config) -> InstrumentConfig | None:
    """The configuration of a symbol at a venue, where there is one."""
    found = config.instruments.get(symbol)
    return found if found is not None and found.venue in (None, venue) else None


def without_rate(symbol: str, quote: str) -> str:
    """The error text: money is never converted one to one without a rate."""
    return (
        f"reporting.rates has none for {quote}, in which {symbol} is quoted: set how much of the reporting "
        f"currency one {quote} is, or report in {quote} with reporting.currency"
    )


def announce(
    venue: str,
    symbol: str,
    config: Config,
    now_ns: int,
    *,
    inferred_tick: Decimal | None = None,
    inferred_lot: Decimal | None = None,
    needs_rate: bool = True,
) -> FeedInstrument:
    """The instrument; raises ConfigError where neither configuration nor inference gives tick and lot.

    It also raises for a missing rate of the quote currency, where the instrument's money is to be counted.
    """
    known = configured(venue, symbol, config)
    facts = known or InstrumentConfig(venue=venue)
    tick = facts.tick_size or inferred_tick
    lot = facts.lot_size or inferred_lot
    if tick is None or lot is None:
        raise ConfigError(f"instruments.{symbol} needs tick_size and lot_size: the data shows none")
    base, quote = currencies(symbol, config.reporting.currency)
    quote = facts.quote_currency or quote
    rate = config.reporting.rate_of(quote)
    if rate is None and needs_rate:
        raise ConfigError(without_rate(symbol, quote))
    assumed = {
        "tick_size": facts.tick_size is None,
        "lot_size": facts.lot_size is None,
        "fees": known is None,
        "reporting_rate": rate is None,
    }
    return FeedInstrument(
        event_time_ns=now_ns,
        venue=venue,
        symbol=symbol,
        tick_size=tick,
        lot_size=lot,
        min_notional=facts.min_notional,
        maker_fee_bps=facts.maker_fee_bps,
        taker_fee_bps=facts.taker_fee_bps,
        contract_kind=facts.contract_kind,
        multiplier=facts.multiplier,
        base_currency=facts.base_currency or base,
        quote_currency=quote,
        reporting_rate=rate or Decimal(1),
        inferred=tuple(name for name, is_assumed in assumed.items() if is_assumed),
    )

"""The instrument a feed announces: from the configuration, or inferred and marked so."""

from decimal import Decimal

from runtime.errors import ConfigError
from schemas.config import Config
from schemas.feed_settings import InstrumentConfig
from schemas.market import FeedInstrument
from schemas.symbol_form import SymbolForm, symbol_form


def form_of(symbol: str, facts: InstrumentConfig, reporting_currency: str) -> SymbolForm:
    """Currencies and kind of a contract: as configured, else by the symbol's form.

    Raises ConfigError for a kind that is not traded here, or that contradicts the form.
    """
    try:
        form = symbol_form(symbol, reporting_currency)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if facts.contract_kind == "spot" and form.kind == "linear":
        raise ConfigError(
            f"instruments.{symbol}.contract_kind is spot, and {symbol} is a linear contract by its form: "
            "take the key out, or name the pair without its settlement currency"
        )
    return SymbolForm(
        facts.base_currency or form.base_currency,
        facts.quote_currency or form.quote_currency,
        facts.contract_kind or form.kind,
    )


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
    form = form_of(symbol, facts, config.reporting.currency)
    tick = facts.tick_size or inferred_tick
    lot = facts.lot_size or inferred_lot
    if tick is None or lot is None:
        raise ConfigError(f"instruments.{symbol} needs tick_size and lot_size: the data shows none")
    rate = config.reporting.rate_of(form.quote_currency)
    if rate is None and needs_rate:
        raise ConfigError(without_rate(symbol, form.quote_currency))
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
        contract_kind=form.kind,
        multiplier=facts.multiplier,
        base_currency=form.base_currency,
        quote_currency=form.quote_currency,
        reporting_rate=rate or Decimal(1),
        inferred=tuple(name for name, is_assumed in assumed.items() if is_assumed),
    )

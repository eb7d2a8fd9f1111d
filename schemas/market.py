"""Market facts: instruments, feed data, and the books and trades derived from it."""

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.message import PriceTicks, Side, SizeLots, SymbolEvent, TimeNs

ContractKind = Literal["spot", "linear"]
BookStatus = Literal["building", "live", "gapped", "crossed", "locked", "one_sided", "stale", "lagging"]
"""lagging: newer data waits, and the engine has not come to it for `market_data.lag_ms_max`."""
RefusalReason = Literal[
    "malformed",
    "bad_price",
    "bad_size",
    "off_tick",
    "off_lot",
    "unknown_symbol",
    "time_backwards",
    "delta_before_snapshot",
    "delta_after_gap",
    "old_sequence",
    "duplicate_trade",
    "not_followed",
]
"""not_followed: an operator started a symbol the feed does not have, or one too many."""


class VenueFilters(BaseModel):
    """A venue's filters for a contract, besides tick, lot and minimum notional; None: not stated."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    price_min: Decimal | None = None
    price_max: Decimal | None = None
    size_min: Decimal | None = None
    size_max: Decimal | None = None
    notional_max: Decimal | None = None
    """In the quote currency."""
    bid_multiplier_min: Decimal | None = None
    bid_multiplier_max: Decimal | None = None
    """Bounds of a bid's price, as multiples of the venue's reference price."""
    ask_multiplier_min: Decimal | None = None
    ask_multiplier_max: Decimal | None = None
    open_orders_max: int | None = None
    amends_max: int | None = None
    """Of one order."""
    position_max: Decimal | None = None
    """Base units: free, locked, and what open buys may add."""


class InstrumentFacts(SymbolEvent):
    """A contract's terms: everything that turns ticks and lots into money."""

    version: int = 1
    tick_size: Decimal
    lot_size: Decimal
    min_notional: Decimal = Decimal(0)
    maker_fee_bps: Decimal = Decimal(0)
    """Positive is a cost, negative a rebate, of the notional, in the quote currency."""
    taker_fee_bps: Decimal = Decimal(0)
    contract_kind: ContractKind = "spot"
    multiplier: Decimal = Decimal(1)
    """Base units in one unit of size: 1 for spot, the contract's size for a linear contract."""
    base_currency: str
    quote_currency: str
    reporting_rate: Decimal
    """Units of the reporting currency for one unit of the quote currency."""
    filters: VenueFilters = VenueFilters()
    inferred: tuple[str, ...] = ()
    """Names of the fields above that were inferred or assumed, not configured."""

    @property
    def money_per_tick_lot(self) -> Decimal:
        """Quote-currency money of one tick times one lot."""
        return self.tick_size * self.lot_size * self.multiplier

    @property
    def units(self) -> tuple[Decimal, Decimal, Decimal, str]:
        """The units of ticks, lots and money: tick, lot, multiplier, quote currency."""
        return self.tick_size, self.lot_size, self.multiplier, self.quote_currency

    def has_units_of(self, other: "InstrumentFacts") -> bool:
        """Are ticks, lots and money the same units in both?"""
        return self.units == other.units


class FeedInstrument(InstrumentFacts):
    """An instrument as a feed adapter announced it, before its first market event."""

    type_name: ClassVar[str] = "market.feed.instrument.v1"


class Instrument(InstrumentFacts):
    """An instrument in force. State, compacted: the newest version is authoritative."""

    type_name: ClassVar[str] = "market.instrument.v1"


class RateFacts(SymbolEvent):
    """The price of an otherwise unfollowed market: the value of one unit of its base currency."""

    base_currency: str
    quote_currency: str
    rate: Decimal
    """Mid, in the quote currency, above 0."""


class FeedRate(RateFacts):
    """A rate as requested from the venue by a feed adapter."""

    type_name: ClassVar[str] = "market.feed.rate.v1"


class Rate(RateFacts):
    """A rate for fees in a currency without a configured one. State."""

    type_name: ClassVar[str] = "market.rate.v1"


class FeedBook(SymbolEvent):
    """A snapshot or a delta as received from the venue, in ticks and lots; size 0 removes a level."""

    type_name: ClassVar[str] = "market.feed.book.v1"

    exchange_time_ns: TimeNs | None = None
    snapshot: bool
    sequence: int | None = None
    bid_prices: tuple[PriceTicks, ...]
    bid_sizes: tuple[SizeLots, ...]
    ask_prices: tuple[PriceTicks, ...]
    ask_sizes: tuple[SizeLots, ...]


class FeedTrade(SymbolEvent):
    """A public trade as received from the venue; `side` is the taker's, None where unknown."""

    type_name: ClassVar[str] = "market.feed.trade.v1"

    exchange_time_ns: TimeNs | None = None
    price_ticks: PriceTicks
    size_lots: SizeLots
    side: Side | None
    trade_id: str


class FeedRefused(SymbolEvent):
    """An event that the feed adapter could not convert to ticks and lots; `symbol` may be `*`."""

    type_name: ClassVar[str] = "market.feed.refused.v1"

    reason: RefusalReason
    detail: str
    """Names the value and the place (file and line, or channel)."""
    event_type: Literal["book", "trade"] | None = None
    """The intended type, where known; a lost book update is a gap."""
    command_id: str | None = None
    """The start command it answers: the symbol cannot be followed."""


class LagFacts(SymbolEvent):
    """How far the engine is behind a symbol's feed: when it is too far, once a second, and at the end."""

    lag_ms: Annotated[int, Field(ge=0)]
    """How long the oldest data had waited, at the most, since the report before."""
    left_ms: Annotated[int, Field(ge=0)]
    """How long the oldest data waits that is still not passed on."""
    conflated: Annotated[int, Field(ge=0)] = 0
    """Book updates merged into newer ones since the report before, where those were the most."""


class FeedLag(LagFacts):
    """The lag as found by the feed adapter when it passed data on."""

    type_name: ClassVar[str] = "market.feed.lag.v1"


class MarketLag(LagFacts):
    """The lag of a followed symbol. Event."""

    type_name: ClassVar[str] = "market.lag.v1"


class Book(SymbolEvent):
    """The best levels of a book after an update. State: the newest per symbol is authoritative.

    Prices are best first: bids descending, asks ascending, each parallel to its sizes. With a status
    other than `live` nothing may be quoted from it.
    """

    type_name: ClassVar[str] = "market.book.v1"

    instrument_version: int = 1
    exchange_time_ns: TimeNs | None = None
    status: BookStatus
    bid_prices: tuple[PriceTicks, ...]
    bid_sizes: tuple[SizeLots, ...]
    ask_prices: tuple[PriceTicks, ...]
    ask_sizes: tuple[SizeLots, ...]


class Trade(SymbolEvent):
    """A public trade, once per venue trade id. Event."""

    type_name: ClassVar[str] = "market.trade.v1"

    instrument_version: int = 1
    exchange_time_ns: TimeNs | None = None
    price_ticks: PriceTicks
    size_lots: SizeLots
    side: Side | None
    trade_id: str


class SymbolRemoved(SymbolEvent):
    """An operator removed a symbol: its orders have ended, and its market data. Event."""

    type_name: ClassVar[str] = "market.removed.v1"

    command_id: str


class Refusal(SymbolEvent):
    """A market event that did not enter the book or the trades, and why. Event."""

    type_name: ClassVar[str] = "market.refusal.v1"

    reason: RefusalReason
    detail: str
    command_id: str | None = None
    """The start command it answers: an operator requested the symbol."""

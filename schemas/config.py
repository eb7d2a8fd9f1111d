"""The configuration: one tree, an input of every core, so part of the contract.

The first four sections keep the names of the engine's owner. Each field says its unit; where the naive
reading of a name is broken, the field says what is done instead.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.alpha_settings import Alpha
from schemas.deployment import Access, Engine, Exchange, Kafka, Process, Redis
from schemas.market import ContractKind
from schemas.market_data_settings import MarketData
from schemas.message import Instruction
from schemas.numbers import Count, Fraction, Milliseconds, NonNegative, Positive, PositiveDecimal
from schemas.quoting_settings import (
    MarketMaking,
    MicroPrice,
    ModelSettings,
    Pricing,
    SymbolSettings,
    check_fair_value,
)
from schemas.shape_settings import Shape


class RiskLimits(Instruction):
    """When to stop. Money is in the reporting currency."""

    max_position: PositiveDecimal = Decimal(100)
    """Base units per symbol, long or short, worst case: open and in-flight orders count."""
    max_position_notional: PositiveDecimal = Decimal(100_000)
    """The same in money; the tighter of the two binds."""
    max_loss: Annotated[Decimal, Field(lt=0)] = Decimal(-500)
    """Profit of one symbol at or below which it is reduce-only; at 120 % of it, halted."""
    account_max_loss: Annotated[Decimal, Field(lt=0)] = Decimal(-2_500)
    """The same for the account."""
    max_drawdown: Annotated[float, Field(lt=0, gt=-1)] = -0.1
    """Fall of the account's equity from its maximum, as a fraction of that maximum, at which all is halted.
    Equity is `capital` plus profit, so a profit of 10 that shrinks to 5 is no drawdown of 50 %."""
    max_exposure: Positive = 0.2
    """Gross notional of all positions divided by equity, at which only reducing orders are allowed."""
    warn_at: Fraction = 0.8
    """Share of a limit at which an alert warns."""
    repeat_fills_same_side: Count = 20
    """Orders of one symbol and side with a fill inside 10 s at which the symbol is halted
    (RTS 6 Art. 15(3))."""
    repeat_fills_any_side: Count = 200
    """The same for both sides inside 60 s."""
    resume_people: Literal[1, 2] = 1
    """How many different people it takes to end a halt."""
    resume_within_s: Positive = 900.0
    """The second one agrees within this, to the same halt, or both begin anew."""
    heartbeat_ms: Milliseconds = 250
    """The account's risk state is republished this often."""
    heartbeat_ttl_ms: Milliseconds = 1_000
    """Without a risk state this long, the gate closes and all quotes are cancelled."""


class InventoryLimits(Instruction):
    """What inventory is wanted, and what is too much."""

    target_inventory: Decimal = Decimal(0)
    """Base units per symbol."""
    max_inventory: PositiveDecimal = Decimal(100)
    """Base units from the target at which the lean is full and the growing side is no longer quoted."""
    max_inventory_notional: PositiveDecimal = Decimal(50_000)
    """The same in the reporting currency; the tighter of the two binds."""
    rebalance_threshold: PositiveDecimal = Decimal(10)
    """Base units from the target at which a rebalance is signalled, or the same share of
    max_inventory_notional where that binds."""
    markout_horizon_ms: Milliseconds = 1_000
    """How long after a fill of ours the mid is compared with that at the fill: the expected adverse move,
    see `pricing.min_edge_bps`."""
    markout_half_life_s: Positive = 300.0
    """How fast the adverse moves of fills are forgotten."""


class Routing(Instruction):
    """The gate and the reconciler."""

    price_collar: Positive = 0.02
    """Largest distance of an order from the mid, as a fraction of it."""
    order_value_max: PositiveDecimal = Decimal(10_000)
    """Largest order in the reporting currency."""
    order_size_max: PositiveDecimal | None = None
    """Largest order in base units; none: risk_limits.max_position."""
    permitted: tuple[str, ...] | None = None
    """The only contracts that may be traded, as `venue:symbol`; none: all that are announced. What is no
    longer here is cancelled at the start."""
    messages_per_10s: Count = 10_000
    """Orders, amends and cancels of the account; a fifth is kept for cancels."""
    messages_per_10s_symbol: Count = 400
    """The same for one symbol. A real venue's own limits are lower: set what it grants."""
    duplicate_window_ms: Milliseconds = 500
    """The same order for the same target is not sent twice within this, and what was filled is not offered
    again for it."""
    target_age_ms_max: Milliseconds = 500
    """A target that reaches the router later than this is not acted on: nothing new is sent for it."""
    size_up_tolerance: NonNegative = 0.5
    """A live order that is smaller than wanted by up to this fraction of its size is left alone: more size
    would cost its place in the queue."""
    unknown_after_ms: Milliseconds = 5_000
    """An intent without an answer this long is UNKNOWN: it stays reserved and is never sent again."""
    kill_deadline_ms: Milliseconds = 5_000
    """A halt whose orders the venue still shows after this is reported as incomplete; cancelling goes on."""


class Protection(Instruction):
    """What holds a symbol for a while, or one order, when the market or our own trading is strange."""

    fill_window_ms: Milliseconds = 5_000
    """Own fills of a symbol are summed over this long."""
    fill_quantity_max: Positive = 3.0
    """More filled in the window than so many times the quote's size freezes the symbol."""
    fill_delta_max: Positive = 2.0
    """The same for bought minus sold, whichever way."""
    freeze_ms: Milliseconds = 1_000
    """How long a freeze holds."""
    trips_max: Count = 60
    """At so many freezes within `trip_window_s` the symbol is halted until people resume it. Synthetic takers
    come in bursts and freeze a symbol 20 times; where somebody may know more than we do, 3 is much."""
    trip_window_s: Positive = 600.0
    """Freezes are counted over this long."""
    jump_sigmas: Positive = 5.0
    """A mid that moves by more standard deviations than this at once is not quoted around."""
    jump_bps_min: NonNegative = 50.0
    """Smaller moves are no jump, however calm it was before."""
    jump_pause_ms: Milliseconds = 1_000
    """So long the market must hold the new price before it is believed."""
    quote_move_max: Fraction = 0.03
    """Own prices may not move by more than this within `quote_move_window_s` unless the mid moved by half."""
    quote_move_window_s: Positive = 60.0
    """See `quote_move_max`."""
    post_only_tries: Count = 3
    """So often a quote that the venue refused because it would have taken is tried again, a tick further."""
    post_only_pause_ms: Milliseconds = 1_000
    """Tries are counted over this long; after one more the quote rests as long."""
    price_repeats_max: Count = 10
    """Orders sent to one price within a second; more are held back."""
    rest_ms_min: NonNegative = 0.0
    """An order rests this long before it is moved or cancelled without need. 2,000 suits Binance's ratios."""
    position_break_s: Positive = 10.0
    """A venue's balance that differs from our position by more than a lot for so long halts the symbol."""


class VenueConfig(Instruction):
    """Where orders go. The fields after `kind` are those of the simulated venue: paper trading, backtests."""

    kind: Literal["simulated", "ccxt"] = "simulated"
    """ccxt: the real venue that `exchange` names, or the sandbox in its place."""
    entry_latency_ms: NonNegative = 10.0
    """From the router to the matching."""
    response_latency_ms: NonNegative = 8.0
    """From the matching to the router."""
    queue_model: Literal["risk_averse", "power"] = "risk_averse"
    """How orders ahead of ours at a price go: by trades only, or by cancels too."""
    queue_power: Positive = 3.0
    """Exponent n of 1 - (front / (front + back))^n, the share of cancels behind us."""


class Reporting(Instruction):
    """The one currency of limits across symbols."""

    currency: str = "USDT"
    """In which limits across symbols are told."""
    rates: dict[str, PositiveDecimal] = Field(
        default_factory=lambda: {"USDT": Decimal(1), "USD": Decimal(1), "USDC": Decimal(1)}
    )
    """Units of the reporting currency for one unit of each quote currency."""
    capital: PositiveDecimal = Decimal(1_000_000)
    """Equity at the start, in the reporting currency."""


class InstrumentConfig(Instruction):
    """One contract. A tick or lot left out is inferred by the recorded feed, and the summary says so."""

    venue: str | None = None
    """The venue whose contract this is; none: the symbol at any venue."""
    tick_size: PositiveDecimal | None = None
    lot_size: PositiveDecimal | None = None
    min_notional: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    maker_fee_bps: Decimal = Decimal("1.0")
    taker_fee_bps: Decimal = Decimal("5.0")
    contract_kind: ContractKind = "spot"
    multiplier: PositiveDecimal = Decimal(1)
    base_currency: str | None = None
    quote_currency: str | None = None


class SyntheticSymbol(Instruction):
    """How one synthetic market behaves."""

    price: PositiveDecimal
    spread_bps: Positive
    """Typical spread of the market."""
    volatility_bps: Positive
    """Per square root of a second, in the calm regime."""
    depth_notional: Positive = 20_000.0
    """Typical money at a level."""
    trades_per_s: Positive = 0.5
    updates_per_s: Positive = 10.0


def _default_synthetic() -> dict[str, SyntheticSymbol]:
    return {
        symbol: SyntheticSymbol(price=Decimal(price), spread_bps=spread_bps, volatility_bps=volatility_bps)
        for symbol, price, spread_bps, volatility_bps in (
            ("BTC/USDT", "60000", 4.0, 0.6),
            ("ETH/USDT", "3000", 8.0, 0.8),
            ("SOL/USDT", "150", 20.0, 1.2),
            ("AAVE/USDT", "100", 30.0, 1.5),
            ("LTC/USDT", "80", 50.0, 2.0),
        )
    }


class Feed(Instruction):
    """Where the market comes from."""

    kind: Literal["synthetic", "recorded", "live"] = "synthetic"
    """live: from the exchange that the section `exchange` names."""
    paths: tuple[str, ...] = ()
    speed: Annotated[float, Field(gt=0)] | Literal["max"] = 1.0
    """Recorded or synthetic seconds per second of the wall clock, or `max`: as fast as it goes."""
    seed: int = 1
    on_malformed: Literal["skip", "fail"] = "skip"
    """What an unreadable line does to a recorded run: counted and skipped, or the end with exit 1."""
    symbols: dict[str, SyntheticSymbol] = Field(default_factory=_default_synthetic)
    """The synthetic markets; each needs its entry under `instruments`."""


def _default_instruments() -> dict[str, InstrumentConfig]:
    return {
        symbol: InstrumentConfig(
            venue="synthetic", tick_size=Decimal(tick), lot_size=Decimal(lot), min_notional=Decimal(10)
        )
        for symbol, tick, lot in (
            ("BTC/USDT", "0.1", "0.00001"),
            ("ETH/USDT", "0.01", "0.0001"),
            ("SOL/USDT", "0.01", "0.01"),
            ("AAVE/USDT", "0.01", "0.001"),
            ("LTC/USDT", "0.01", "0.001"),
        )
    }


ENVELOPE: Mapping[str, tuple[str, ...]] = {
    "risk_limits": (
        "max_position",
        "max_position_notional",
        "max_loss",
        "account_max_loss",
        "max_drawdown",
        "max_exposure",
        "resume_people",
    ),
    "routing": ("price_collar", "order_value_max", "order_size_max", "permitted"),
    "protection": ("trips_max",),
    "reporting": ("capital",),
}
"""What a configuration must say by itself before orders go to an exchange."""
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


class Config(Instruction):
    """The whole configuration of the engine."""

    market_making: MarketMaking = MarketMaking()
    risk_limits: RiskLimits = RiskLimits()
    inventory: InventoryLimits = InventoryLimits()
    pricing: Pricing = Pricing()
    model: ModelSettings = ModelSettings()
    micro_price: MicroPrice = MicroPrice()
    alpha: Alpha = Alpha()
    shape: Shape = Shape()
    per_symbol: dict[str, SymbolSettings] = Field(default_factory=dict)
    """By symbol: what is different for it in the sections above that quoting reads."""
    market_data: MarketData = MarketData()
    routing: Routing = Routing()
    protection: Protection = Protection()
    venue: VenueConfig = VenueConfig()
    exchange: Exchange = Exchange()
    reporting: Reporting = Reporting()
    instruments: dict[str, InstrumentConfig] = Field(default_factory=_default_instruments)
    """By symbol. A recording's symbols may be missing: their tick and lot are inferred."""
    feed: Feed = Feed()
    engine: Engine = Engine()
    access: Access = Access()
    kafka: Kafka = Kafka()
    redis: Redis = Redis()
    process: Process = Process()

    def of_symbol(self, symbol: str) -> "Config":
        """The configuration as one symbol has it. Raises ValueError for what the symbol cannot have."""
        own = self.per_symbol.get(symbol)
        if own is None:
            return self
        sections = {name: getattr(self, name) for name in SymbolSettings.model_fields}
        try:
            config = self.model_copy(update=own.over(sections))
        except ValueError as error:
            raise ValueError(f"per_symbol.{symbol}.{error}") from None
        check_fair_value(config.pricing, config.micro_price, f"per_symbol.{symbol}.micro_price")
        return config

    @model_validator(mode="after")
    def _per_symbol(self) -> "Config":
        for symbol in self.per_symbol:
            if self.of_symbol(symbol).pricing.reference_market is not None and self.process.shards > 1:
                raise ValueError(
                    f"per_symbol.{symbol}.pricing.reference_market: a shard does not see all markets; "
                    "set process.shards to 1"
                )
        check_fair_value(self.pricing, self.micro_price, "micro_price")
        if self.pricing.reference_market is not None:
            raise ValueError("pricing.reference_market is one for each symbol: say it under per_symbol")
        return self

    @model_validator(mode="after")
    def _synthetic_instruments(self) -> "Config":
        if self.feed.kind == "synthetic":
            for symbol in self.feed.symbols:
                instrument = self.instruments.get(symbol)
                if instrument is None or instrument.tick_size is None or instrument.lot_size is None:
                    raise ValueError(
                        f"feed.symbols names {symbol}, which needs instruments.{symbol} "
                        "with tick_size and lot_size"
                    )
        return self

    @model_validator(mode="after")
    def _envelope(self) -> "Config":
        """At an exchange itself no cap is a default: somebody has chosen each of them."""
        if self.venue.kind != "ccxt" or self.exchange.url is not None:
            return self
        absent = [
            f"{section}.{name}"
            for section, names in ENVELOPE.items()
            for name in names
            if name not in getattr(self, section).model_fields_set
        ]
        if absent:
            raise ValueError(f"trading at {self.exchange.id} itself needs its caps said: {', '.join(absent)}")
        return self

    @model_validator(mode="after")
    def _access(self) -> "Config":
        """Beyond this machine nobody is let in by a code that a terminal showed."""
        if self.process.gateway_host not in LOOPBACK_HOSTS and self.access.users_file is None:
            raise ValueError(
                f"process.gateway_host {self.process.gateway_host} is open to other machines, so "
                "access.users_file has to say who comes in: make it with `maker users add`"
            )
        return self

    @model_validator(mode="after")
    def _exchange(self) -> "Config":
        needs_exchange = self.feed.kind == "live" or self.venue.kind == "ccxt"
        if needs_exchange and not self.exchange.symbols:
            raise ValueError("exchange.symbols names no symbol: say what to trade, for example [BTC/USDT]")
        if needs_exchange and self.feed.speed != 1.0:
            raise ValueError(f"feed.speed is {self.feed.speed}, but a live market has its own: leave it at 1")
        if self.venue.kind == "ccxt" and self.feed.kind != "live":
            raise ValueError(f"venue.kind ccxt needs feed.kind live, not {self.feed.kind}")
        return self

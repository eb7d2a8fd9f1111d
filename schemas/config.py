"""The configuration: one tree, an input of every core, hence shared by all processes.

The first four sections keep the owner's names. Each field states its unit, and what it limits.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from schemas.alpha_settings import Alpha
from schemas.balance_settings import Balance
from schemas.deployment import (
    Access,
    Control,
    EngineSettings,
    ExchangeSettings,
    GatewaySettings,
    Kafka,
    Process,
    Redis,
)
from schemas.feed_settings import Feed, InstrumentConfig, default_instruments
from schemas.inventory_settings import InventoryLimits, check_account, check_pair, check_stated
from schemas.market_data_settings import MarketData
from schemas.message import Instruction
from schemas.numbers import (
    Bps,
    Count,
    DelayMs,
    Fraction,
    Milliseconds,
    NegativeDecimal,
    NegativeFraction,
    NonNegative,
    Positive,
    PositiveDecimal,
    Seconds,
)
from schemas.quoting_settings import (
    MarketMaking,
    MicroPrice,
    ModelSettings,
    Pricing,
    SymbolSettings,
    check_fair_value,
)
from schemas.reaction_settings import Reaction
from schemas.renamed_keys import with_present_names
from schemas.shape_settings import Shape


class RiskLimits(Instruction):
    """When to stop. Money is in the reporting currency."""

    max_position: PositiveDecimal = Decimal(100)
    """Base units per symbol, long or short, worst case: open and in-flight orders count."""
    max_position_notional: PositiveDecimal = Decimal(100_000)
    """The same in money; the tighter of the two binds."""
    max_loss: NegativeDecimal = Decimal(-500)
    """Profit of one symbol at or below which it is reduce-only; see `loss_halt_at`."""
    account_max_loss: NegativeDecimal = Decimal(-2_500)
    """The same for the account."""
    loss_halt_at: Annotated[PositiveDecimal, Field(ge=1, le=100)] = Decimal("1.2")
    """Multiple of a loss limit at which trading halts; from 1 to it, orders only reduce."""
    max_drawdown: NegativeFraction = -0.1
    """Fall of the account's equity from its maximum, as a fraction of that maximum, at which all is halted.
    Equity is `capital` plus profit, so a profit of 10 that shrinks to 5 is no drawdown of 50 %."""
    max_exposure: Positive = 0.2
    """Gross notional of all positions divided by equity, at which only reducing orders are allowed."""
    warn_at: Fraction = 0.8
    """Share of a limit at which an alert warns."""
    repeat_fills_same_side: Count = 20
    """Orders of one symbol and side with a fill within 10 s at which the symbol is halted
    (RTS 6 Art. 15(3))."""
    repeat_fills_any_side: Count = 200
    """The same for both sides within 60 s."""
    resume_people: Literal[1, 2] = 1
    """How many different people it takes to end a halt. Default: 2 where `access.users_file` has more than
    one person with the right to do so."""
    resume_within_s: Seconds = 900.0
    """Time for the second person to agree to the same halt; after it the first has to ask again."""
    heartbeat_ms: Milliseconds = 250
    """Interval at which the account's risk state is republished."""
    heartbeat_ttl_ms: Milliseconds = 1_000
    """Without a risk state for this long, the gate closes and all quotes are cancelled."""


class Routing(Instruction):
    """The gate and the planner."""

    price_collar: Positive = 0.02
    """Largest distance of an order from the mid, as a fraction of it."""
    order_value_max: PositiveDecimal = Decimal(10_000)
    """Largest order in the reporting currency."""
    order_size_max: PositiveDecimal | None = None
    """Largest order in base units; none: risk_limits.max_position."""
    permitted: tuple[str, ...] | None = None
    """The only contracts that may be traded, as `venue:symbol`; none: all announced ones. Orders of others
    are cancelled at the start."""
    messages_per_10s: Count = 10_000
    """Orders, amends and cancels of the account; a fifth is reserved for cancels."""
    messages_per_10s_symbol: Count = 400
    """The same for one symbol. A real venue's own limits are lower: set what it allows."""
    duplicate_window_ms: Milliseconds = 500
    """The same order for the same target is not sent twice within this time, and filled size is not offered
    again for it."""
    target_age_ms_max: Milliseconds = 500
    """A target that reaches the router later than this is ignored: nothing new is sent for it."""
    size_up_tolerance: NonNegative = 0.5
    """A live order that is smaller than desired by up to this fraction of its size is left alone: adding
    size would lose its queue position."""
    unknown_after_ms: Milliseconds = 5_000
    """An intent unanswered for this long is UNKNOWN: it stays reserved and is never sent again."""
    kill_deadline_ms: Milliseconds = 5_000
    """A halt whose orders the venue still shows after this is reported as incomplete; cancels continue."""


class Protection(Instruction):
    """Pauses a symbol, or blocks one order, when the market or our own trading is abnormal."""

    fill_window_ms: Milliseconds = 5_000
    """Own fills of a symbol are summed over this long."""
    fill_quantity_max: Positive = 3.0
    """Fills in the window above this multiple of the quote's size freeze the symbol."""
    fill_delta_max: Positive = 2.0
    """The same for net fills, bought minus sold, in either direction."""
    freeze_ms: Milliseconds = 1_000
    """Duration of a freeze."""
    trips_max: Count = 60
    """This many freezes within `trip_window_s` halt the symbol until an operator resumes it. Synthetic takers
    come in bursts, so the default is 20; against informed takers even 3 are many."""
    trip_window_s: Seconds = 600.0
    """Freezes are counted over this long."""
    jump_sigmas: Positive = 5.0
    """A mid that moves by more standard deviations than this at once is not quoted around."""
    jump_bps_min: Bps = 50.0
    """Smaller moves are not jumps, however calm the market was before."""
    jump_pause_ms: Milliseconds = 1_000
    """How long the market must hold a new price before it is trusted."""
    quote_move_max: Fraction = 0.03
    """Own prices may not move by more than this within `quote_move_window_s` unless the mid moved by half."""
    quote_move_window_s: Seconds = 60.0
    """See `quote_move_max`."""
    post_only_tries: Count = 3
    """How often a quote is retried, a tick further out each time, after a post-only rejection."""
    post_only_pause_ms: Milliseconds = 1_000
    """Retries are counted over this long; after one more the quote pauses as long."""
    price_repeats_max: Count = 10
    """Orders sent to one price within a second; more are suppressed."""
    rest_ms_min: DelayMs = 0.0
    """Time an order rests before it is moved or cancelled without need. 2,000 suits Binance's ratios."""
    position_break_s: Seconds = 3.0
    """A venue balance that differs from our fills by more than a lot for this long, in at least two
    statements, halts the symbol if it stands after the account's trades were read, for which it may last
    `exchange.request_timeout_ms` longer. Nothing is quoted from the first such statement on."""


class VenueConfig(Instruction):
    """Where orders go. The fields after `kind` are those of the simulated venue: paper trading, backtests."""

    kind: Literal["simulated", "ccxt"] = "simulated"
    """ccxt: the real venue of the section `exchange`, or the sandbox in its place."""
    entry_latency_ms: DelayMs = 10.0
    """From the router to matching."""
    response_latency_ms: DelayMs = 8.0
    """From matching to the router."""
    queue_model: Literal["risk_averse", "power", "power_1", "power_2", "log_1", "log_2"] = "risk_averse"
    """How the queue ahead of our orders shrinks: by trades only, or by a share of the cancels too, in one of
    the forms in docs/FORMULAS.md."""
    queue_power: Positive = 3.0
    """Exponent n of the power forms: `power` is 1 - (front / (front + back))^n, the share behind us."""
    through_share: Fraction = 1.0
    """Of a trade at a worse price than our order's, the part that we get: the rest went to others."""


class Reporting(Instruction):
    """The one currency of limits across symbols."""

    currency: str = "USDT"
    """The currency of limits across symbols."""
    rates: dict[str, PositiveDecimal] = Field(
        default_factory=lambda: {"USDT": Decimal(1), "USD": Decimal(1), "USDC": Decimal(1)}
    )
    """Units of the reporting currency for one unit of each quote currency, and of any other currency of
    fees; the latter may be omitted where the venue has a market for it, whose mid is then used."""
    capital: PositiveDecimal = Decimal(1_000_000)
    """Equity at the start, in the reporting currency."""

    def rate_of(self, currency: str) -> Decimal | None:
        """Reporting currency for one unit of another; None where it is not configured: never guessed."""
        return Decimal(1) if currency == self.currency else self.rates.get(currency)

    @model_validator(mode="after")
    def _is_one_of_itself(self) -> "Reporting":
        own = self.rates.get(self.currency, Decimal(1))
        if own != 1:
            raise ValueError(f"rates.{self.currency} is {own}, but that is the reporting currency: 1")
        return self


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
"""Settings without a default for trading at an exchange."""


def _with_default_markets(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The default synthetic markets keep their contracts beside those that a file lists for others."""
    feed = values.get("feed")
    given = feed.model_dump(exclude_unset=True) if isinstance(feed, Feed) else feed or {}
    listed = values.get("instruments")
    if not isinstance(given, Mapping) or not isinstance(listed, Mapping):
        return values
    if given.get("kind", "synthetic") != "synthetic" or "symbols" in given:
        return values
    return {**values, "instruments": {**default_instruments(), **listed}}


class Config(Instruction):
    """The whole configuration of the engine."""

    market_making: MarketMaking = MarketMaking()
    risk_limits: RiskLimits = RiskLimits()
    inventory: InventoryLimits = InventoryLimits()
    balance: Balance = Balance()
    pricing: Pricing = Pricing()
    model: ModelSettings = ModelSettings()
    micro_price: MicroPrice = MicroPrice()
    alpha: Alpha = Alpha()
    shape: Shape = Shape()
    reaction: Reaction = Reaction()
    per_symbol: dict[str, SymbolSettings] = Field(default_factory=dict)
    """By symbol: overrides of the sections above that quoting reads, of targets and limits in `inventory`,
    and of position, loss and notional in `risk_limits`."""
    market_data: MarketData = MarketData()
    routing: Routing = Routing()
    protection: Protection = Protection()
    venue: VenueConfig = VenueConfig()
    exchange: ExchangeSettings = ExchangeSettings()
    reporting: Reporting = Reporting()
    instruments: dict[str, InstrumentConfig] = Field(default_factory=default_instruments)
    """By symbol. A recording's symbols may be missing: their tick and lot are inferred."""
    feed: Feed = Feed()
    engine: EngineSettings = EngineSettings()
    gateway: GatewaySettings = GatewaySettings()
    access: Access = Access()
    control: Control = Control()
    kafka: Kafka = Kafka()
    redis: Redis = Redis()
    process: Process = Process()

    @model_validator(mode="before")
    @classmethod
    def _old_names(cls, values: Any) -> Any:
        return _with_default_markets(with_present_names(values)) if isinstance(values, Mapping) else values

    def of_symbol(self, symbol: str) -> "Config":
        """The configuration of one symbol. Raises ValueError for invalid overrides."""
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

    def checked_symbol(self, symbol: str) -> "Config":
        """The configuration of one symbol, where its overrides fit the rest. Raises ValueError."""
        own = self.of_symbol(symbol)
        if own.pricing.reference_market is not None and self.process.shards > 1:
            raise ValueError(
                f"per_symbol.{symbol}.pricing.reference_market: a shard does not see all markets; "
                "set process.shards to 1"
            )
        check_account(own.inventory, self.venue.kind)
        if symbol in self.exchange.symbols:
            check_pair(own.inventory, symbol)
        return own

    @model_validator(mode="after")
    def _per_symbol(self) -> "Config":
        for symbol, overrides in self.per_symbol.items():
            overrides.write_alike(self.checked_symbol(symbol))
        check_fair_value(self.pricing, self.micro_price, "micro_price")
        if self.pricing.reference_market is not None:
            raise ValueError("pricing.reference_market is one for each symbol: say it under per_symbol")
        return self

    @model_validator(mode="after")
    def _inventory(self) -> "Config":
        """Settings that need an account, and names of symbols that must exist."""
        check_account(self.inventory, self.venue.kind)
        for symbol in self.exchange.symbols:
            if symbol not in self.per_symbol:
                check_pair(self.inventory, symbol)
        if self.feed.kind == "synthetic":
            check_stated(self.inventory, self.feed.symbols, "feed.symbols")
        elif self.feed.kind == "live":
            check_stated(self.inventory, self.exchange.symbols, "exchange.symbols")
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
        """At a real exchange no cap may be a default: each has to be chosen."""
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
        """Access from other machines requires users, not a code printed in a terminal."""
        if not self.gateway.is_local and self.access.users_file is None:
            raise ValueError(
                f"gateway.host {self.gateway.host} is open to other machines, so "
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

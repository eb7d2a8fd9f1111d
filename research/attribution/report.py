"""The final report of attribution. None: undefined, such as the mean of nothing.

Decimals are exact; floats are figures. Money is in the settlement currency, sizes and positions are in
units of the contract, shares and ratios are of 1, times in seconds unless the name says otherwise.
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class AttributionReport:
    """equity_change = capture + inventory - fees + funding."""

    capture: Decimal
    """Against the mid just before each execution."""
    report_capture: Decimal
    """The same against the mid when its report arrived, for comparison: not in the sum."""
    balance: Decimal
    """Of capture less fees, the part of fills that took liquidity to reduce the inventory."""
    inventory: Decimal
    fees: Decimal
    """fees_paid - rebates; positive is a cost."""
    fees_paid: Decimal
    rebates: Decimal
    funding: Decimal
    """Positive was received."""
    equity_change: Decimal
    """Cash plus the position at the last mid, computed independently of the lines above."""
    residual_max: Decimal
    """Largest difference of the two sides after any event: 0."""


@dataclass(frozen=True, slots=True)
class CostReport:
    """One cost method; total = capture + inventory."""

    realised: Decimal
    unrealised: Decimal
    total: Decimal
    open_price: Decimal | None
    """Cost price of the position, in quote currency per base unit (for an inverse contract the harmonic
    mean); to 34 digits; None when flat."""


@dataclass(frozen=True, slots=True)
class CostsReport:
    """Both cost methods."""

    average: CostReport
    fifo: CostReport


@dataclass(frozen=True, slots=True)
class MarkoutRow:
    """Markouts of our fills at one horizon, over the fills that have one; signed, positive is a gain."""

    horizon_ms: int
    fills: int
    fills_without: int
    """Fills whose horizon no mid has reached."""
    markout: Decimal
    """capture + adverse."""
    capture: Decimal
    """Of the fills in this row."""
    adverse: Decimal
    """The mid's move within the horizon of each fill, times its own size, whether held until then or not."""
    residual: Decimal
    """Inventory profit less adverse: from holding longer than the horizon or, with its sign, shorter."""
    per_unit: float | None
    """Markout money per unit traded."""
    mean: float | None
    """Money per fill."""
    standard_error: float | None
    mean_bps: float | None
    """Of the traded notional, weighted by it."""
    standard_error_bps: float | None
    share_negative: float | None
    """Of the fills, by count."""


@dataclass(frozen=True, slots=True)
class EquityReport:
    """Drawdown and Sharpe of one-minute profit, after fees and funding."""

    max_drawdown: Decimal
    max_drawdown_share: float | None
    """Of the largest equity until then; None where the starting equity is unknown."""
    minutes: int
    minute_mean: float | None
    minute_deviation: float | None
    sharpe_minute: float | None
    sharpe_year: float | None


@dataclass(frozen=True, slots=True)
class InventoryReport:
    """Time-weighted inventory figures."""

    traded_notional: Decimal
    mean_inventory_notional: float | None
    turnover: float | None
    """Traded notional over mean inventory notional."""
    holding_time_s: float | None
    mean_position: float | None
    inventory_deviation: float | None
    """Root of the mean square distance from the target, units."""
    largest_position: Decimal
    """Absolute, units."""


@dataclass(frozen=True, slots=True)
class FillsReport:
    """Our fills, counted."""

    fills: int
    duplicates: int
    """Left out: repeated trade ids."""
    bid_fills: int
    ask_fills: int
    hit_asymmetry: float | None
    """(bid fills - ask fills) / fills."""
    fills_per_s: float | None
    """Per quoting time: with a quote live or, without quote lines, with an order open."""


@dataclass(frozen=True, slots=True)
class OrdersReport:
    """Ratios over accepted orders that are finished; cancels over accepted."""

    accepted: int
    rejected: int
    finished: int
    quantity_fill_ratio: float | None
    order_fill_ratio: float | None
    full_fill_ratio: float | None
    cancel_ratio: float | None


@dataclass(frozen=True, slots=True)
class QuotesReport:
    """Shares of the session."""

    presence: float | None
    time_at_top_bid: float | None
    time_at_top_ask: float | None
    time_at_top_both: float | None
    mean_spread: float | None
    """Own ask - own bid over the time with presence, quote currency."""


@dataclass(frozen=True, slots=True)
class TakerRow:
    """Effective spread and its parts at one horizon; quote currency per base unit."""

    horizon_ms: int
    trades: int
    effective_spread: float | None
    effective_spread_bps: float | None
    realised_spread: float | None
    impact: float | None


@dataclass(frozen=True, slots=True)
class ToxicityReport:
    """The flow of public trades."""

    trades: int
    flow_imbalance: float
    """At the end, -1 to 1."""
    flow_volume: float
    """Units, decayed."""
    flow_against_fills: float | None
    """Mean over our fills of -side * flow imbalance just before: 1 where all were against the flow."""
    bucket_imbalance: float | None
    bucket_imbalance_mean: float | None
    takers: tuple[TakerRow, ...]


@dataclass(frozen=True, slots=True)
class SymbolReport:
    """One symbol."""

    contract: str
    currency: str
    """The currency of its money."""
    begin_ns: int | None
    end_ns: int | None
    session_s: float
    position: Decimal
    mid: Decimal | None
    """At which the account is marked."""
    attribution: AttributionReport
    open_fees: dict[str, Decimal]
    """By currency: charged fees without a rate, which are in no figure; positive is a cost."""
    costs: CostsReport
    equity: EquityReport
    inventory: InventoryReport
    fills: FillsReport
    orders: OrdersReport | None
    """None without order lines."""
    quotes: QuotesReport | None
    """None without quote lines."""
    markouts: tuple[MarkoutRow, ...]
    toxicity: ToxicityReport | None
    """None without public trades."""


@dataclass(frozen=True, slots=True)
class CurrencyReport:
    """All symbols that settle in one currency."""

    symbols: int
    attribution: AttributionReport
    open_fees: dict[str, Decimal]
    """As for a symbol, summed."""
    equity: EquityReport


@dataclass(frozen=True, slots=True)
class AccountReport:
    """Everything: by currency and by symbol."""

    currencies: dict[str, CurrencyReport]
    symbols: dict[str, SymbolReport]

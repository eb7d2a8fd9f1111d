"""The lines that attribution reads, one JSON object each, in order of time.

Times are whole nanoseconds UTC and never go back. Numbers are JSON numbers or strings, taken from their text
as decimals, below 1e18 and with at most 30 decimals. Prices are in quote currency for one base unit. Sizes
are in units of the contract: base units for spot, contracts otherwise. Money is in the settlement currency
(quote for spot and linear contracts, base for inverse ones) unless a field says its currency. Fields with `?`
may be left out.

- instrument: symbol, contract (spot, linear, inverse), base_currency, quote_currency, multiplier? (of one
  contract: base units for linear, quote units for inverse; 1), target_position? (units; 0), quote_size_min?
  (units) and quote_spread_bps_max? (what counts as quoting both sides), flow_tau_s? (of the decay of the
  takers' flow; 60), bucket_size? (units) and buckets? (50) of the bucket imbalance, unsided_trades? (ignore;
  or normal, student: class whole buckets by their price change). It comes before its symbol's other lines.
- mid: time_ns, symbol, mid (price), marks? (false: for markouts and spreads alone; the account is marked by
  other lines).
- fill: time_ns, symbol, side (ours), price, size, fee (positive is a cost, negative a rebate), fee_currency?
  (settlement), fee_rate? (settlement currency for one unit of fee_currency, where that is another; a spot fee
  in base currency has none: it is deducted from the position, at the mid), fee_open? (true: no rate is known
  yet, a later `fee` line books it), mid? (price, when it was reported; else the newest mid), executed_ns?
  (when the venue executed it; else time_ns) and execution_mid? (just before that: the base of capture and
  adverse moves; else mid), trade_id? (a repeated one is skipped), purpose? (quote; or balance: it took
  liquidity to reduce the inventory).
- fee: time_ns, symbol, currency, amount (settlement currency; positive is a cost): books all fees that were
  open in `currency`. Open fees are in no other figure.
- adjustment: time_ns, symbol, size (signed, units: a change other than by our trades), price? (of its cost;
  else the mid), mid? (for its valuation; else the newest, or the first that follows). It is no profit.
- carried: time_ns, symbol, position, cash (before fees), capture, inventory, net_fees, balance?, cost_price?,
  mid?, open_fees? (by currency), trade_ids? State from before the stream: its symbol's first line.
- funding: time_ns, symbol, amount (positive was received; also interest and borrowing), currency?
  (settlement), rate? (settlement currency for one unit of currency, where that is another).
- order: time_ns, symbol, order_id, status (accepted, amended: with size; cancelled, expired, filled: with
  filled, the total executed size; reopened: with size, after an end that was reported wrongly or too early,
  for the newest 1,000 that ended; rejected: never accepted), size? (units), filled? (units).
- quote: time_ns, symbol, and the state from now on: bid?, bid_size?, ask?, ask_size? (our live quotes, none
  where left out), best_bid?, best_ask? (displayed, ours included, none where that side is empty).
- trade: time_ns, symbol, price, size, side? (the taker's). A public trade, for the toxicity of the flow.
- transfer: time_ns, currency, amount (positive was paid in): no profit, and no drawdown either.
"""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from schemas.message import Instruction, Side
from schemas.names import Name
from schemas.numbers import TIME_NS_BEFORE, Positive
from schemas.orders import FillPurpose

Contract = Literal["spot", "linear", "inverse"]
OrderStatus = Literal["accepted", "amended", "cancelled", "expired", "filled", "reopened", "rejected"]
UnsidedTrades = Literal["ignore", "normal", "student"]

_BOUND = Decimal(10) ** 18
_PLACES_MAX = 30
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def _literal(value: Any) -> Any:
    """A float has lost its original text, true is no number, and 1_000 is one in Python only."""
    if isinstance(value, bool | float) or (isinstance(value, str) and not _NUMBER.fullmatch(value)):
        raise ValueError("write a decimal number")
    return value


Number = Annotated[
    Decimal, Field(gt=-_BOUND, lt=_BOUND, decimal_places=_PLACES_MAX), BeforeValidator(_literal)
]
Above0 = Annotated[Number, Field(gt=0)]
NotBelow0 = Annotated[Number, Field(ge=0)]
LineTimeNs = Annotated[int, Field(strict=True, ge=0, lt=TIME_NS_BEFORE)]


class InstrumentLine(Instruction):
    """A contract's terms, and the parameters of its metrics."""

    kind: Literal["instrument"] = "instrument"
    symbol: Name
    contract: Contract
    base_currency: Name
    quote_currency: Name
    multiplier: Above0 = Decimal(1)
    """Of one contract: base units for a linear, quote units for an inverse one; 1 for spot."""
    target_position: Number = Decimal(0)
    """Units; the reference of the inventory deviation."""
    quote_size_min: NotBelow0 = Decimal(0)
    quote_spread_bps_max: Above0 | None = None
    flow_tau_s: Positive = 60.0
    bucket_size: Above0 | None = None
    """Units in one volume bucket; None: no bucket imbalance."""
    buckets: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 50
    unsided_trades: UnsidedTrades = "ignore"

    @property
    def settlement_currency(self) -> str:
        """The currency of profit: base for an inverse contract, quote for the others."""
        return self.base_currency if self.contract == "inverse" else self.quote_currency

    @model_validator(mode="after")
    def _spot_has_no_contracts(self) -> Self:
        if self.contract == "spot" and self.multiplier != 1:
            raise ValueError("multiplier: spot is traded in base units, leave it out")
        return self


class SymbolLine(Instruction):
    """An event of a symbol at a time."""

    time_ns: LineTimeNs
    symbol: Name


class MidLine(SymbolLine):
    """The mid from now on."""

    kind: Literal["mid"] = "mid"
    mid: Above0
    marks: bool = True
    """Is the account marked at it?"""


class FillLine(SymbolLine):
    """An execution of ours."""

    kind: Literal["fill"] = "fill"
    side: Side
    price: Above0
    size: Above0
    fee: Number
    """In `fee_currency`; positive is a cost, negative a rebate."""
    fee_currency: Name | None = None
    fee_rate: Above0 | None = None
    """Settlement currency for one unit of `fee_currency`."""
    fee_open: bool = False
    """Is the fee in another currency without a rate, to be booked by a later line?"""
    mid: Above0 | None = None
    """When it was reported: the account is marked at it."""
    executed_ns: LineTimeNs | None = None
    execution_mid: Above0 | None = None
    """Just before the execution."""
    trade_id: Name | None = None
    purpose: FillPurpose = "quote"
    """balance: it took liquidity to reduce the inventory."""


class FeeLine(SymbolLine):
    """Books the fees that were open in a currency."""

    kind: Literal["fee"] = "fee"
    currency: Name
    amount: Number
    """In settlement currency; positive is a cost."""


class AdjustmentLine(SymbolLine):
    """The position changed other than by our trades."""

    kind: Literal["adjustment"] = "adjustment"
    size: Number
    """Signed."""
    price: Above0 | None = None
    mid: Above0 | None = None


class CarriedLine(SymbolLine):
    """Position and profit from before the stream."""

    kind: Literal["carried"] = "carried"
    position: Number
    cash: Number
    """Before fees."""
    capture: Number
    inventory: Number
    net_fees: Number
    """Costs less rebates."""
    balance: Number = Decimal(0)
    """What balancing earned, fees deducted."""
    cost_price: Above0 | None = None
    """Average cost of the position."""
    mid: Above0 | None = None
    open_fees: dict[Name, Number] = Field(default_factory=dict)
    trade_ids: tuple[Name, ...] = ()


class FundingLine(SymbolLine):
    """Money for holding a position: funding, interest, borrowing."""

    kind: Literal["funding"] = "funding"
    amount: Number
    """In `currency`; positive was received."""
    currency: Name | None = None
    rate: Above0 | None = None
    """Settlement currency for one unit of `currency`."""


class OrderLine(SymbolLine):
    """A change of an order's state."""

    kind: Literal["order"] = "order"
    order_id: Name
    status: OrderStatus
    size: Above0 | None = None
    filled: NotBelow0 | None = None


class QuoteLine(SymbolLine):
    """Our live quotes and the displayed best, from now on; None: nothing there."""

    kind: Literal["quote"] = "quote"
    bid: Above0 | None = None
    bid_size: Above0 | None = None
    ask: Above0 | None = None
    ask_size: Above0 | None = None
    best_bid: Above0 | None = None
    best_ask: Above0 | None = None


class TradeLine(SymbolLine):
    """A public trade; `side` is the taker's."""

    kind: Literal["trade"] = "trade"
    price: Above0
    size: Above0
    side: Side | None = None


class TransferLine(Instruction):
    """A deposit or withdrawal."""

    kind: Literal["transfer"] = "transfer"
    time_ns: LineTimeNs
    currency: Name
    """A settlement currency of the stream."""
    amount: Number
    """Positive was paid in."""


Line = (
    TransferLine
    | InstrumentLine
    | MidLine
    | FillLine
    | FeeLine
    | AdjustmentLine
    | CarriedLine
    | FundingLine
    | OrderLine
    | QuoteLine
    | TradeLine
)
LINES: dict[str, type[Instruction]] = {
    "instrument": InstrumentLine,
    "fill": FillLine,
    "fee": FeeLine,
    "adjustment": AdjustmentLine,
    "carried": CarriedLine,
    "mid": MidLine,
    "funding": FundingLine,
    "order": OrderLine,
    "quote": QuoteLine,
    "trade": TradeLine,
    "transfer": TransferLine,
}
"""The kinds of lines, by the value of their field `kind`."""

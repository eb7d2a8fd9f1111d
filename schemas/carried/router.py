"""order-router's carried state: orders that may be at the venue, and trades already counted."""

from decimal import Decimal
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from schemas.carried import Carried
from schemas.control import Override
from schemas.market import Instrument
from schemas.message import PriceTicks, Side, SizeLots, TimeNs
from schemas.orders import OrderStatus, StopCode, TimeInForce
from schemas.venues import Scope


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class CarriedOrder(_Part):
    """One order, as last known. Ticks and lots are those of its instrument version."""

    client_order_id: str
    order_prefix: str = ""
    """Prefix of its id at an exchange; empty: none, as at a simulated venue."""
    side: Side
    level: int
    instrument_version: int
    price_ticks: PriceTicks
    size_lots: SizeLots
    """Total size, including the filled part."""
    filled_lots: SizeLots = 0
    asked_price_ticks: PriceTicks
    """Price of the amend in flight; the order's own price without one."""
    asked_size_lots: SizeLots
    asked_at_ns: TimeNs
    """When the newest intent was sent."""
    revision: int = 0
    shrinks: int = 0
    is_replaced: bool = False
    """Does the amend in flight create a new order at the venue?"""
    target_sequence: int = 0
    status: OrderStatus
    time_in_force: TimeInForce = "gtc"


class CarriedPosition(_Part):
    """order-router's position: own fills at once, inventory-service's figures later."""

    lots: int = 0
    instrument_version: int | None = None
    """Of the lots; None: there never was a position."""
    base_fees_taken: Decimal = Decimal(0)
    base_fees_told: Decimal = Decimal(0)
    """Of all own fills; the part not deducted yet has left the account, but not the lots."""
    fills_counted: int = 0
    """By inventory-service's newest message."""
    uncounted: tuple[tuple[int, int], ...] = ()
    """(signed lots, their instrument version) of own fills since then, oldest first."""


class CarriedFillRate(_Part):
    """Market maker protection of a symbol: recent fills, and how often they froze it."""

    fills: tuple[tuple[int, int], ...] = ()
    """(time, signed lots) of the newest fills, lots of the newest instrument."""
    freezes_ns: tuple[int, ...] = ()
    frozen_until_ns: TimeNs = 0
    quote_lots: int = 0
    """Total of the larger side of the newest target that had one."""


class CarriedBudget(_Part):
    """Messages sent and not refilled yet, under our own limit."""

    spent: int = 0
    """Each counted as the window in nanoseconds, so that refilling is exact under any limit."""
    updated_ns: TimeNs = 0


class CarriedWindow(_Part):
    """Usage of one of the venue's rate limits."""

    scope: Scope
    interval_ns: int
    saved: int
    """Ahead of an even pace, each message counted as the interval."""
    updated_ns: TimeNs | None = None
    spent: tuple[tuple[int, int], ...] = ()
    """(time, cost) within the newest interval, oldest first."""


class CarriedMassCancel(_Part):
    """A mass cancel that had begun, or was confirmed and is still in force."""

    venue: str
    symbol: str
    reasons: tuple[str, ...]
    began_ns: TimeNs
    is_confirmed: bool = False
    """The old session's proof; a new session needs its own."""
    seen: tuple[str, ...] = ()
    """Client order ids that were open at any time since it began."""


class CarriedHolding(_Part):
    """Movements of the account's holdings of one currency, or (`venue:symbol`) of one derivative."""

    currency: str
    moved: Decimal = Decimal(0)
    """Through all fills so far, as in the ledgers."""
    taken: Decimal = Decimal(0)
    """Through fees of other symbols, which its ledgers do not include; below 0: less is held."""
    recent: tuple[tuple[int, int, Decimal], ...] = ()
    """(earliest time, latest time, amount) of the newest movements."""


class RouterCarried(Carried):
    """For one symbol, or (`*`) for the account: see RouterCore.carried."""

    type_name: ClassVar[str] = "carried.router.v1"

    # for one symbol
    instruments: tuple[Instrument, ...] = ()
    """Every version that a number below counts in, and the newest: with their ticks and lots."""
    mid_half_ticks: int | None = None
    """Twice the mid of the last sound book: a symbol no longer quoted keeps its value."""
    mid_version: int = 0
    """Instrument version of its ticks."""
    orders: tuple[CarriedOrder, ...] = ()
    """Orders the venue may hold."""
    ended: tuple[CarriedOrder, ...] = ()
    """The most recently ended ones, oldest first: a late fill finds its order among them."""
    orders_count: int = 0
    """Ids up to this count were used."""
    trade_ids: tuple[str, ...] = ()
    """The venue's ids of the newest counted trades, oldest first."""
    position: CarriedPosition = CarriedPosition()
    guard: CarriedFillRate = CarriedFillRate()
    stopped_by: StopCode | None = None
    """Why it may not trade until an operator resumes it."""
    overrides: tuple[Override, ...] = ()
    """Not used yet, and valid for a while."""
    balance_sequence: int = 0
    """The balancer's newest decision that was acted on: none is acted on twice."""

    # for both
    budgets: tuple[tuple[str, CarriedBudget], ...] = ()
    """By venue for the account; by its own key for a symbol."""
    windows: tuple[CarriedWindow, ...] = ()

    # for the account
    began_ns: TimeNs = 0
    """Start of the first of these sessions: earlier trades are not ours to count. 0: unknown."""
    order_prefixes: tuple[str, ...] = ()
    """Prefixes of our ids at the exchange, the newest last."""
    withdrawals: tuple[CarriedMassCancel, ...] = ()
    holdings: tuple[CarriedHolding, ...] = ()

"""Inventory targets, limits, and opening balances."""

from collections.abc import Collection
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from schemas.message import Instruction
from schemas.numbers import (
    Milliseconds,
    NonNegativeDecimal,
    PositiveDecimal,
    Seconds,
    SignedDecimal,
)

Opening = Literal["ledger", "venue", "stated"]
OF_SYMBOLS = frozenset(
    {
        "target_inventory",
        "target_notional",
        "target_share",
        "max_inventory",
        "max_inventory_notional",
        "rebalance_threshold",
    }
)
"""Settings that `per_symbol.SYMBOL.inventory` may override."""


def _as_tuple(value: Any) -> Any:
    """A single horizon, as older files have it."""
    return (value,) if isinstance(value, int | str) else value


class OpeningPosition(Instruction):
    """The opening balance of one symbol's ledger."""

    size: SignedDecimal
    """Base units of a spot contract, contracts of a derivative; below 0: short."""
    price: PositiveDecimal | None = None
    """Cost of one base unit, in the quote currency; none: the first mid."""


class InventoryLimits(Instruction):
    """Inventory targets, limits, and opening balances."""

    target_inventory: SignedDecimal = Decimal(0)
    """Base units per symbol."""
    target_notional: SignedDecimal | None = None
    """The target as money in the reporting currency, at the mark; none: target_inventory applies."""
    target_share: Annotated[NonNegativeDecimal, Field(le=1)] | None = None
    """The target as a share, 0 to 1, of the account's holdings of the pair: base currency at the mark plus
    quote currency. It needs an exchange that states balances; until then the target is what is held."""
    max_inventory: PositiveDecimal = Decimal(100)
    """Base units from the target at which the lean is full and the growing side is no longer quoted."""
    max_inventory_notional: PositiveDecimal = Decimal(50_000)
    """The same in the reporting currency; the tighter of the two binds."""
    rebalance_threshold: PositiveDecimal = Decimal(10)
    """Base units from the target at which a rebalance is signalled, or the same share of
    max_inventory_notional where that binds."""
    markout_horizons_ms: Annotated[
        tuple[Milliseconds, ...], BeforeValidator(_as_tuple), Field(min_length=1, max_length=8)
    ] = (1_000, 5_000, 30_000, 60_000)
    """Times after an execution of ours at which the mid is compared with that just before it: the expected
    adverse move is the worst that is significant, see `pricing.min_edge_bps`."""
    markout_half_life_s: Seconds = 300.0
    """Decay of the adverse moves after executions."""
    opening: Opening = "ledger"
    """How the ledgers of an empty log begin. ledger: empty, so that a start with an account that holds more
    is refused until an operator explains it. venue: with the account's holdings. stated: with
    `opening_positions`."""
    opening_positions: dict[str, OpeningPosition] = Field(default_factory=dict)
    """By symbol: the ledger's opening balance, where `opening` is stated; symbols not listed begin empty. A
    ledger with bookings is left alone."""
    reserved: dict[str, NonNegativeDecimal] = Field(default_factory=dict)
    """By currency: the part of the account's balance that is not the maker's, and counts for no position."""

    @model_validator(mode="after")
    def _one_target(self) -> "InventoryLimits":
        said = {
            "target_inventory": self.target_inventory or None,
            "target_notional": self.target_notional,
            "target_share": self.target_share,
        }
        given = [f"{name} {value}" for name, value in said.items() if value is not None]
        if len(given) > 1:
            raise ValueError(
                f"{' and '.join(given)} are several targets: keep one, and leave the others out (null; "
                "target_inventory: 0)"
            )
        return self

    @model_validator(mode="after")
    def _opening(self) -> "InventoryLimits":
        if self.opening_positions and self.opening != "stated":
            raise ValueError(
                f"opening_positions names {', '.join(self.opening_positions)}, but opening is "
                f"{self.opening}: say opening: stated, or take opening_positions out"
            )
        return self


def check_account(own: InventoryLimits, venue_kind: str) -> None:
    """Raises ValueError for settings that need an exchange account where there is none."""
    if own.opening == "venue" and venue_kind != "ccxt":
        raise ValueError(
            f"inventory.opening venue needs an account, but venue.kind is {venue_kind}: say opening: stated, "
            "with opening_positions"
        )
    if own.target_share is not None and venue_kind != "ccxt":
        raise ValueError(
            f"inventory.target_share {own.target_share} needs an account, but venue.kind is {venue_kind}: "
            "say target_notional, or target_inventory"
        )


def check_pair(own: InventoryLimits, symbol: str) -> None:
    """Raises ValueError for a share of a pair where the symbol is not a spot pair."""
    if own.target_share is not None and ":" in symbol:
        raise ValueError(
            f"inventory.target_share {own.target_share} is of a spot pair, and {symbol} is a derivative: say "
            f"target_notional for it, under per_symbol.{symbol}.inventory"
        )


def check_stated(own: InventoryLimits, symbols: Collection[str], place: str) -> None:
    """Raises ValueError for a position of an unfollowed symbol: it would never be held."""
    for symbol in own.opening_positions:
        if symbol not in symbols:
            raise ValueError(
                f"inventory.opening_positions names {symbol}, which is no symbol of {place}: correct the "
                "name, or take it out"
            )

"""What each venue can do, as data: the router's core decides by it, its adapter speaks by it.

Figures are the venues' published ones, read in 2026; a configuration may be stricter, never looser.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

VenueId = Literal["binance", "binanceusdm", "kraken", "okx"]
"""The names by which ccxt knows them."""
AmendKind = Literal["none", "replace", "in_place"]
"""replace: the amended order is a new one at the venue; in_place: it stays the same order."""
StpMode = Literal["expire_maker", "expire_taker", "expire_both", "decrement", "none"]
Scope = Literal["account", "symbol"]
MessageKind = Literal["place", "amend", "shrink", "cancel"]
"""shrink: an amend to less size at the same price."""


@dataclass(frozen=True, slots=True)
class DeadMansSwitch:
    """The venue cancels by itself when it hears nothing for a time."""

    scope: Scope
    timeout_ms_min: int
    timeout_ms_max: int
    timeout_ms_advised: int


@dataclass(frozen=True, slots=True)
class OrderRate:
    """So many order messages are granted in an interval, each kind at its cost."""

    scope: Scope
    limit: int
    interval_ms: int
    costs: Mapping[MessageKind, int]


@dataclass(frozen=True, slots=True)
class Venue:
    """One venue's rules."""

    id: VenueId
    title: str
    amend: AmendKind
    """Of price or to more size."""
    shrink: AmendKind
    """Of size downwards at the same price; in_place keeps the place in the queue."""
    dead_mans_switch: DeadMansSwitch | None
    stp_modes: tuple[StpMode, ...]
    """Self-trade prevention, the mode that is sent first; empty: the account's own setting holds."""
    client_id_length_max: int
    client_id_letters: str
    """Every letter that a client order id may have beside ASCII letters and digits."""
    order_rates: tuple[OrderRate, ...]
    request_weight_limit: int | None
    """Weight of requests granted per `request_weight_interval_ms` and address; None: not counted so."""
    request_weight_interval_ms: int
    has_user_stream: bool
    has_open_orders_of_all_symbols: bool
    """May open orders be asked for without naming a symbol?"""


_MINUTE_MS = 60_000
_EACH_ONE: Mapping[MessageKind, int] = {"place": 1, "amend": 1, "shrink": 1, "cancel": 1}

VENUES: Mapping[VenueId, Venue] = {
    venue.id: venue
    for venue in (
        Venue(
            id="binance",
            title="Binance spot",
            amend="replace",
            shrink="in_place",
            dead_mans_switch=None,
            stp_modes=("expire_maker", "expire_taker", "expire_both", "decrement", "none"),
            client_id_length_max=36,
            client_id_letters=".:/_-",
            order_rates=(
                OrderRate("account", 100, 10_000, {"place": 1, "amend": 1, "shrink": 0, "cancel": 0}),
                OrderRate("account", 200_000, 86_400_000, {"place": 1, "amend": 1, "shrink": 0, "cancel": 0}),
            ),
            request_weight_limit=6_000,
            request_weight_interval_ms=_MINUTE_MS,
            has_user_stream=True,
            has_open_orders_of_all_symbols=True,
        ),
        Venue(
            id="binanceusdm",
            title="Binance USD-M futures",
            amend="in_place",
            shrink="in_place",
            dead_mans_switch=DeadMansSwitch("symbol", 1_000, 3_600_000, 30_000),
            stp_modes=("expire_maker", "expire_taker", "expire_both", "none"),
            client_id_length_max=36,
            client_id_letters=".:/_-",
            order_rates=(
                OrderRate("account", 300, 10_000, {"place": 1, "amend": 1, "shrink": 1, "cancel": 0}),
                OrderRate("account", 1_200, _MINUTE_MS, {"place": 1, "amend": 1, "shrink": 1, "cancel": 0}),
            ),
            request_weight_limit=2_400,
            request_weight_interval_ms=_MINUTE_MS,
            has_user_stream=True,
            has_open_orders_of_all_symbols=True,
        ),
        Venue(
            id="kraken",
            title="Kraken spot",
            amend="in_place",
            shrink="in_place",
            dead_mans_switch=DeadMansSwitch("account", 5_000, 86_400_000, 60_000),
            stp_modes=("expire_taker", "expire_maker", "expire_both"),
            client_id_length_max=18,
            client_id_letters="-_",
            # The counter of a pair: a cancel within 5 s costs 8, an amend within 5 s costs 4; younger orders
            # cost more than older ones, so the dearest is taken.
            order_rates=(
                OrderRate("symbol", 60, 60_000, {"place": 1, "amend": 4, "shrink": 4, "cancel": 8}),
            ),
            request_weight_limit=None,
            request_weight_interval_ms=_MINUTE_MS,
            has_user_stream=True,
            has_open_orders_of_all_symbols=True,
        ),
        Venue(
            id="okx",
            title="OKX",
            amend="in_place",
            shrink="in_place",
            dead_mans_switch=DeadMansSwitch("account", 10_000, 120_000, 30_000),
            stp_modes=("expire_maker", "expire_taker", "expire_both"),
            client_id_length_max=32,
            client_id_letters="",
            order_rates=(
                OrderRate("account", 1_000, 2_000, _EACH_ONE),
                OrderRate("symbol", 60, 2_000, _EACH_ONE),
            ),
            request_weight_limit=None,
            request_weight_interval_ms=_MINUTE_MS,
            has_user_stream=True,
            has_open_orders_of_all_symbols=True,
        ),
    )
}

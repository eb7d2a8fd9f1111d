"""Each venue's capabilities as data: the router's core decides by them, its adapter communicates by them.

Figures are the venues' published ones, as of 2026; a configuration may be stricter, never looser.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

VenueId = Literal["binance", "binanceusdm", "kraken", "okx"]
"""Their ids in ccxt."""
AmendKind = Literal["none", "replace", "in_place"]
"""replace: the amended order is a new one at the venue; in_place: it stays the same order."""
StpMode = Literal["expire_maker", "expire_taker", "expire_both", "decrement", "none"]
Scope = Literal["account", "symbol"]
MessageKind = Literal["place", "amend", "shrink", "cancel"]
"""shrink: an amend to less size at the same price."""
RequestKind = Literal[
    "place",
    "amend",
    "shrink",
    "cancel",
    "cancel_all",
    "look_up",
    "open_orders",
    "open_orders_symbol",
    "recent_orders",
    "trades",
    "trades_of_order",
    "account",
    "order_counts",
    "key_permissions",
    "dead_mans_switch",
    "listen_key",
    "markets",
    "time",
    "depth_100",
    "depth_500",
    "depth_1000",
]
"""Kind of request: `trades` are those of a symbol, `depth_100` a book of up to 100 levels."""
REQUEST_KINDS: tuple[RequestKind, ...] = get_args(RequestKind)


@dataclass(frozen=True, slots=True)
class DeadMansSwitch:
    """The venue cancels by itself when it receives no heartbeat for a time."""

    scope: Scope
    timeout_ms_min: int
    timeout_ms_max: int
    timeout_ms_advised: int


@dataclass(frozen=True, slots=True)
class OrderRate:
    """A limit of order messages per interval, with a cost for each kind."""

    scope: Scope
    limit: int
    interval_ms: int
    costs: Mapping[MessageKind, int]


@dataclass(frozen=True, slots=True)
class TooMuch:
    """Text of an answer to excessive requests, and how long to pause."""

    text: str
    holds: Literal["everything", "orders"]
    seconds: float


@dataclass(frozen=True, slots=True)
class VenueCapabilities:
    """One venue's rules."""

    id: VenueId
    title: str
    amend: AmendKind
    """Of price, or to more size."""
    shrink: AmendKind
    """Of size downwards at the same price; in_place keeps queue position."""
    dead_mans_switch: DeadMansSwitch | None
    stp_modes: tuple[StpMode, ...]
    """Self-trade prevention, first the mode that is sent; empty: the account's own setting applies."""
    client_id_length_max: int
    client_id_letters: str
    """Every character allowed in a client order id besides ASCII letters and digits."""
    order_rates: tuple[OrderRate, ...]
    request_weight_limit: int | None
    """Request weight allowed per `request_weight_interval_ms` and address; None: not limited by weight."""
    request_weight_interval_ms: int
    weights: Mapping[RequestKind, int]
    """Weight of each kind of request; 0 where the venue counts no weight."""
    has_user_stream: bool
    has_open_orders_of_all_symbols: bool
    """Can open orders be requested without naming a symbol?"""
    too_much: tuple[TooMuch, ...] = ()
    """Where it signals this other than by status 429 or 418."""
    fee_currency: str | None = None
    """Its own currency, in which it takes fees from an account set to it."""


_MINUTE_MS = 60_000
_EACH_ONE: Mapping[MessageKind, int] = {"place": 1, "amend": 1, "shrink": 1, "cancel": 1}
_UNCOUNTED: Mapping[RequestKind, int] = dict.fromkeys(REQUEST_KINDS, 0)
_BINANCE_WEIGHTS: Mapping[RequestKind, int] = {
    "place": 1,
    "amend": 1,
    "shrink": 4,
    "cancel": 1,
    "cancel_all": 1,
    "look_up": 4,
    "open_orders": 80,
    "open_orders_symbol": 6,
    "recent_orders": 20,
    "trades": 20,
    "trades_of_order": 5,
    "account": 20,
    "order_counts": 40,
    "key_permissions": 1,
    "dead_mans_switch": 1,
    "listen_key": 2,
    "markets": 20,
    "time": 1,
    "depth_100": 5,
    "depth_500": 25,
    "depth_1000": 50,
}
"""amend: order/cancelReplace; shrink: order/amend/keepPriority. It has no dead-man's switch."""
_BINANCE_USDM_WEIGHTS: Mapping[RequestKind, int] = {
    "place": 0,
    "amend": 0,
    "shrink": 0,
    "cancel": 1,
    "cancel_all": 1,
    "look_up": 1,
    "open_orders": 40,
    "open_orders_symbol": 1,
    "recent_orders": 5,
    "trades": 5,
    "trades_of_order": 5,
    "account": 5,
    "order_counts": 1,
    "key_permissions": 1,
    "dead_mans_switch": 10,
    "listen_key": 1,
    "markets": 1,
    "time": 1,
    "depth_100": 5,
    "depth_500": 10,
    "depth_1000": 20,
}
"""Orders and amends are counted as orders alone."""

VENUES: Mapping[VenueId, VenueCapabilities] = {
    venue.id: venue
    for venue in (
        VenueCapabilities(
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
            weights=_BINANCE_WEIGHTS,
            has_user_stream=True,
            has_open_orders_of_all_symbols=True,
            fee_currency="BNB",
        ),
        VenueCapabilities(
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
            weights=_BINANCE_USDM_WEIGHTS,
            has_user_stream=True,
            has_open_orders_of_all_symbols=True,
            fee_currency="BNB",
        ),
        VenueCapabilities(
            id="kraken",
            title="Kraken spot",
            amend="in_place",
            shrink="in_place",
            dead_mans_switch=DeadMansSwitch("account", 5_000, 86_400_000, 60_000),
            stp_modes=("expire_taker", "expire_maker", "expire_both"),
            client_id_length_max=18,
            client_id_letters="-_",
            # The counter of a pair: a cancel within 5 s costs 8, an amend within 5 s costs 4; younger orders
            # cost more than older ones, so the highest cost is used.
            order_rates=(
                OrderRate("symbol", 60, 60_000, {"place": 1, "amend": 4, "shrink": 4, "cancel": 8}),
            ),
            request_weight_limit=None,
            request_weight_interval_ms=_MINUTE_MS,
            weights=_UNCOUNTED,
            has_user_stream=True,
            has_open_orders_of_all_symbols=True,
            too_much=(
                TooMuch("EGeneral:Temporary lockout", "everything", 300.0),
                TooMuch("EAPI:Rate limit exceeded", "everything", 5.0),
                TooMuch("EOrder:Rate limit exceeded", "orders", 5.0),
            ),
        ),
        VenueCapabilities(
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
            weights=_UNCOUNTED,
            has_user_stream=True,
            has_open_orders_of_all_symbols=True,
            too_much=(TooMuch('"50061"', "orders", 2.0),),
        ),
    )
}


def capabilities_of(venue_kind: str, exchange: VenueId) -> VenueCapabilities | None:
    """Of the exchange orders go to; None: the simulated venue, without limits and always ready."""
    return None if venue_kind == "simulated" else VENUES[exchange]

"""Reading views from the state store, and looking up symbols as typed."""

from difflib import get_close_matches

from gateway_api.access.identity import Identity
from gateway_api.app.numbers import milliseconds
from gateway_api.app.problems import ProblemError
from runtime.process.definition import GatewayContext
from runtime.store.documents import StateStore
from runtime.text import iso_time
from schemas.envelope import decode
from schemas.market import Instrument
from schemas.numbers import shortened
from schemas.statistics import MinuteStatistics
from schemas.views import (
    ACCOUNT_DOCUMENT,
    MINUTES_PREFIX,
    SYMBOL_PREFIX,
    AccountView,
    MinutesView,
    SymbolView,
)

_NEAREST_MAX = 3
_NEAREST_CUTOFF = 0.4


def view_of(store: StateStore, key: str) -> SymbolView | None:
    """The newest view of `venue:symbol`."""
    document = store.get(SYMBOL_PREFIX + key)
    return None if document is None else decode(SymbolView, document)


def contract_of(store: StateStore, key: str) -> Instrument:
    """The contract of `venue:symbol`; raises ProblemError 404 while none has been announced."""
    view = view_of(store, key)
    if view is None or view.instrument is None:
        raise ProblemError(404, "unknown_symbol", f"{key} has no contract yet.", "Try again in a second.")
    return view.instrument


def minutes_of(store: StateStore, key: str) -> tuple[MinuteStatistics, ...]:
    """The last hour of `venue:symbol`, minute by minute; empty without a statistics worker."""
    document = store.get(MINUTES_PREFIX + key)
    return () if document is None else decode(MinutesView, document).minutes


def account_of(store: StateStore) -> AccountView | None:
    """The newest view of the account."""
    document = store.get(ACCOUNT_DOCUMENT)
    return None if document is None else decode(AccountView, document)


def symbol_keys(store: StateStore) -> list[str]:
    """All known `venue:symbol`, without those that an operator removed."""
    account = account_of(store)
    removed = frozenset(account.removed if account else ())
    return [key for key in all_keys(store) if key not in removed]


def all_keys(store: StateStore) -> list[str]:
    """The same with those."""
    return [name.removeprefix(SYMBOL_PREFIX) for name in store.names(SYMBOL_PREFIX)]


def find_key(store: StateStore, symbol: str, venue: str | None, identity: Identity) -> str:
    """The `venue:symbol` for a symbol or key and an optional venue.

    Raises ProblemError: 404 with the nearest names in scope, 409 where several venues have the symbol.
    """
    keys = symbol_keys(store)
    found = [key for key in keys if _is_meant(key, symbol, venue)]
    if len(found) == 1:
        return found[0]
    if found:
        venues = ", ".join(key.partition(":")[0] for key in found)
        raise ProblemError(
            409,
            "ambiguous_symbol",
            f"{symbol} is traded at several venues: {venues}.",
            "Give one with ?venue=, or in the field venue of a command.",
        )
    name = symbol if venue is None else f"{symbol} at {venue}"
    hint = f"{shortened(name)} is not known. {_nearest(symbol, keys, identity)}"
    raise ProblemError(404, "unknown_symbol", "Symbol not found", hint)


def _is_meant(key: str, symbol: str, venue: str | None) -> bool:
    key_venue, _, key_symbol = key.partition(":")
    return symbol in (key, key_symbol) and venue in (None, key_venue)


def _nearest(symbol: str, keys: list[str], identity: Identity) -> str:
    names = (key.partition(":")[2] for key in keys if identity.reaches(key))
    by_upper = {name.upper(): name for name in names}
    close = get_close_matches(symbol.upper(), by_upper, n=_NEAREST_MAX, cutoff=_NEAREST_CUTOFF)
    if close:
        return f"Nearest: {', '.join(by_upper[name] for name in close)}."
    if not keys:
        return "No symbol is known yet: the engine announces them when its feed starts."
    return "GET /api/v1/maker/active lists the symbols."


def stamp(event_time_ns: int | None, now_ns: int) -> dict[str, str | float | None]:
    """The fields `event_time` and `age_ms`."""
    if event_time_ns is None:
        return {"event_time": None, "age_ms": None}
    return {"event_time": iso_time(event_time_ns), "age_ms": milliseconds(now_ns - event_time_ns)}


def seen(event_time_ns: int | None, context: GatewayContext) -> dict[str, str | float | bool | None]:
    """The fields of `stamp`, and whether the store may lack newer data."""
    view = context.store.status()
    because = view.state if view.is_partial else None
    return stamp(event_time_ns, context.now_ns()) | {
        "partial": view.is_partial,
        "partial_because": because,
        "store_age_ms": view.age_ms,
    }

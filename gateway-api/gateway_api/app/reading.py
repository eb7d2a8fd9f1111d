"""The views in the state store, and the finding of a symbol by what a person wrote."""

from difflib import get_close_matches

from chassis.process import GatewayContext
from chassis.store import StateStore
from chassis.text import iso_time
from gateway_api.app.numbers import milliseconds
from gateway_api.app.problems import ProblemError
from schemas.envelope import decode
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


def minutes_of(store: StateStore, key: str) -> tuple[MinuteStatistics, ...]:
    """The newest hour of `venue:symbol`, minute by minute; empty where no statistics worker runs."""
    document = store.get(MINUTES_PREFIX + key)
    return () if document is None else decode(MinutesView, document).minutes


def account_of(store: StateStore) -> AccountView | None:
    """The newest view of the account."""
    document = store.get(ACCOUNT_DOCUMENT)
    return None if document is None else decode(AccountView, document)


def symbol_keys(store: StateStore) -> list[str]:
    """All known `venue:symbol`."""
    return [name.removeprefix(SYMBOL_PREFIX) for name in store.names(SYMBOL_PREFIX)]


def find_key(store: StateStore, symbol: str, venue: str | None) -> str:
    """The `venue:symbol` that is meant by a symbol, or by such a key, and perhaps a venue.

    Raises ProblemError: 404 with the nearest names, 409 where several venues have the symbol.
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
            "Name one with ?venue=, or with the field venue of a command.",
        )
    wanted = symbol if venue is None else f"{symbol} at {venue}"
    raise ProblemError(404, "unknown_symbol", f"There is no symbol {wanted}.", _nearest(symbol, keys))


def _is_meant(key: str, symbol: str, venue: str | None) -> bool:
    key_venue, _, key_symbol = key.partition(":")
    return symbol in (key, key_symbol) and venue in (None, key_venue)


def _nearest(symbol: str, keys: list[str]) -> str:
    by_upper = {name.upper(): name for key in keys for name in (key.partition(":")[2],)}
    close = get_close_matches(symbol.upper(), by_upper, n=_NEAREST_MAX, cutoff=_NEAREST_CUTOFF)
    if close:
        return f"Nearest: {', '.join(by_upper[name] for name in close)}."
    if not keys:
        return "No symbol is known yet: the engine announces them when its feed starts."
    return "GET /api/v1/maker/active lists the symbols."


def stamp(event_time_ns: int | None, now_ns: int) -> dict[str, str | float | None]:
    """The fields `event_time` and `age_ms` of data of a time."""
    if event_time_ns is None:
        return {"event_time": None, "age_ms": None}
    return {"event_time": iso_time(event_time_ns), "age_ms": milliseconds(now_ns - event_time_ns)}


def seen(event_time_ns: int | None, context: GatewayContext) -> dict[str, str | float | bool | None]:
    """The fields of data of a time as the store has it: `stamp`'s, and whether newer data may be missing."""
    view = context.store.status()
    because = view.state if view.is_partial else None
    return stamp(event_time_ns, context.now_ns()) | {
        "partial": view.is_partial,
        "partial_because": because,
        "store_age_ms": view.age_ms,
    }

"""Symbols not traded yet, which can be started although the state store does not know them."""

from gateway_api.access.identity import Identity
from gateway_api.app.problems import ProblemError
from runtime.text import nearest
from schemas.config import Config
from schemas.feed_settings import Feed
from schemas.names import is_name

FOLLOW = (
    "GET /api/v1/maker/status/{symbol} shows it once the feed has announced its contract; an alert "
    "START_REFUSED with this command_id (GET /api/v1/maker/risk/alerts) gives the reason if the feed cannot"
)
REMOVAL = (
    "GET /api/v1/maker/status/{symbol} answers 404 once the venue has shown that no order is left, and an "
    "alert REMOVED says so; REMOVE_REFUSED, if a fill came before. Held when requested: {held}"
)


def new_key(config: Config, symbol: str, venue: str | None, identity: Identity) -> str | None:
    """The `venue:symbol` of a symbol that the feed may have; None: the start cannot be sent.

    Raises ProblemError for a symbol in scope that feed or router are known not to accept.
    """
    if config.feed.kind == "recorded":
        return None
    own = "synthetic" if config.feed.kind == "synthetic" else config.exchange.id
    name = symbol.removeprefix(f"{own}:")
    if venue not in (None, own) or not is_name(name) or "*" in name:
        return None
    key = f"{own}:{name}"
    if not identity.reaches(key):
        return key  # the answer is out of scope, without naming other symbols
    _check_synthetic(config, name, identity)
    permitted = config.routing.permitted
    if permitted is not None and key not in permitted:
        raise ProblemError(
            409,
            "not_permitted",
            f"routing.permitted does not name {key}: no order would be sent for it.",
            "Add it to routing.permitted and restart the engine.",
        )
    return key


def _check_synthetic(config: Config, name: str, identity: Identity) -> None:
    if config.feed.kind != "synthetic":
        return  # only the exchange knows
    known = Feed().symbols | config.feed.symbols
    if name not in known:
        near = nearest(name, (each for each in known if identity.reaches(f"synthetic:{each}")))
        stop = "" if near.endswith("?") else "."
        hint = f"The synthetic feed has no {name}{near}{stop} Describe its market under feed.symbols."
        raise ProblemError(404, "unknown_symbol", "Symbol not found", hint)

"""Holdings by ledger and by account, from the messages of a log or of topics; no engine needed."""

from collections.abc import Iterable

from quote_service.routing.router import RouterCore
from schemas.config import Config
from schemas.holdings import HoldingSeen
from schemas.message import Event


def holdings_from(config: Config, messages: Iterable[Event]) -> list[HoldingSeen]:
    """By the newest contracts, positions and venue statements, in that order."""
    core = RouterCore(config)
    for message in messages:
        core.on_event(message)
    return core.holdings()

"""The newest quote of a symbol recomputed under another configuration."""

from collections.abc import Callable, Sequence
from typing import Any

from schemas.config import Config
from schemas.message import Event
from schemas.views import AccountView, SymbolView

QuoteFor = Callable[[Sequence[Event], Config], dict[str, Any]]
"""The quote that the live quoting core would make from these facts, step by step."""


def preview(
    view: SymbolView, account: AccountView | None, config: Config, quote_for: QuoteFor
) -> dict[str, Any]:
    """Both sides, step by step, by the live quoting core from the latest facts."""
    risk = account.risk if account else None
    facts = (view.instrument, risk, view.risk, view.position, view.signal, view.book)
    explained = quote_for([fact for fact in facts if fact is not None], config)
    return {"bid": explained["bid"], "ask": explained["ask"]}

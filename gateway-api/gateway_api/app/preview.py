"""What the newest quote of a symbol would be under another configuration."""

from typing import Any

from chassis.installed import tool
from schemas.config import Config
from schemas.views import AccountView, SymbolView


def preview(view: SymbolView, account: AccountView | None, config: Config) -> dict[str, Any]:
    """Both sides, step by step, by the core that quotes live, from the facts that it last saw."""
    risk = account.risk if account else None
    facts = (view.instrument, risk, view.risk, view.position, view.signal, view.book)
    explained: dict[str, Any] = tool("market_making.tools", "quote-for")(
        [fact for fact in facts if fact is not None], config
    )
    return {"bid": explained["bid"], "ask": explained["ask"]}

"""Request budgets by exchange host and account, shared by all clients of this process."""

import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from runtime.exchange.request_budget import RequestBudget
from runtime.exchange.request_counts import UsageNumbers, hold_numbers, usage_numbers
from runtime.state.shared_memory import remove_stale, shared_file
from schemas.deployment import ExchangeSettings
from schemas.venues import VENUES, VenueId

_BUDGETS: WeakValueDictionary[tuple[VenueId, str, str], RequestBudget] = WeakValueDictionary()
_USAGES: WeakValueDictionary[str, UsageNumbers] = WeakValueDictionary()


def shared_budget(exchange: ExchangeSettings, api_key: str = "") -> RequestBudget:
    """The budget of an exchange host and of the account of an API key: one object per process."""
    host = urlsplit(exchange.url or "").netloc or "exchange"
    account = hashlib.sha256(api_key.encode()).hexdigest()[:12] if api_key else ""
    key = (exchange.id, host, account)
    budget = _BUDGETS.get(key)
    if budget is None:
        hold = None
        if account:
            hold = hold_numbers(_file(exchange.id, host, account))
        usage = _usage(exchange.id, host)
        budget = RequestBudget(VENUES[exchange.id], exchange.budget_share, usage=usage, hold=hold)
        _BUDGETS[key] = budget
    return budget


def _usage(venue: VenueId, host: str) -> UsageNumbers:
    name = f"{venue}-{host}"
    usage = _USAGES.get(name)
    if usage is None:
        path = _file(venue, host)
        if path is not None and not path.exists():
            remove_stale(path.parent)
        usage = _USAGES[name] = usage_numbers(path)
    return usage


def budgets_in_use() -> list[RequestBudget]:
    """The budgets of all hosts and accounts that this process uses."""
    return list(_BUDGETS.values())


def _file(venue: VenueId, host: str, account: str = "") -> Path | None:
    name = re.sub(r"[^a-z0-9.]", "_", f"{venue}_{host}{'_' + account if account else ''}".lower())
    return shared_file(f"{name}.shared")

"""The summary of a run, from the documents of the view projector."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from runtime.store.documents import StateStore
from schemas.config import VenueConfig
from schemas.envelope import decode
from schemas.market import Instrument
from schemas.refusals import refusal_lines
from schemas.units import from_units, money_text
from schemas.views import ACCOUNT_DOCUMENT, SYMBOL_PREFIX, AccountView, SymbolView

_MONEY = (
    "position",
    "pnl",
    "session_pnl",
    "day_pnl",
    "pnl_capture",
    "pnl_inventory",
    "fees",
    "pnl_balance",
    "max_drawdown",
)


@dataclass(frozen=True, slots=True)
class RunFigures:
    """Figures measured by the event loop."""

    market_events: int
    seconds: float
    cpu_seconds: float
    """Processor time of all threads meanwhile."""
    log: Path
    cancelled_at_end: int
    drained: bool
    """Whether the venue has reported that none of our orders is open."""
    order_latency_p50_ms: float | None
    order_latency_p99_ms: float | None
    venue: VenueConfig = field(default_factory=VenueConfig)
    """Its assumptions, where it is simulated."""


def symbol_views(store: StateStore) -> list[SymbolView]:
    """Views of all symbols of the run."""
    documents = (store.get(name) for name in store.names(SYMBOL_PREFIX))
    return [decode(SymbolView, document) for document in documents if document is not None]


def summarise(store: StateStore, figures: RunFigures) -> dict[str, Any]:
    """The run as one object: money in each symbol's quote currency, sizes in base units, exact decimals.

    `pnl` and its parts are totals since the ledger began; `session_pnl` and `day_pnl` are separate.
    """
    views = symbol_views(store)
    account = _account(store)
    names = _names(views)
    return {
        "symbols": {name: _symbol(view) for name, view in names.items()},
        "market_events": figures.market_events,
        "seconds": round(figures.seconds, 6),
        "cpu_seconds": round(figures.cpu_seconds, 6),
        "market_events_per_second": round(figures.market_events / max(figures.seconds, 1e-9), 1),
        "log": str(figures.log),
        "refused_without_symbol": account.refusals_without_symbol if account else 0,
        "refused_without_symbol_by_reason": dict(account.refusals_by_reason) if account else {},
        "first_refusals_without_symbol": dict(account.first_refusals) if account else {},
        "cancelled_at_end": figures.cancelled_at_end,
        "drained": figures.drained,
        "order_latency_ms": {"p50": figures.order_latency_p50_ms, "p99": figures.order_latency_p99_ms},
        "venue": _venue(figures.venue),
    }


def _venue(venue: VenueConfig) -> dict[str, Any]:
    return venue.model_dump() if venue.kind == "simulated" else {"kind": venue.kind}


_EXACT = re.compile(r'"\\u0000(-?[0-9.]+)\\u0000"')


def as_json(summary: dict[str, Any]) -> str:
    """JSON with decimals as numbers with all their digits, which a float would truncate."""
    text = json.dumps(summary, allow_nan=False, default=lambda value: f"\0{value:f}\0")
    return _EXACT.sub(r"\1", text)


def _account(store: StateStore) -> AccountView | None:
    document = store.get(ACCOUNT_DOCUMENT)
    return None if document is None else decode(AccountView, document)


def _names(views: list[SymbolView]) -> dict[str, SymbolView]:
    """By symbol, or by `venue:symbol` where two venues trade the same one."""
    symbols = [view.symbol for view in views]
    return {view.symbol if symbols.count(view.symbol) == 1 else view.key: view for view in views}


def _symbol(view: SymbolView) -> dict[str, Any]:
    counters = view.counters
    return {
        "venue": view.venue,
        "books": counters.books,
        "trades": counters.trades,
        "refused_events": counters.refused_events,
        "refused_by_reason": dict(view.refusals_by_reason),
        "first_refusals": dict(view.first_refusals),
        "quotes": counters.quotes,
        "orders": counters.orders,
        "amends": counters.amends,
        "cancels": counters.cancels,
        "rejects": counters.rejects,
        "denials": counters.denials,
        "fills": counters.fills,
        **_inventory(view),
        "halts": counters.halts,
        "quoting_share": round(counters.two_sided_ns / counters.time_ns, 6) if counters.time_ns else 0.0,
        "instrument": _instrument(view.instrument),
    }


def _inventory(view: SymbolView) -> dict[str, Any]:
    position, instrument, profits = view.position, view.position_contract or view.instrument, view.profits
    if position is None or instrument is None or profits is None:
        return {**dict.fromkeys(_MONEY, Decimal(0)), "open_fees": {}}
    return {
        "position": from_units(position.position_lots, instrument.lot_size),
        "pnl": profits.total,
        "session_pnl": profits.session,
        "day_pnl": profits.day,
        "pnl_capture": position.pnl_capture,
        "pnl_inventory": position.pnl_inventory,
        "fees": position.fees,
        "pnl_balance": position.pnl_balance,
        "max_drawdown": position.max_drawdown,
        "open_fees": {fee.currency: fee.amount for fee in position.open_fees},
    }


def _instrument(instrument: Instrument | None) -> dict[str, Any] | None:
    if instrument is None:
        return None
    return {
        "tick_size": str(instrument.tick_size),
        "lot_size": str(instrument.lot_size),
        "maker_fee_bps": str(instrument.maker_fee_bps),
        "quote_currency": instrument.quote_currency,
        "reporting_rate": str(instrument.reporting_rate),
        "inferred": list(instrument.inferred),
    }


_COLUMNS = (
    "books",
    "trades",
    "refused_events",
    "quotes",
    "orders",
    "amends",
    "cancels",
    "rejects",
    "denials",
    "fills",
    *_MONEY,
    "halts",
    "quoting_share",
)
_PLACES = 8
"""Labels as in `maker pnl`."""


def as_text(summary: dict[str, Any]) -> str:
    """The summary as text: one row per figure, one column per symbol."""
    symbols: dict[str, dict[str, Any]] = summary["symbols"]
    width = max((len(name) for name in symbols), default=8) + 2
    cells = {column: [_cell(figures[column]) for figures in symbols.values()] for column in _COLUMNS}
    width = max([width, 14, *(len(cell) + 2 for row in cells.values() for cell in row)])
    lines = [" " * 16 + "".join(name.rjust(width) for name in symbols)]
    lines.extend(
        column.ljust(16) + "".join(cell.rjust(width) for cell in row) for column, row in cells.items()
    )
    lines.extend(_refused_lines(summary))
    lines.extend(_inferred_lines(symbols))
    lines.extend(_open_fee_lines(symbols))
    lines.extend(_venue_lines(summary["venue"]))
    lines.append(
        f"{summary['market_events']} market events in {summary['seconds']:.1f} s "
        f"({summary['market_events_per_second']:.0f} per second); log in {summary['log']}"
    )
    return "\n".join(lines)


def _cell(value: Decimal | float) -> str:
    if isinstance(value, Decimal):
        return money_text(round(value, _PLACES))
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def _refused_lines(summary: dict[str, Any]) -> Iterator[str]:
    """What was dropped, by reason."""
    for name, figures in summary["symbols"].items():
        yield from refusal_lines(name, figures["refused_by_reason"], figures["first_refusals"])
    without = summary["refused_without_symbol_by_reason"]
    yield from refusal_lines("without a known symbol", without, summary["first_refusals_without_symbol"])


def _inferred_lines(symbols: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"{name}: {', '.join(instrument['inferred'])} inferred or assumed "
        f"(tick {instrument['tick_size']}, lot {instrument['lot_size']}, "
        f"maker fee {instrument['maker_fee_bps']} bps)"
        for name, figures in symbols.items()
        if (instrument := figures["instrument"]) and instrument["inferred"]
    ]


def _venue_lines(venue: dict[str, Any]) -> list[str]:
    """What a simulated venue assumed: fills are worth no more than that."""
    if venue["kind"] != "simulated":
        return []
    power = f" (n {venue['queue_power']:g})" if "power" in venue["queue_model"] else ""
    return [
        f"simulated venue: orders arrive after {venue['entry_latency_ms']:g} ms, answers after "
        f"{venue['response_latency_ms']:g} ms, queue model {venue['queue_model']}{power}, "
        f"{venue['through_share']:.0%} of each trade through our price"
    ]


def _open_fee_lines(symbols: dict[str, dict[str, Any]]) -> list[str]:
    """Fees that no figure above includes."""
    return [
        f"{name}: fees of {amount:f} {currency} have no rate and are not included in the PnL: "
        f"set reporting.rates.{currency}"
        for name, figures in symbols.items()
        for currency, amount in figures["open_fees"].items()
    ]

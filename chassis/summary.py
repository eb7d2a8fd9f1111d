"""What a run amounted to, from the documents that the view projector wrote."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from chassis.store import StateStore
from schemas.envelope import decode
from schemas.market import Instrument
from schemas.units import from_units
from schemas.views import ACCOUNT_DOCUMENT, SYMBOL_PREFIX, AccountView, SymbolView


@dataclass(frozen=True, slots=True)
class RunFigures:
    """What the loop itself measured."""

    market_events: int
    seconds: float
    log: Path
    cancelled_at_end: int
    drained: bool
    """The venue holds no order of ours any more, as far as it has told."""
    order_latency_p50_ms: float | None
    order_latency_p99_ms: float | None


def symbol_views(store: StateStore) -> list[SymbolView]:
    """All symbols of the run."""
    documents = (store.get(name) for name in store.names(SYMBOL_PREFIX))
    return [decode(SymbolView, document) for document in documents if document is not None]


def summarise(store: StateStore, figures: RunFigures) -> dict[str, Any]:
    """The run as one JSON object: money in each symbol's quote currency, sizes in base units."""
    views = symbol_views(store)
    account = _account(store)
    names = _names(views)
    return {
        "symbols": {name: _symbol(view) for name, view in names.items()},
        "market_events": figures.market_events,
        "seconds": round(figures.seconds, 6),
        "market_events_per_second": round(figures.market_events / max(figures.seconds, 1e-9), 1),
        "log": str(figures.log),
        "refused_without_symbol": account.refusals_without_symbol if account else 0,
        "cancelled_at_end": figures.cancelled_at_end,
        "drained": figures.drained,
        "order_latency_ms": {"p50": figures.order_latency_p50_ms, "p99": figures.order_latency_p99_ms},
    }


def _account(store: StateStore) -> AccountView | None:
    document = store.get(ACCOUNT_DOCUMENT)
    return None if document is None else decode(AccountView, document)


def _names(views: list[SymbolView]) -> dict[str, SymbolView]:
    """By symbol; by `venue:symbol` where two venues have the same."""
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
    position, instrument = view.position, view.instrument
    if position is None or instrument is None:
        return dict.fromkeys(("position", "pnl", "pnl_capture", "pnl_inventory", "fees", "max_drawdown"), 0.0)
    return {
        "position": _number(from_units(position.position_lots, instrument.lot_size)),
        "pnl": _number(position.pnl),
        "pnl_capture": _number(position.pnl_capture),
        "pnl_inventory": _number(position.pnl_inventory),
        "fees": _number(position.fees),
        "max_drawdown": _number(position.max_drawdown),
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


def _number(value: Decimal) -> float:
    """An exact decimal as a JSON number: the edge where programs read it."""
    return float(value)


_COLUMNS = (
    "books",
    "trades",
    "refused_events",
    "quotes",
    "orders",
    "amends",
    "cancels",
    "rejects",
    "fills",
    "position",
    "pnl",
    "pnl_capture",
    "pnl_inventory",
    "fees",
    "max_drawdown",
    "halts",
    "quoting_share",
)


def as_text(summary: dict[str, Any]) -> str:
    """The summary for people: a row a figure, a column a symbol."""
    symbols: dict[str, dict[str, Any]] = summary["symbols"]
    width = max((len(name) for name in symbols), default=8) + 2
    width = max(width, 14)
    lines = [" " * 16 + "".join(name.rjust(width) for name in symbols)]
    for column in _COLUMNS:
        cells = "".join(_cell(figures[column]).rjust(width) for figures in symbols.values())
        lines.append(column.ljust(16) + cells)
    lines.extend(_inferred_lines(symbols))
    lines.append(
        f"{summary['market_events']} market events in {summary['seconds']:.1f} s "
        f"({summary['market_events_per_second']:.0f} a second); log in {summary['log']}"
    )
    return "\n".join(lines)


def _cell(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def _inferred_lines(symbols: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"{name}: {', '.join(instrument['inferred'])} inferred or assumed "
        f"(tick {instrument['tick_size']}, lot {instrument['lot_size']}, "
        f"maker fee {instrument['maker_fee_bps']} bps)"
        for name, figures in symbols.items()
        if (instrument := figures["instrument"]) and instrument["inferred"]
    ]

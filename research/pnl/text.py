"""The report as text: plain columns, money to eight decimals."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, fields
from decimal import Decimal
from typing import Any

from research.attribution.report import AccountReport, MarkoutRow, SymbolReport, TakerRow

_PLACES = 8
_SECTIONS = ("attribution", "equity", "inventory", "fills", "orders", "quotes")


def digits(value: Decimal) -> str:
    """All digits of an exact decimal, without an exponent or trailing zeros."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def as_text(report: AccountReport) -> str:
    """Currencies, symbols, and the markouts of each symbol."""
    currencies = {name: asdict(each) for name, each in report.currencies.items()}
    symbols = {name: _figures(each) for name, each in report.symbols.items()}
    parts = [
        _columns("currency", {name: _flat(each) for name, each in currencies.items()}),
        _columns("symbol", symbols),
    ]
    for name, each in report.symbols.items():
        parts.append(_rows(f"markouts of {name} ({each.currency})", MarkoutRow, each.markouts))
        if each.toxicity is not None:
            parts.append(_rows(f"takers in {name}", TakerRow, each.toxicity.takers))
    return "\n\n".join(parts)


def _figures(symbol: SymbolReport) -> dict[str, Any]:
    """Figures with one number per symbol, by name; those of a cost method prefixed with it."""
    whole = asdict(symbol)
    figures = {key: whole[key] for key in ("contract", "currency", "session_s", "position", "mid")}
    for section in _SECTIONS:
        figures |= whole[section] or {}
        if section == "attribution":
            figures |= _open_fees(whole)
    for method, cost in whole["costs"].items():
        figures |= {f"{method}_{key}": value for key, value in cost.items()}
    toxicity = whole["toxicity"] or {}
    return figures | {key: value for key, value in toxicity.items() if key != "takers"}


def _flat(currency: dict[str, Any]) -> dict[str, Any]:
    return {
        "symbols": currency["symbols"],
        **currency["attribution"],
        **_open_fees(currency),
        **currency["equity"],
    }


def _open_fees(whole: dict[str, Any]) -> dict[str, Decimal]:
    """A row per currency, where there are any."""
    return {f"open_fees_{currency}": amount for currency, amount in whole["open_fees"].items()}


def _columns(title: str, figures: dict[str, dict[str, Any]]) -> str:
    """A row per figure, a column per name."""
    rows = dict.fromkeys(key for each in figures.values() for key in each)
    table = [[title, *figures]]
    table += [[row, *(_cell(each.get(row)) for each in figures.values())] for row in rows]
    return _aligned(table)


def _rows(title: str, kind: type[Any], rows: Iterable[Any]) -> str:
    """A row per item, a column per field."""
    names = [field.name for field in fields(kind)]
    table = [names, *([_cell(getattr(row, name)) for name in names] for row in rows)]
    return f"{title}\n{_aligned(table, str.rjust)}"


def _aligned(table: Sequence[Sequence[str]], first: Callable[[str, int], str] = str.ljust) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join((first if index == 0 else str.rjust)(cell, widths[index]) for index, cell in enumerate(row))
        for row in table
    )


def _cell(value: Any) -> str:
    """A hyphen for no value."""
    if value is None:
        return "-"
    if isinstance(value, Decimal):
        return digits(round(value, _PLACES))
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)

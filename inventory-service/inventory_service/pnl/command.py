"""`maker pnl`: the report of a file, for programs and for people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from chassis.errors import ConfigError
from chassis.text import nearest
from inventory_service.attribution.account import Attribution
from inventory_service.attribution.errors import InputError
from inventory_service.attribution.horizons import HORIZONS_MS
from inventory_service.attribution.lines import Line, TransferLine
from inventory_service.attribution.report import Report
from inventory_service.pnl.engine_log import log_lines
from inventory_service.pnl.json_lines import read_lines
from inventory_service.pnl.text import as_text, digits


@dataclass(frozen=True, slots=True)
class PnlReport:
    """What the command prints."""

    report: Report

    def as_json(self) -> dict[str, Any]:
        """For programs: money and sizes are strings with all their digits, figures are numbers."""
        return {key: _plain(value) for key, value in asdict(self.report).items()}

    def as_text(self) -> str:
        """For people: a row a figure, a column a symbol; markouts below."""
        return as_text(self.report)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return digits(value)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def run_pnl(
    file: str,
    *,
    horizons_ms: Sequence[int] = (),
    start_equity: Mapping[str, Decimal] | None = None,
    symbol: str | None = None,
) -> PnlReport:
    """Attribute all of `file` (JSON lines, plain or gzip, `-` for stdin; or an engine's log) in one pass.

    No horizons: the usual ones. `start_equity` is by settlement currency. `symbol`: this one of a log alone.
    Raises ConfigError at the first line that cannot be booked.
    """
    _check(horizons_ms, start_equity or {})
    attribution = Attribution(horizons_ms or HORIZONS_MS, start_equity)
    for place, line in _lines(file, symbol):
        try:
            attribution.on_line(line)
        except InputError as error:
            named = "" if isinstance(line, TransferLine) else line.symbol
            hint = nearest(named, attribution.symbols) if error.field == "symbol" else ""
            raise ConfigError(f"{place}: {error}{hint}") from None
    report = attribution.finish()
    if not report.symbols:
        raise ConfigError(f"{file} holds no instrument: begin with an instrument line for each symbol")
    _check_currencies(start_equity or {}, report.currencies)
    return PnlReport(report)


def _lines(file: str, symbol: str | None) -> Iterator[tuple[str, Line]]:
    if Path(file).is_dir():
        return log_lines(Path(file), symbol)
    if symbol is not None:
        raise ConfigError(
            f"--symbol {symbol}: {file} is no log of the engine; take its lines out of the file"
        )
    return read_lines(file)


def _check(horizons_ms: Sequence[int], start_equity: Mapping[str, Decimal]) -> None:
    for horizon_ms in horizons_ms:
        if horizon_ms < 1:
            raise ConfigError(f"--horizon-ms {horizon_ms} is not above 0: give milliseconds")
    for currency, amount in start_equity.items():
        if not amount.is_finite() or amount <= 0:
            raise ConfigError(
                f"--equity {currency}={amount}: an equity that profit is measured on is above 0"
            )


def _check_currencies(start_equity: Iterable[str], settled: Mapping[str, object]) -> None:
    for currency in start_equity:
        if currency not in settled:
            raise ConfigError(f"--equity {currency}: no instrument settles in it{nearest(currency, settled)}")

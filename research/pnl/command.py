"""`maker pnl`: the report of a file, as JSON and as text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from research.attribution.account import Attribution
from research.attribution.errors import InputError
from research.attribution.horizons import HORIZONS_MS
from research.attribution.lines import Line, TransferLine
from research.attribution.report import AccountReport
from research.pnl.engine_log import log_lines
from research.pnl.json_lines import read_lines
from research.pnl.text import as_text, digits
from runtime.errors import ConfigError
from runtime.text import nearest
from schemas.refusals import RefusalTally


@dataclass(frozen=True, slots=True)
class PnlReport:
    """The command's output."""

    report: AccountReport
    dropped: RefusalTally
    """Of a log: market events that were refused, and fills whose contract never came."""

    def as_json(self) -> dict[str, Any]:
        """Machine-readable form: money and sizes are strings with all digits, figures are numbers."""
        figures = {key: _plain(value) for key, value in asdict(self.report).items()}
        return figures | self.dropped.as_json()

    @property
    def notes(self) -> tuple[str, ...]:
        """Amounts missing from every figure, in words."""
        return tuple(
            f"{name}: fees of {digits(amount)} {currency} have no rate and are in no figure: give --rate "
            f"{currency}=RATE for a log, or a line fee in a file"
            for name, each in self.report.symbols.items()
            for currency, amount in each.open_fees.items()
        )

    def as_text(self) -> str:
        """Readable form: a row per figure, a column per symbol; markouts, and what was left out, below."""
        return "\n".join((as_text(self.report), *self.dropped.lines("the log")))


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
    rates: Mapping[str, Decimal] | None = None,
) -> PnlReport:
    """Attribute all of `file` (JSON lines, plain or gzip, `-` for stdin; or an engine's log) in one pass.

    No horizons: the default ones. `start_equity` is by settlement currency. `symbol`: only this one of a log.
    `rates`: in the reporting currency, for fees still open at a log's end, which have no other rate.
    Raises ConfigError at the first line that cannot be booked.
    """
    _check(horizons_ms, start_equity or {}, rates or {})
    attribution = Attribution(horizons_ms or HORIZONS_MS, start_equity)
    dropped = RefusalTally()
    for place, line in _lines(file, symbol, rates or {}, dropped):
        try:
            attribution.on_line(line)
        except InputError as error:
            named = "" if isinstance(line, TransferLine) else line.symbol
            hint = nearest(named, attribution.symbols) if error.field == "symbol" else ""
            raise ConfigError(f"{place}: {error}{hint}") from None
    report = attribution.finish()
    if not report.symbols and not Path(file).is_dir():
        raise ConfigError(f"{file} holds no instrument: start with an instrument line for each symbol")
    _check_currencies(start_equity or {}, report.currencies)
    return PnlReport(report, dropped)


def _lines(
    file: str, symbol: str | None, rates: Mapping[str, Decimal], dropped: RefusalTally
) -> Iterator[tuple[str, Line]]:
    if Path(file).is_dir():
        return log_lines(Path(file), symbol, rates, dropped)
    if symbol is not None:
        raise ConfigError(
            f"--symbol {symbol}: {file} is no log of the engine; take its lines out of the file"
        )
    for currency in rates:
        raise ConfigError(
            f"--rate {currency}: {file} is no log of the engine; say in a line fee what the fees came to"
        )
    return read_lines(file)


def _check(
    horizons_ms: Sequence[int], start_equity: Mapping[str, Decimal], rates: Mapping[str, Decimal]
) -> None:
    for horizon_ms in horizons_ms:
        if horizon_ms < 1:
            raise ConfigError(f"--horizon-ms {horizon_ms} is not above 0: give milliseconds")
    for currency, amount in start_equity.items():
        if not amount.is_finite() or amount <= 0:
            raise ConfigError(f"--equity {currency}={amount}: starting equity must be above 0")

    for currency, rate in rates.items():
        if not rate.is_finite() or rate <= 0:
            raise ConfigError(f"--rate {currency}={rate}: a rate must be above 0, in the reporting currency")


def _check_currencies(start_equity: Iterable[str], settled: Mapping[str, object]) -> None:
    for currency in start_equity:
        if currency not in settled:
            raise ConfigError(f"--equity {currency}: no instrument settles in it{nearest(currency, settled)}")

"""Attribution of all symbols of a stream, with totals by currency: the package's entry point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal

from research.attribution.equity import EquityCurve
from research.attribution.errors import InputError
from research.attribution.exact import exactly
from research.attribution.horizons import HORIZONS_MS
from research.attribution.lines import CarriedLine, InstrumentLine, Line, SymbolLine, TransferLine
from research.attribution.report import AccountReport, AttributionReport, CurrencyReport, SymbolReport
from research.attribution.symbol import SymbolAttribution
from research.attribution.symbol_account import ZERO


@dataclass(slots=True)
class _Currency:
    """The equity of all symbols that settle in one currency."""

    curve: EquityCurve
    change: Decimal = ZERO


class Attribution:
    """Consumes lines in order of time, and reports at the end where the profit came from.

    One pass; memory does not grow with the stream, except for fills awaiting their markout (the longest
    horizon), open orders, lots still open under FIFO, and the newest trade ids.
    """

    def __init__(
        self,
        horizons_ms: Sequence[int] = HORIZONS_MS,
        start_equity: Mapping[str, Decimal] | None = None,
    ) -> None:
        """`start_equity` by settlement currency, above 0: the base of drawdown as a share."""
        self._horizons_ms = tuple(dict.fromkeys(horizons_ms))
        self._start_equity = dict(start_equity or {})
        self._time_ns = 0
        self.symbols: dict[str, SymbolAttribution] = {}
        self._currencies: dict[str, _Currency] = {}

    def on_line(self, line: Line) -> None:
        """The next line; raises InputError, naming the field, where it cannot be booked."""
        with exactly():
            if isinstance(line, InstrumentLine):
                self._on_instrument(line)
            elif isinstance(line, TransferLine):
                self._on_transfer(line)
            else:
                self._on_symbol(line)

    def _on_instrument(self, line: InstrumentLine) -> None:
        known = self.symbols.get(line.symbol)
        if known is None:
            self.symbols[line.symbol] = SymbolAttribution(line, self._horizons_ms)
            currency = line.settlement_currency
            if currency not in self._currencies:
                self._currencies[currency] = _Currency(EquityCurve(self._start_equity.get(currency)))
        elif known.instrument != line:
            raise InputError("symbol", line.symbol, "it had another instrument before: give one each")

    def _on_transfer(self, line: TransferLine) -> None:
        currency = self._currencies.get(line.currency)
        if currency is None:
            raise InputError("currency", line.currency, "no instrument above settles in it: put one there")
        self._pass_to(line.time_ns)
        try:
            currency.curve.pay_in(line.time_ns, line.amount)
        except ValueError as error:
            raise InputError("amount", str(line.amount), str(error)) from None

    def _pass_to(self, time_ns: int) -> None:
        if time_ns < self._time_ns:
            raise InputError("time_ns", time_ns, f"before {self._time_ns} of a line above: sort by time_ns")
        self._time_ns = time_ns

    def _on_symbol(self, line: SymbolLine) -> None:
        symbol = self.symbols.get(line.symbol)
        if symbol is None:
            raise InputError("symbol", line.symbol, "no instrument line above: put one above")
        self._pass_to(line.time_ns)
        before = symbol.account.equity_change
        symbol.on_line(line)
        currency = self._currencies[symbol.instrument.settlement_currency]
        change = symbol.account.equity_change - before
        currency.change += change
        if isinstance(line, CarriedLine):
            currency.curve.begin_with(change)
        currency.curve.update(line.time_ns, currency.change)

    def finish(self) -> AccountReport:
        """The final report; no lines may follow."""
        with exactly():
            symbols = {name: symbol.report() for name, symbol in self.symbols.items()}
            currencies = {
                name: _currency_report(name, currency.curve, symbols)
                for name, currency in self._currencies.items()
            }
        return AccountReport(currencies=currencies, symbols=symbols)


def _currency_report(name: str, curve: EquityCurve, symbols: Mapping[str, SymbolReport]) -> CurrencyReport:
    settled = [symbol for symbol in symbols.values() if symbol.currency == name]
    parts = [symbol.attribution for symbol in settled]
    open_fees: dict[str, Decimal] = {}
    for symbol in settled:
        for currency, amount in symbol.open_fees.items():
            open_fees[currency] = open_fees.get(currency, ZERO) + amount
    names = [field.name for field in fields(AttributionReport)]
    sums = {name: sum((getattr(part, name) for part in parts), ZERO) for name in names}
    return CurrencyReport(
        symbols=len(parts),
        attribution=AttributionReport(**sums),
        open_fees=open_fees,
        equity=curve.report(),
    )

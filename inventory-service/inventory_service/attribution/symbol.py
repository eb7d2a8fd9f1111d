"""One symbol: every line of it to everything that is measured of it."""

from collections.abc import Sequence
from decimal import Decimal

from inventory_service.attribution.book import ZERO, Book
from inventory_service.attribution.contracts import price_of, unit_value
from inventory_service.attribution.costs import AverageCost, CostMethod, FifoCost
from inventory_service.attribution.equity import EquityCurve
from inventory_service.attribution.errors import InputError
from inventory_service.attribution.exact import quotient, ratio
from inventory_service.attribution.horizons import Mid
from inventory_service.attribution.inventory_time import InventoryTime
from inventory_service.attribution.lines import (
    FillLine,
    FundingLine,
    InstrumentLine,
    MidLine,
    OrderLine,
    QuoteLine,
    SymbolLine,
    TradeLine,
)
from inventory_service.attribution.markouts import Execution, Markouts
from inventory_service.attribution.order_tally import OrderTally
from inventory_service.attribution.quote_time import QuoteTime
from inventory_service.attribution.report import (
    AttributionReport,
    CostReport,
    CostsReport,
    FillsReport,
    SymbolReport,
)
from inventory_service.attribution.toxicity import Toxicity
from schemas.recent_keys import RecentKeys
from schemas.units import NS_PER_S, side_sign

TRADE_IDS_MAX = 100_000
"""Trade ids remembered: a fill repeated within this many is skipped, as in the live ledger."""


class SymbolAttribution:
    """The book, both cost methods, and the metrics of one symbol. Its arithmetic is `exactly`'s."""

    def __init__(self, instrument: InstrumentLine, horizons_ms: Sequence[int]) -> None:
        self.instrument = instrument
        self.book = Book()
        self.average = AverageCost()
        self.fifo = FifoCost()
        self.mid: Mid | None = None
        self.residual_max = ZERO
        self._begin_ns: int | None = None
        self._end_ns = 0
        self._markouts = Markouts(horizons_ms)
        self._curve = EquityCurve()
        self._inventory = InventoryTime(instrument.target_position)
        self._orders = OrderTally()
        self._quotes = QuoteTime(instrument)
        self._toxicity = Toxicity(instrument, horizons_ms)
        self._trade_ids = RecentKeys(TRADE_IDS_MAX)
        self._bid_fills = self._ask_fills = self._duplicates = 0

    def on_line(self, line: SymbolLine) -> None:
        """A line, not before the one before it; raises InputError where it cannot be booked."""
        self._pass_to(line.time_ns)
        match line:
            case MidLine():
                self._on_mid(line.time_ns, line.mid)
            case FillLine():
                self._on_fill(line)
            case FundingLine():
                self.book.receive_funding(self._in_settlement(line.amount, line.currency, line.rate))
            case OrderLine():
                self._orders.add(line)
            case QuoteLine():
                self._quotes.set(line)
            case TradeLine():
                self._toxicity.trade(line, self.mid)
        book = self.book
        self.residual_max = max(self.residual_max, abs(book.equity_change - book.explained))
        self._curve.update(line.time_ns, book.equity_change)

    def _pass_to(self, time_ns: int) -> None:
        """What holds has held until now."""
        if self._begin_ns is None:
            self._begin_ns = self._end_ns = time_ns
        passed_ns = time_ns - self._end_ns
        self._end_ns = time_ns
        if passed_ns:
            self._inventory.pass_time(passed_ns, self.book)
            self._orders.pass_time(passed_ns)
            self._quotes.pass_time(passed_ns)

    def _value(self, price: Decimal) -> Decimal:
        return unit_value(self.instrument.contract, self.instrument.multiplier, price)

    def _on_mid(self, time_ns: int, price: Decimal) -> Mid:
        if self.mid is not None:
            self._settle(time_ns, self.mid)
        self.mid = Mid(time_ns, price, self._value(price))
        self.book.mark_to(self.mid.value)
        return self.mid

    def _settle(self, time_ns: int, before: Mid) -> None:
        self._markouts.pass_to(time_ns, before)
        self._toxicity.mid_comes(time_ns, before)

    def _on_fill(self, fill: FillLine) -> None:
        if fill.trade_id is not None and not self._trade_ids.is_new(fill.trade_id):
            self._duplicates += 1
            return
        mid = self.mid if fill.mid is None else self._on_mid(fill.time_ns, fill.mid)
        if mid is None:
            raise InputError(
                "mid", None, "no mid of the symbol came before this fill: give one, here or above"
            )
        sign = side_sign(fill.side)
        value = self._value(fill.price)
        self._trade(sign * fill.size, value)
        self._fee(fill, mid)
        self._inventory.trade(fill.size, value, self.book)
        self._markouts.add(Execution(fill.time_ns, sign * fill.size, value, mid.value))
        self._toxicity.our_fill(sign)
        self._bid_fills += sign > 0
        self._ask_fills += sign < 0

    def _trade(self, signed_size: Decimal, value: Decimal) -> None:
        for ledger in (self.book, self.average, self.fifo):
            ledger.trade(signed_size, value)

    def _fee(self, fill: FillLine, mid: Mid) -> None:
        """A spot fee in base currency leaves the position: sold at the mid, and paid with that money."""
        instrument = self.instrument
        if instrument.contract != "spot" or fill.fee_currency != instrument.base_currency:
            self.book.pay_fee(self._in_settlement(fill.fee, fill.fee_currency, fill.fee_rate, "fee_"))
            return
        if fill.fee_rate is not None:
            raise InputError(
                "fee_rate", str(fill.fee_rate), "leave it out: a fee in base is valued at the mid"
            )
        self._trade(-fill.fee, mid.value)
        self.book.pay_fee(fill.fee * mid.value)

    def _in_settlement(
        self, amount: Decimal, currency: str | None, rate: Decimal | None, prefix: str = ""
    ) -> Decimal:
        settlement = self.instrument.settlement_currency
        if currency in (None, settlement):
            if rate not in (None, 1):
                raise InputError(f"{prefix}rate", str(rate), f"leave it out: the amount is in {settlement}")
            return amount
        if rate is None:
            raise InputError(f"{prefix}rate", None, f"give it: {settlement} for one {currency}, at that time")
        return amount * rate

    def report(self) -> SymbolReport:
        """The figures at the end of the stream: markouts due by the last mid are settled."""
        if self.mid is not None:
            self._settle(self.mid.time_ns + 1, self.mid)
        session_ns = 0 if self._begin_ns is None else self._end_ns - self._begin_ns
        return SymbolReport(
            contract=self.instrument.contract,
            currency=self.instrument.settlement_currency,
            begin_ns=self._begin_ns,
            end_ns=None if self._begin_ns is None else self._end_ns,
            session_s=session_ns / NS_PER_S,
            position=self.book.position,
            mid=None if self.mid is None else self.mid.price,
            attribution=attribution_of(self.book, self.residual_max),
            costs=CostsReport(average=self._cost(self.average), fifo=self._cost(self.fifo)),
            equity=self._curve.report(),
            inventory=self._inventory.report(),
            fills=self._fills(),
            orders=self._orders.report() if self._orders.is_given else None,
            quotes=self._quotes.report(session_ns) if self._quotes.is_given else None,
            markouts=self._markouts.rows(self.book.inventory),
            toxicity=self._toxicity.report(self._end_ns),
        )

    def _cost(self, method: CostMethod) -> CostReport:
        instrument, position = self.instrument, method.position
        unrealised = method.unrealised(self.book.mark)
        unit_cost = quotient(method.cost, position) if position else None
        return CostReport(
            realised=method.realised,
            unrealised=unrealised,
            total=method.realised + unrealised,
            open_price=unit_cost and price_of(instrument.contract, instrument.multiplier, unit_cost),
        )

    def _fills(self) -> FillsReport:
        fills = self._bid_fills + self._ask_fills
        quoting_ns = self._quotes.live_ns if self._quotes.is_given else self._orders.open_ns
        return FillsReport(
            fills=fills,
            duplicates=self._duplicates,
            bid_fills=self._bid_fills,
            ask_fills=self._ask_fills,
            hit_asymmetry=ratio(self._bid_fills - self._ask_fills, fills),
            fills_per_s=ratio(fills, quoting_ns / NS_PER_S),
        )


def attribution_of(book: Book, residual_max: Decimal) -> AttributionReport:
    """The lines of a book."""
    return AttributionReport(
        capture=book.capture,
        inventory=book.inventory,
        fees=book.fees,
        fees_paid=book.fees_paid,
        rebates=book.rebates,
        funding=book.funding,
        equity_change=book.equity_change,
        residual_max=residual_max,
    )

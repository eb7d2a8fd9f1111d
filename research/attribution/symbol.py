"""One symbol: applies each of its lines to all its metrics."""

from collections.abc import Sequence
from decimal import Decimal

from research.attribution.contracts import price_of, unit_value
from research.attribution.costs import AverageCost, CostMethod, FifoCost
from research.attribution.equity import EquityCurve
from research.attribution.errors import InputError
from research.attribution.exact import quotient, ratio
from research.attribution.horizons import Mid
from research.attribution.inventory_time import InventoryTime
from research.attribution.lines import (
    AdjustmentLine,
    CarriedLine,
    FeeLine,
    FillLine,
    FundingLine,
    InstrumentLine,
    MidLine,
    OrderLine,
    QuoteLine,
    SymbolLine,
    TradeLine,
)
from research.attribution.markouts import MarkedExecution, Markouts
from research.attribution.order_tally import OrderTally
from research.attribution.quote_time import QuoteTime
from research.attribution.report import (
    AttributionReport,
    CostReport,
    CostsReport,
    FillsReport,
    SymbolReport,
)
from research.attribution.symbol_account import ZERO, SymbolAccount
from research.attribution.toxicity import Toxicity
from schemas.recent_keys import RecentKeys
from schemas.units import NS_PER_S, side_sign

TRADE_IDS_MAX = 100_000
"""Trade ids kept: a fill repeated within this many is skipped, as in the live ledger."""


class SymbolAttribution:
    """Account, both cost methods, and all metrics of one symbol. Runs inside `exactly`."""

    def __init__(self, instrument: InstrumentLine, horizons_ms: Sequence[int]) -> None:
        self.instrument = instrument
        self.account = SymbolAccount()
        self.average = AverageCost()
        self.fifo = FifoCost()
        self.mid: Mid | None = None
        """The newest."""
        self._marked_at: Mid | None = None
        """The newest that marks the account."""
        self.residual_max = ZERO
        self.open_fees: dict[str, Decimal] = {}
        """By currency: charged, and in no figure."""
        self._begin_ns: int | None = None
        self._end_ns = 0
        self._markouts = Markouts(horizons_ms)
        self._curve = EquityCurve()
        self._inventory = InventoryTime(instrument.target_position)
        self._orders = OrderTally()
        self._quotes = QuoteTime(instrument)
        self._toxicity = Toxicity(instrument, horizons_ms)
        self._trade_ids = RecentKeys(TRADE_IDS_MAX)
        self._unvalued: list[AdjustmentLine] = []
        """Before the first mid."""
        self._bid_fills = self._ask_fills = self._duplicates = 0

    def on_line(self, line: SymbolLine) -> None:
        """A line, not earlier than the previous one; raises InputError where it cannot be booked."""
        self._pass_to(line.time_ns)
        match line:
            case MidLine():
                self._on_mid(line.time_ns, line.mid, marks=line.marks)
            case FillLine():
                self._on_fill(line)
            case FeeLine():
                self._book_open_fees(line)
            case AdjustmentLine():
                self._on_adjustment(line)
            case CarriedLine():
                self._on_carried(line)
            case FundingLine():
                self.account.receive_funding(self._in_settlement(line.amount, line.currency, line.rate))
            case OrderLine():
                self._orders.add(line)
            case QuoteLine():
                self._quotes.set(line)
            case TradeLine():
                self._toxicity.trade(line, self.mid)
        account = self.account
        self.residual_max = max(self.residual_max, abs(account.equity_change - account.explained))
        self._curve.update(line.time_ns, account.equity_change)

    def _pass_to(self, time_ns: int) -> None:
        """Account for the time since the last line."""
        if self._begin_ns is None:
            self._begin_ns = self._end_ns = time_ns
        passed_ns = time_ns - self._end_ns
        self._end_ns = time_ns
        if passed_ns:
            self._inventory.pass_time(passed_ns, self.account)
            self._orders.pass_time(passed_ns)
            self._quotes.pass_time(passed_ns)

    def _value(self, price: Decimal) -> Decimal:
        return unit_value(self.instrument.contract, self.instrument.multiplier, price)

    def _on_mid(self, time_ns: int, price: Decimal, *, marks: bool = True) -> None:
        if self.mid is not None:
            self._settle(time_ns, self.mid)
        self.mid = Mid(time_ns, price, self._value(price))
        if marks:
            self._marked_at = self.mid
            self._mark(self.mid.value)

    def _mark(self, value: Decimal) -> None:
        self.account.mark_to(value)
        unvalued, self._unvalued = self._unvalued, []
        for line in unvalued:
            self._adjust(line, value)

    def _on_adjustment(self, line: AdjustmentLine) -> None:
        mark = self.account.mark
        if mark is None:
            self._unvalued.append(line)
        else:
            self._adjust(line, mark if line.mid is None else self._value(line.mid))

    def _adjust(self, line: AdjustmentLine, valued_at: Decimal) -> None:
        value = valued_at if line.price is None else self._value(line.price)
        self.account.adjust(line.size, valued_at)
        for method in (self.average, self.fifo):
            method.adjust(line.size, value, valued_at)
        self._inventory.hold(self.account)

    def _on_carried(self, line: CarriedLine) -> None:
        if self.mid is not None or self._trade_ids:
            raise InputError("kind", "carried", "it is not the first line of its symbol: put it there")
        account = self.account
        account.position, account.cash = line.position, line.cash
        account.capture, account.inventory, account.balance = line.capture, line.inventory, line.balance
        account.pay_fee(line.net_fees)
        if line.mid is not None:
            self._on_mid(line.time_ns, line.mid)
        cost = line.cost_price or line.mid
        value = ZERO if cost is None else self._value(cost)
        for method in (self.average, self.fifo):
            method.carry(line.position, value, line.cash + line.position * value)
        self.open_fees = dict(line.open_fees)
        for trade_id in line.trade_ids:
            self._trade_ids.add(trade_id)
        self._curve.begin_with(account.equity_change)

    def _settle(self, time_ns: int, before: Mid) -> None:
        self._markouts.pass_to(time_ns, before)
        self._toxicity.mid_comes(time_ns, before)

    def _on_fill(self, fill: FillLine) -> None:
        if fill.trade_id is not None and not self._trade_ids.add(fill.trade_id):
            self._duplicates += 1
            return
        if fill.mid is not None:
            self._on_mid(fill.time_ns, fill.mid)
        mark = self.account.mark
        if mark is None:
            raise InputError("mid", None, "no mid of the symbol before this fill: give one, here or above")
        sign = side_sign(fill.side)
        value = self._value(fill.price)
        before = mark if fill.execution_mid is None else self._value(fill.execution_mid)
        without = self.account.capture - self.account.fees
        self._trade(sign * fill.size, value, before)
        self._fee(fill, mark)
        if fill.purpose == "balance":
            self.account.balance += self.account.capture - self.account.fees - without
        self._inventory.trade(fill.size, value, self.account)
        executed_ns = fill.time_ns if fill.executed_ns is None else fill.executed_ns
        self._markouts.add(MarkedExecution(executed_ns, sign * fill.size, value, before))
        self._toxicity.our_fill(sign)
        self._bid_fills += sign > 0
        self._ask_fills += sign < 0

    def _trade(self, signed_size: Decimal, value: Decimal, before: Decimal) -> None:
        self.account.trade(signed_size, value, before)
        for ledger in (self.average, self.fifo):
            ledger.trade(signed_size, value)

    def _fee(self, fill: FillLine, mark: Decimal) -> None:
        """A spot fee in base currency reduces the position: sold at the mid, and paid with the proceeds."""
        instrument = self.instrument
        if fill.fee_open:
            self._keep_open(fill)
            return
        if instrument.contract != "spot" or fill.fee_currency != instrument.base_currency:
            self.account.pay_fee(self._in_settlement(fill.fee, fill.fee_currency, fill.fee_rate, "fee_"))
            return
        if fill.fee_rate is not None:
            raise InputError(
                "fee_rate", str(fill.fee_rate), "leave it out: a fee in base is valued at the mid"
            )
        self._trade(-fill.fee, mark, mark)
        self.account.pay_fee(fill.fee * mark)

    def _keep_open(self, fill: FillLine) -> None:
        currency = fill.fee_currency
        if currency in (None, self.instrument.settlement_currency) or fill.fee_rate is not None:
            raise InputError("fee_open", "true", "leave it out: the fee's value is known")
        self.open_fees[currency] = self.open_fees.get(currency, ZERO) + fill.fee

    def _book_open_fees(self, line: FeeLine) -> None:
        if line.currency not in self.open_fees:
            raise InputError(
                "currency", line.currency, "no fee is open in it: a fill with fee_open comes before"
            )
        del self.open_fees[line.currency]
        self.account.pay_fee(line.amount)

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
        """The final figures: markouts due by the last mid are settled."""
        if self.mid is not None:
            self._settle(self.mid.time_ns + 1, self.mid)
        session_ns = 0 if self._begin_ns is None else self._end_ns - self._begin_ns
        return SymbolReport(
            contract=self.instrument.contract,
            currency=self.instrument.settlement_currency,
            begin_ns=self._begin_ns,
            end_ns=None if self._begin_ns is None else self._end_ns,
            session_s=session_ns / NS_PER_S,
            position=self.account.position,
            mid=None if self._marked_at is None else self._marked_at.price,
            attribution=attribution_of(self.account, self.residual_max),
            open_fees=dict(self.open_fees),
            costs=CostsReport(average=self._cost(self.average), fifo=self._cost(self.fifo)),
            equity=self._curve.report(),
            inventory=self._inventory.report(),
            fills=self._fills(),
            orders=self._orders.report() if self._orders.is_given else None,
            quotes=self._quotes.report(session_ns) if self._quotes.is_given else None,
            markouts=self._markouts.rows(self.account.inventory),
            toxicity=self._toxicity.report(self._end_ns),
        )

    def _cost(self, method: CostMethod) -> CostReport:
        instrument, position = self.instrument, method.position
        unrealised = method.unrealised(self.account.mark)
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


def attribution_of(account: SymbolAccount, residual_max: Decimal) -> AttributionReport:
    """The report's explanation of the change of equity."""
    return AttributionReport(
        capture=account.capture,
        report_capture=account.report_capture,
        balance=account.balance,
        inventory=account.inventory,
        fees=account.fees,
        fees_paid=account.fees_paid,
        rebates=account.rebates,
        funding=account.funding,
        equity_change=account.equity_change,
        residual_max=residual_max,
    )

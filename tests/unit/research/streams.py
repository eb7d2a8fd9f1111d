"""Lines for the tests of attribution: short ways to write them, and random streams of them."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from math import isclose
from typing import Any

from hypothesis import strategies as st

from research.attribution.account import Attribution
from research.attribution.horizons import HORIZONS_MS
from research.attribution.lines import (
    FillLine,
    FundingLine,
    InstrumentLine,
    Line,
    MidLine,
    OrderLine,
    QuoteLine,
    TradeLine,
)
from research.attribution.symbol import SymbolAttribution

S = 1_000_000_000
SYMBOL = "XBT/USD"
CONTRACTS = ("spot", "linear", "inverse")
MULTIPLIERS = {"spot": Decimal(1), "linear": Decimal("0.001"), "inverse": Decimal(100)}


def instrument(contract: str = "linear", **fields: Any) -> InstrumentLine:
    """XBT/USD, one base unit a contract."""
    given = {"symbol": SYMBOL, "contract": contract, "base_currency": "XBT", "quote_currency": "USD"}
    return InstrumentLine.model_validate(given | fields)


def mid(at_s: float, price: str | Decimal, **fields: Any) -> MidLine:
    return MidLine.model_validate({"time_ns": round(at_s * S), "symbol": SYMBOL, "mid": price} | fields)


def fill(at_s: float, signed: str | int, price: str | Decimal, **fields: Any) -> FillLine:
    """Bought where `signed` is positive; no fee unless one is given."""
    size = Decimal(signed)
    given = {
        "time_ns": round(at_s * S),
        "symbol": SYMBOL,
        "side": "buy" if size > 0 else "sell",
        "price": price,
        "size": abs(size),
        "fee": "0",
    }
    return FillLine.model_validate(given | fields)


def funding(at_s: float, amount: str, **fields: Any) -> FundingLine:
    given = {"time_ns": round(at_s * S), "symbol": SYMBOL, "amount": amount}
    return FundingLine.model_validate(given | fields)


def order(at_s: float, order_id: str, status: str, **fields: Any) -> OrderLine:
    given = {"time_ns": round(at_s * S), "symbol": SYMBOL, "order_id": order_id, "status": status}
    return OrderLine.model_validate(given | fields)


def quote(at_s: float, **fields: Any) -> QuoteLine:
    return QuoteLine.model_validate({"time_ns": round(at_s * S), "symbol": SYMBOL} | fields)


def trade(at_s: float, signed: str | int, price: str, **fields: Any) -> TradeLine:
    """The taker bought where `signed` is positive."""
    size = Decimal(signed)
    given = {
        "time_ns": round(at_s * S),
        "symbol": SYMBOL,
        "side": "buy" if size > 0 else "sell",
        "price": price,
        "size": abs(size),
    }
    return TradeLine.model_validate(given | fields)


def booked(lines: Iterable[Line], horizons_ms: Iterable[int] = HORIZONS_MS, **account: Any) -> Attribution:
    """The attribution after the lines."""
    attribution = Attribution(tuple(horizons_ms), **account)
    for line in lines:
        attribution.on_line(line)
    return attribution


def symbol_of(attribution: Attribution) -> SymbolAttribution:
    return attribution.symbols[SYMBOL]


def pn1(**fields: Any) -> list[Line]:
    """PN1 of docs/FORMULAS.md, PnL identity: mids a second apart, four fills, a rebate of 0.5 bps."""
    mids = {0: "100", 1: "100.02", 2: "99.99", 3: "100.01", 4: "100.05", 5: "100.03"}
    fills = {1: (2, "100.00"), 2: (1, "99.97"), 3: (-2, "100.03"), 5: (-1, "100.06")}
    lines: list[Line] = [instrument(**fields)]
    for at_s, price in mids.items():
        lines.append(mid(at_s, price))
        if at_s in fills:
            size, paid = fills[at_s]
            rebate = -abs(size) * Decimal(paid) * Decimal("0.00005")
            lines.append(fill(at_s, size, paid, fee=rebate))
    return lines


prices = st.integers(1, 2_000_000).map(lambda ticks: Decimal(ticks) / 100)
sizes = st.integers(1, 50_000).map(lambda lots: Decimal(lots) / 1000)
signs = st.sampled_from([1, -1])
small_money = st.integers(-100_000, 100_000).map(lambda units: Decimal(units) / 100_000)
steps_s = st.integers(0, 400_000).map(lambda units: units / 1000)
rates = st.integers(1, 10**7).map(lambda units: Decimal(units) / 1000)


@st.composite
def fees(draw: st.DrawFn, contract: str, *, in_base: bool = True) -> dict[str, Any]:
    """A fee or rebate in settlement currency, in a third one, or, for spot, in base."""
    kind = draw(st.sampled_from(["settlement", "third", "base"]))
    amount = draw(small_money)
    if kind == "third":
        return {"fee": amount, "fee_currency": "BNB", "fee_rate": draw(rates)}
    if kind == "base" and contract == "spot" and in_base:
        return {"fee": amount, "fee_currency": "XBT"}
    return {"fee": amount}


@st.composite
def streams(
    draw: st.DrawFn, contract: str, *, in_base: bool = True, with_fills_mid: bool = True
) -> list[Line]:
    """An instrument, a mid, and anything after that, in order of time."""
    at_s = 0.0
    lines: list[Line] = [
        instrument(contract, multiplier=MULTIPLIERS[contract]),
        mid(0, draw(prices)),
    ]
    for _ in range(draw(st.integers(0, 25))):
        at_s += draw(steps_s)
        kind = draw(st.sampled_from(["mid", "fill", "fill", "funding"]))
        if kind == "mid":
            lines.append(mid(at_s, draw(prices)))
        elif kind == "funding":
            in_third = {"currency": "EUR", "rate": draw(rates)} if draw(st.booleans()) else {}
            lines.append(funding(at_s, str(draw(small_money)), **in_third))
        else:
            own_mid = {"mid": draw(prices)} if with_fills_mid and draw(st.booleans()) else {}
            charged = draw(fees(contract, in_base=in_base))
            size = draw(signs) * draw(sizes)
            lines.append(fill(at_s, str(size), draw(prices), **own_mid, **charged))
    return lines


class Account:
    """What a venue's statement would show, in fractions: counted apart from everything under test."""

    def __init__(self, contract: str) -> None:
        self._contract = contract
        self.position = self.cash = self.capture = self.inventory = self.fees = self.funding = Fraction(0)
        self._mid: Fraction | None = None

    def worth(self, price: Decimal | Fraction) -> Fraction:
        multiplier, price = Fraction(MULTIPLIERS[self._contract]), Fraction(price)
        return -multiplier / price if self._contract == "inverse" else multiplier * price

    def on_line(self, line: Line) -> None:
        if isinstance(line, MidLine):
            self._move(line.mid)
        elif isinstance(line, FundingLine):
            self.funding += Fraction(line.amount) * Fraction(line.rate or 1)
        elif isinstance(line, FillLine):
            self._fill(line)

    def _move(self, price: Decimal) -> None:
        if self._mid is not None:
            self.inventory += self.position * (self.worth(price) - self.worth(self._mid))
        self._mid = Fraction(price)

    def _fill(self, line: FillLine) -> None:
        if line.mid is not None:
            self._move(line.mid)
        assert self._mid is not None
        signed = Fraction(line.size) * (1 if line.side == "buy" else -1)
        self.cash -= signed * self.worth(line.price)
        self.capture += signed * (self.worth(self._mid) - self.worth(line.price))
        self.position += signed
        if line.fee_currency == "XBT":
            self.position -= Fraction(line.fee)
            self.fees += Fraction(line.fee) * self._mid
        else:
            self.fees += Fraction(line.fee) * Fraction(line.fee_rate or 1)
            self.cash -= Fraction(line.fee) * Fraction(line.fee_rate or 1)

    @property
    def equity(self) -> Fraction:
        worth = Fraction(0) if self._mid is None else self.position * self.worth(self._mid)
        return self.cash + self.funding + worth


def is_near(one: float | None, other: float | None, rel: float = 1e-9, absolute: float = 1e-12) -> bool:
    """Figures that are alike, or both not there."""
    if one is None or other is None:
        return one is other
    return isclose(one, other, rel_tol=rel, abs_tol=absolute)

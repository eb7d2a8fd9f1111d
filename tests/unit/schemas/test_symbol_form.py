"""What a symbol says of its contract, and which contracts are refused by their names."""

import pytest

from schemas.symbol_form import SymbolForm, symbol_form


@pytest.mark.parametrize(
    ("symbol", "form"),
    [
        ("BTC/USDT", ("BTC", "USDT", "spot")),
        ("BTC/USDT:USDT", ("BTC", "USDT", "linear")),
        ("BTC/USDC:USDC-261225", ("BTC", "USDC", "linear")),
        ("1000PEPE/USDT:USDT", ("1000PEPE", "USDT", "linear")),
        ("IBM", ("IBM", "EUR", "spot")),
        ("700", ("700", "EUR", "spot")),
    ],
)
def test_currencies_and_kind_come_from_the_form(symbol: str, form: tuple[str, str, str]) -> None:
    assert symbol_form(symbol, "EUR") == SymbolForm(*form)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        ("BTC/USD:BTC", "BTC/USD:BTC is an inverse contract, settled in BTC.*use BTC/USD:USD"),
        ("BTC/USD:BTC-261225", "is an inverse contract, settled in BTC"),
        ("BTC/USDT:ETH", "quoted in USDT and settled in ETH"),
        ("BTC/USDT:", "quoted in USDT and settled in nothing"),
        ("BTC/USDT:USDT-261225-60000-C", "is an option"),
    ],
)
def test_what_is_not_traded_right_is_refused_by_name(symbol: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        symbol_form(symbol, "EUR")

"""Keys of settings, as in the configuration: `pricing.min_spread_bps`, and of one symbol
`per_symbol.BTC/USDT.pricing.min_spread_bps`.
"""

import json
from typing import Any, NamedTuple

PER_SYMBOL = "per_symbol"
OF_ACCOUNT = "account"
"""The value of a symbol's setting that has none of its own: the account-wide one holds."""
KEY_LENGTH_MAX = 128
VALUE_LENGTH_MAX = 512


class SettingKey(NamedTuple):
    """A dotted key, taken apart."""

    symbol: str | None
    """None: the account-wide setting."""
    section: str
    name: str

    @classmethod
    def of(cls, key: str) -> "SettingKey":
        """The parts of a key. A symbol may hold dots: section and name are the last two parts."""
        head, dot, rest = key.partition(".")
        if head == PER_SYMBOL and dot:
            symbol, section, name = (["", "", *rest.rsplit(".", 2)])[-3:]
            return cls(symbol, section, name)
        return cls(None, head, rest)

    @property
    def of_account(self) -> str:
        """The account-wide key."""
        return f"{self.section}.{self.name}"

    def __str__(self) -> str:
        return self.of_account if self.symbol is None else own_key(self.symbol, self.of_account)


def own_key(symbol: str, key: str) -> str:
    """The key of one symbol's own value of an account-wide key."""
    return f"{PER_SYMBOL}.{symbol}.{key}"


def symbol_of(key: str) -> str | None:
    """The symbol that a key is about; None: it is account-wide."""
    return SettingKey.of(key).symbol


def text_of(value: Any) -> str:
    """A value in its JSON form, as text: `null` for none, a list as JSON."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, float) else json.dumps(value)


def value_from(text: str) -> Any:
    """A value from its text, for its field to check. Raises ValueError for a list that is no JSON."""
    if text == "null":
        return None
    if not text.startswith("["):
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError("it is not a list: write it like [0, 5, 10]") from None

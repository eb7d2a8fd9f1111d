"""Compares the account's holdings with the ledgers that share them, and opens empty ledgers.

`inventory.opening` chooses the opening balance: as the venue states it, as the configuration states it, or
none, where the ledger alone counts. Any remaining difference is reported with the figures and the commands
that settle it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from quote_service.routing.gate.contract_terms import ContractTerms
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.holdings import HoldingSeen
from schemas.inventory_settings import InventoryLimits

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Group:
    """The symbols that share an asset: all spot contracts of a base currency, or one derivative."""

    asset: str
    """A currency, or `venue:symbol`."""
    symbols: tuple[RoutedSymbol, ...]
    is_spot: bool

    @property
    def covered(self) -> Literal["balances", "positions"]:
        """Which of the venue's statements covers it."""
        return "balances" if self.is_spot else "positions"

    @property
    def unit(self) -> str:
        """The unit of its amounts."""
        return _terms(self.symbols[0]).base_currency

    @property
    def is_empty(self) -> bool:
        """Was it never held or traded?"""
        return all(symbol.position.is_empty for symbol in self.symbols)


@dataclass(frozen=True, slots=True)
class Opening:
    """The opening balance of a symbol's ledger."""

    symbol: RoutedSymbol
    lots: int
    price: Decimal | None
    """Entry price of the venue's position; None: the mark."""
    reason: str


def holding_seen(
    group: Group, symbol: RoutedSymbol, reserved: Decimal, difference: Decimal | None
) -> HoldingSeen:
    """For one symbol of a group. `difference`: account minus ledgers; None: unknown."""
    terms = _terms(symbol)
    counted = sum(map(_counted, group.symbols), NOTHING)
    account = None if difference is None else ledger_of(group) + difference
    return HoldingSeen(
        venue=symbol.venue,
        symbol=symbol.symbol,
        unit=group.unit,
        lot=terms.base_per_lot,
        contract_size=terms.base_per_lot / terms.lot_size,
        ledger=_counted(symbol),
        shares=tuple(each.symbol for each in group.symbols),
        reserved=reserved,
        account=account,
        difference=None if account is None else account - counted,
        may_be_quoted=symbol.protection.is_explained and symbol.protection.stopped_by != "POSITION_BREAK",
    )


def groups_of(symbols: Iterable[RoutedSymbol]) -> list[Group]:
    """By asset. A base currency that others are quoted in also moves with their cash, so it is left out."""
    spot: dict[str, list[RoutedSymbol]] = {}
    quoted_in = set()
    groups = []
    for symbol in symbols:
        terms = symbol.contract.terms
        if terms is None:
            continue
        if terms.is_spot:
            spot.setdefault(terms.base_currency, []).append(symbol)
            quoted_in.add(terms.fee_currency)
        else:
            groups.append(Group(symbol.key, (symbol,), is_spot=False))
    groups += [
        Group(currency, tuple(group), is_spot=True)
        for currency, group in spot.items()
        if currency not in quoted_in
    ]
    return groups


def slack_of(group: Group) -> Decimal:
    """Tolerance: one lot per symbol. Fractions of a lot are in the account but in no ledger."""
    return sum((_terms(symbol).base_per_lot for symbol in group.symbols), NOTHING)


def ledger_of(group: Group) -> Decimal:
    """The sum of an asset's ledgers, including own fills not yet counted there."""
    return sum((held_of(symbol) for symbol in group.symbols), NOTHING)


def held_of(symbol: RoutedSymbol) -> Decimal:
    """One ledger's amount, net of fees in base units that whole lots cannot express."""
    return _counted(symbol) - symbol.position.base_fees_owed


def _counted(symbol: RoutedSymbol) -> Decimal:
    """The amount of its whole lots, in the contract they are counted in."""
    version = symbol.position.version
    counted_in = None if version is None else symbol.contract.terms_by_version.get(version)
    return symbol.position.lots * (counted_in or _terms(symbol)).base_per_lot


def opening_of(
    group: Group, difference: Decimal | None, inventory: InventoryLimits, entries: Mapping[str, Decimal]
) -> list[Opening]:
    """Opening balances of empty ledgers; none, where there is nothing to open or an operator must decide.

    `difference`: account minus the sum of opening balances; None: there is none.
    """
    found: dict[str, tuple[Decimal, Decimal | None]] = {}
    """Size and price, by the symbol's key."""
    if inventory.opening == "venue" and len(group.symbols) == 1 and difference is not None:
        found = {symbol.key: (difference, entries.get(symbol.key)) for symbol in group.symbols}
    elif inventory.opening == "stated" and difference is None:
        found = _stated(group, inventory)
    reason = f"inventory.opening: {inventory.opening}, at the first start"
    return [
        Opening(symbol, lots, found[symbol.key][1], reason)
        for symbol in group.symbols
        if symbol.key in found and (lots := int(found[symbol.key][0] / _terms(symbol).base_per_lot))
    ]


def difference_text(group: Group, difference: Decimal, reserved: Decimal, inventory: InventoryLimits) -> str:
    """The figures, and how to settle them."""
    ledger, names = ledger_of(group), [symbol.symbol for symbol in group.symbols]
    apart = f" beside {_plain(reserved)} that are reserved" if reserved else ""
    figures = (
        f"the venue holds {difference.normalize():+f} {group.unit} that our fills do not explain: "
        f"account {_plain(ledger + difference)}{apart}, ledger of {' and '.join(names)} {_plain(ledger)}"
    )
    return f"{figures}; {_remedy(group, names, inventory)}"


def _plain(amount: Decimal) -> str:
    """Without an exponent or trailing zeros."""
    return f"{amount.normalize():f}"


def _remedy(group: Group, names: list[str], inventory: InventoryLimits) -> str:
    commands = " or ".join(f"`maker positions adopt {name} --reason TEXT`" for name in names)
    if len(names) > 1:
        which = f"{commands} gives all of it to one, `maker positions adjust` a part"
        if group.is_empty and inventory.opening == "venue":
            return f"it cannot be divided between them by itself: {which}, or inventory.opening: stated"
        return which
    reserve = f", or inventory.reserved.{group.asset} sets it apart" if group.is_spot else ""
    if group.is_empty and inventory.opening == "stated":
        stated = stated_of(group, inventory)
        return f"inventory.opening_positions states {_plain(stated)}: correct it{reserve}"
    return f"{commands} makes the ledger what the account shows{reserve}"


def stated_of(group: Group, inventory: InventoryLimits) -> Decimal:
    """The amount of an asset in `inventory.opening_positions`."""
    return sum((size for size, _ in _stated(group, inventory).values()), NOTHING)


def _stated(group: Group, inventory: InventoryLimits) -> dict[str, tuple[Decimal, Decimal | None]]:
    """Size in units of the asset, and price, by `venue:symbol`."""
    found = {}
    for symbol in group.symbols:
        stated = inventory.opening_positions.get(symbol.symbol)
        if stated is not None:
            terms = _terms(symbol)
            found[symbol.key] = (stated.size * terms.base_per_lot / terms.lot_size, stated.price)
    return found


def _terms(symbol: RoutedSymbol) -> ContractTerms:
    if symbol.contract.terms is None:
        raise ValueError(f"{symbol.key} has no contract")
    return symbol.contract.terms

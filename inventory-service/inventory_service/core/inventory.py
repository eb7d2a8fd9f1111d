"""The core of inventory-service: fills and marks to positions."""

from typing import Any, assert_never, get_args

from inventory_service.core.balancer import Spread
from inventory_service.core.balancers import Balancers
from inventory_service.core.bias import Held, bias, bounds, rebalance
from inventory_service.core.carry import carried_of, restored
from inventory_service.core.changes import (
    Change,
    book_change,
    can_tell,
    held,
    mid_of,
    of_account,
    of_person,
    stated,
)
from inventory_service.core.fee_rates import FeeRates
from inventory_service.core.position_message import publish_position
from inventory_service.core.symbol import SymbolInventory
from inventory_service.core.symbol_limits import SymbolLimits
from inventory_service.core.takeover import trade_as
from schemas.carried.inventory import InventoryCarried
from schemas.config import Config
from schemas.control import Adjustment, Command, SettingChange
from schemas.core import DecidingCore
from schemas.inventory import Position
from schemas.live_settings import LiveSettings
from schemas.market import Instrument, Rate
from schemas.message import ALL_SYMBOLS, Event, SymbolEvent
from schemas.orders import AccountBalance, AccountChange, Fill
from schemas.process import AdjustmentApplied, Tick
from schemas.risk import RiskState
from schemas.signals import Signal
from schemas.topics import INVENTORY

InventoryInput = (
    Signal
    | Fill
    | Instrument
    | Rate
    | AccountChange
    | AccountBalance
    | Adjustment
    | SettingChange
    | Command
    | RiskState
    | Tick
    | InventoryCarried
)
"""The messages it consumes."""


class InventoryCore(DecidingCore[InventoryInput]):
    """Maintains every symbol's inventory. See Core and Carries in runtime.process.definition."""

    inputs = frozenset(get_args(InventoryInput))

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._settings = LiveSettings(INVENTORY, config)
        self._limits = SymbolLimits.of(config)
        self._symbols: dict[str, SymbolInventory] = {}
        self._balancers = Balancers()
        self._rates = FeeRates(config.reporting)
        self._owing: dict[str, SymbolInventory] = {}
        """Symbols with open fees, by key: rarely any, and checked on every signal."""
        self._rated_otherwise_ns = -1
        """Contracts announced up to then have rates in another reporting currency."""

    def _decide(self, event: InventoryInput) -> tuple[Event, ...]:  # noqa: C901, PLR0912  a case for each input
        """The positions that `event` changes."""
        match event:
            case Signal():
                return self._on_signal(event)
            case Fill():
                return self._on_fill(event)
            case Instrument():
                return self._on_instrument(event)
            case Rate():
                return self._on_rate(event)
            case AccountChange():
                return self._on_account_change(event)
            case AccountBalance():
                return self._on_account_balance(event)
            case Adjustment():
                return self._on_adjustment(event)
            case SettingChange():
                return self._on_setting(event)
            case Command():
                self._balancers.on_command(event, self._symbols)
                return ()
            case RiskState():
                self._balancers.on_risk(event, self._symbols)
                return ()
            case Tick():
                return self._on_tick(event)
            case InventoryCarried():
                return self._on_carried(event)
            case _:
                assert_never(event)

    def carried(self, now_ns: int) -> tuple[Event, ...]:
        """Every ledger, whether its symbol is quoted or not, and rates of unfollowed markets."""
        currency = self._settings.config.reporting.currency
        of_none = InventoryCarried(
            event_time_ns=now_ns,
            process=INVENTORY,
            reporting_currency=currency,
            rates=tuple(self._rates.unfollowed.values()),
        )
        ledgers = (
            carried_of(symbol, key, currency, self._rates.mid_half_ticks(key), now_ns)
            for key, symbol in self._symbols.items()
        )
        return (of_none, *ledgers)

    def _on_carried(self, carried: InventoryCarried) -> tuple[Event, ...]:
        """The last session's ledger: its position is published at once, under the present limits."""
        self._tick_ns = self._now_ns
        if carried.reporting_currency not in ("", self._settings.config.reporting.currency):
            self._rated_otherwise_ns = carried.event_time_ns
        if carried.symbol == ALL_SYMBOLS:
            self._rates.unfollowed = {rate.key: rate for rate in carried.rates}
            return ()
        symbol = self._symbols[carried.symbol_key] = restored(carried)
        if symbol.open_fees:
            self._owing[carried.symbol_key] = symbol
        if symbol.contract is not None:
            symbol.contract = self._rated(symbol.contract)
            symbol.in_force = symbol.in_force and self._rated(symbol.in_force)
            self._rates.observe_instrument(symbol.in_force or symbol.contract)
        if carried.rate_mid_half_ticks:
            self._rates.observe_mid(carried.symbol_key, carried.rate_mid_half_ticks)
        return self._positions(symbol) if symbol.has_begun else ()

    def _rated(self, contract: Instrument) -> Instrument:
        """The contract at current rates: after a change of reporting currency an older one's rate is void."""
        if contract.event_time_ns > self._rated_otherwise_ns:
            return contract
        rate = self._settings.config.reporting.rate_of(contract.quote_currency)
        return contract if rate is None else contract.model_copy(update={"reporting_rate": rate})

    def _symbol(self, key: str) -> SymbolInventory:
        symbol = self._symbols.get(key)
        if symbol is None:
            symbol = self._symbols[key] = SymbolInventory()
        symbol.pass_to(self._now_ns)
        return symbol

    def _on_instrument(self, announced: Instrument) -> tuple[Event, ...]:
        contract = self._rated(announced)
        self._rates.observe_instrument(contract)
        symbol = self._symbol(contract.key)
        before, stood = symbol.contract, symbol.in_force
        trade_as(symbol, contract)
        published = self._open_as_stated(symbol, contract) or self._republished(symbol, before, stood)
        return published + self._book_waiting(symbol) + self._pay_open_fees()

    def _republished(
        self, symbol: SymbolInventory, before: Instrument | None, stood: Instrument | None
    ) -> tuple[Event, ...]:
        """The position, where its version, units or rate differ from before the contract changed; `stood` is
        the contract in force until then, where that was another.
        """
        contract = symbol.contract
        if before is None or contract is None or not symbol.has_begun:
            return ()
        was, now = stood or before, symbol.in_force or contract
        is_same = (was.version, was.reporting_rate) == (now.version, now.reporting_rate)
        return () if is_same and now.has_units_of(was) else self._positions(symbol)

    def _open_as_stated(self, symbol: SymbolInventory, contract: Instrument) -> tuple[Event, ...]:
        """The configured opening position of a ledger without bookings. At an exchange the router publishes
        it once the account confirms it.
        """
        config = self._settings.config
        is_stated = config.inventory.opening == "stated" and config.venue.kind == "simulated"
        if not is_stated or symbol.has_begun or len(symbol.trade_ids) or len(symbol.change_ids):
            return ()
        change = stated(contract, config.inventory)
        return () if change is None else self._change(symbol, change)

    def _book_waiting(self, symbol: SymbolInventory) -> tuple[Event, ...]:
        """Book events that waited for this contract; those it cannot express keep waiting."""
        contract, waiting = symbol.contract, symbol.waiting
        if contract is None or not waiting:
            return ()
        bookable = [can_tell(symbol, each, contract) for each in waiting]
        symbol.waiting = [each for each, fits in zip(waiting, bookable, strict=True) if not fits]
        outputs: tuple[Event, ...] = ()
        for event, fits in zip(waiting, bookable, strict=True):
            if fits:
                outputs += (
                    self._fill(symbol, event) if isinstance(event, Fill) else self._account(symbol, event)
                )
        return outputs

    def _on_signal(self, signal: Signal) -> tuple[Event, ...]:
        if signal.mid_half_ticks is None:
            return ()
        symbol = self._symbol(signal.key)
        if signal.spread_ticks is not None and signal.book_status == "live":
            symbol.spread = Spread(signal.spread_ticks, signal.mid_half_ticks)
        else:
            symbol.spread = None
        symbol.mark(signal.mid_half_ticks, self._now_ns, self._settings.config.inventory)
        self._rates.observe_mid(signal.key, signal.mid_half_ticks)
        converted = self._retry_conversion(symbol) if symbol.has_old_units else ()
        return (*converted, *self._pay_open_fees())

    def _on_rate(self, rate: Rate) -> tuple[Event, ...]:
        self._rates.observe_rate(rate)
        return self._pay_open_fees()

    def _pay_open_fees(self) -> tuple[Event, ...]:
        """Positions whose open fees have a rate now."""
        if not self._owing:
            return ()
        for symbol in self._owing.values():
            symbol.pass_to(self._now_ns)
        paid = [symbol for symbol in self._owing.values() if symbol.pay_open_fees(self._rates)]
        self._owing = {key: symbol for key, symbol in self._owing.items() if symbol.open_fees}
        return self._positions(*paid)

    def _on_fill(self, fill: Fill) -> tuple[Event, ...]:
        symbol = self._symbol(fill.key)
        if not fill.size_lots or not symbol.trade_ids.add(fill.venue_trade_id):
            return ()
        return self._fill(symbol, fill)

    def _fill(self, symbol: SymbolInventory, fill: Fill) -> tuple[Event, ...]:
        contract, own = symbol.contract, self._settings.config.inventory
        if contract is None:
            symbol.waiting.append(fill)
            return ()
        symbol.book(fill, contract, self._rates, self._now_ns, own)
        if symbol.open_fees:
            self._owing[fill.key] = symbol
        converted = self._retry_conversion(symbol) if symbol.has_old_units else ()
        return converted or self._positions(symbol)

    def _retry_conversion(self, symbol: SymbolInventory) -> tuple[Event, ...]:
        """Convert a ledger in old units where its new holdings or mark allow it; empty where they do not."""
        if symbol.in_force is not None:
            trade_as(symbol, symbol.in_force)
        if symbol.has_old_units:
            return ()
        return (*self._book_waiting(symbol), *self._positions(symbol))

    def _on_account_change(self, change: AccountChange) -> tuple[Event, ...]:
        symbol = self._symbol(change.key)
        if not change.size_change_lots or not symbol.change_ids.add(change.change_id):
            return ()
        return self._account(symbol, change)

    def _on_account_balance(self, stated: AccountBalance) -> tuple[Event, ...]:
        symbol = self._symbol(stated.key)
        symbol.quote_total = stated.total
        return self._positions(symbol)

    def _account(self, symbol: SymbolInventory, change: AccountChange) -> tuple[Event, ...]:
        """Book a change of the account, or keep it until its contract is in force."""
        contract = symbol.contract
        if contract is None:
            symbol.waiting.append(change)
            return ()
        known = of_account(symbol, change, contract)
        if known is None:
            symbol.wait(change, symbol.own_contract(change, contract))
            return self._positions(symbol)
        return self._change(symbol, known)

    def _on_adjustment(self, adjustment: Adjustment) -> tuple[Event, ...]:
        symbol = self._symbols.get(adjustment.key)
        if symbol is not None and not symbol.change_ids.add(adjustment.adjustment_id):
            return ()
        change = of_person(adjustment)
        if symbol is not None:
            symbol.pass_to(self._now_ns)
        if symbol is None or symbol.contract is None:
            because = f"no contract of {adjustment.symbol} is known: name a symbol that the engine follows"
            return (self._answer(adjustment, change, refused_because=because),)
        return self._change(symbol, change)

    def _change(self, symbol: SymbolInventory, change: Change) -> tuple[Event, ...]:
        """Book a change other than a trade, and answer; a refused one changes nothing."""
        before, mid = held(symbol), mid_of(symbol)
        because = book_change(symbol, change)
        contract = symbol.contract
        if contract is None:
            return ()
        answer = self._answer(
            contract,
            change,
            position=symbol.ledger.position_lots * contract.lot_size,
            base_change=held(symbol) - before,
            mid=mid,
            refused_because=because or None,
        )
        if because:
            if not change.is_of_person:
                symbol.lacks = f"OPENING_REFUSED: {change.change_id}: {because}"
            return (answer, *(() if change.is_of_person else self._positions(symbol)))
        waited = self._book_waiting(symbol)
        symbol.waiting, symbol.lacks = [], ""  # a stated position includes whatever could not be booked
        return (answer, *waited, *self._positions(symbol))

    def _answer(self, about: SymbolEvent, change: Change, **fields: Any) -> AdjustmentApplied:
        return AdjustmentApplied(
            event_time_ns=self._now_ns,
            process=INVENTORY,
            venue=about.venue,
            symbol=about.symbol,
            change_id=change.change_id,
            size_change=change.size,
            price=change.price,
            **fields,
        )

    def _on_setting(self, change: SettingChange) -> tuple[Event, ...]:
        """Publish every position again: bias and rebalance depend on the limits."""
        applied = self._settings.apply(change, self._try)
        if applied is None:
            return ()
        self._limits = SymbolLimits.of(self._settings.config)
        return (applied, *self._positions(*self._symbols.values()))

    def _try(self, config: Config) -> None:
        """Compute every symbol's bias and rebalance under the given limits; raises where that fails."""
        by_symbol = SymbolLimits.of(config)
        for symbol in self._symbols.values():
            contract, ledger = symbol.contract, symbol.ledger
            if contract is not None:
                own, mark = by_symbol.of_symbol(contract.symbol), ledger.mark_half_ticks or 0
                limits = bounds(own, contract, mark, Held(ledger.position_lots, symbol.quote_total))
                bias(ledger.position_lots, limits)
                rebalance(ledger.position_lots, limits)

    def _on_tick(self, tick: Tick) -> tuple[Event, ...]:
        self._tick_ns = tick.event_time_ns
        for symbol in self._symbols.values():
            symbol.adverse.pass_to(self._now_ns, self._settings.config.inventory)
        positions = self._positions(*(symbol for symbol in self._symbols.values() if symbol.has_news))
        balance = self._settings.config.balance
        return (*positions, *self._balancers.decisions(self._symbols, self._limits, balance, self._now_ns))

    def _positions(self, *symbols: SymbolInventory) -> tuple[Position, ...]:
        """The positions of symbols whose contract is known."""
        return tuple(
            publish_position(
                symbol,
                symbol.contract,
                self._limits.of_symbol(symbol.contract.symbol),
                self._now_ns,
            )
            for symbol in symbols
            if symbol.contract is not None
        )

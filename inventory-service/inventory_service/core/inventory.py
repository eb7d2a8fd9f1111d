"""The core of inventory-service: fills and marks to positions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from inventory_service.core.adverse import AdverseMoves
from inventory_service.core.bias import bias, bounds, rebalance
from inventory_service.core.ledger import Ledger
from schemas.config import Config
from schemas.control import SettingChange
from schemas.inventory import Position
from schemas.live_settings import LiveSettings
from schemas.market import Instrument
from schemas.message import Event
from schemas.orders import Fill
from schemas.process import Tick
from schemas.recent_keys import RecentKeys
from schemas.signals import Signal
from schemas.topics import INVENTORY
from schemas.units import side_sign

TRADE_IDS_MAX = 100_000
"""Venue trade ids remembered per symbol: a fill repeated within this many fills changes nothing."""

Handler = Callable[[Any], tuple[Event, ...]]


@dataclass(slots=True)
class SymbolInventory:
    """One symbol's ledger, and what was said of it."""

    instrument: Instrument | None = None
    ledger: Ledger = field(default_factory=Ledger)
    trade_ids: RecentKeys = field(default_factory=lambda: RecentKeys(TRADE_IDS_MAX))
    fees: Decimal = Decimal(0)
    peak: Decimal = Decimal(0)
    """Largest profit after fees so far, in the quote currency; it starts at 0."""
    max_drawdown: Decimal = Decimal(0)
    base_fee_lots: Decimal = Decimal(0)
    """What fees took of what is held, and the ledger does not know yet: less than a lot."""
    taken_lots: int = 0
    """What it knows."""
    told_mark: int | None = None
    adverse: AdverseMoves = field(default_factory=AdverseMoves)
    told_adverse_bps: float | None = None
    waiting: list[Fill] = field(default_factory=list)
    """Fills that came before their instrument: a ledger event is never lost."""

    def take_base_fee(self, fill: Fill, instrument: Instrument) -> None:
        """A fee in the base currency lowers what is held, by whole lots."""
        if not fill.base_fee:
            return
        self.base_fee_lots += fill.base_fee / (instrument.lot_size * instrument.multiplier)
        whole = int(self.base_fee_lots)
        if whole:
            self.base_fee_lots -= whole
            self.taken_lots += whole
            self.ledger.take(whole, fill.mid_half_ticks)

    @property
    def has_news(self) -> bool:
        """Is what is held worth another amount than was said, or do fills do worse or better?"""
        if self.adverse.mean_bps != self.told_adverse_bps:
            return True
        return self.ledger.position_lots != 0 and self.ledger.mark_half_ticks != self.told_mark


class InventoryCore:
    """Keeps every symbol's inventory. See Core in chassis.process."""

    def __init__(self, config: Config) -> None:
        self._settings = LiveSettings(INVENTORY, config)
        self._symbols: dict[str, SymbolInventory] = {}
        self._tick_ns = 0
        self._now_ns = 0
        """Of the event in hand, or of the newest tick where that is later: what comes late is late."""
        self._handlers: dict[type[Event], Handler] = {
            Signal: self._on_signal,
            Fill: self._on_fill,
            Instrument: self._on_instrument,
            SettingChange: self._on_setting,
            Tick: self._on_tick,
        }

    def on_event(self, event: Event) -> tuple[Event, ...]:
        """The positions that `event` changes."""
        handler = self._handlers.get(type(event))
        if handler is None:
            return ()
        self._now_ns = max(self._tick_ns, event.event_time_ns)
        return handler(event)

    def _symbol(self, key: str) -> SymbolInventory:
        symbol = self._symbols.get(key)
        if symbol is None:
            symbol = self._symbols[key] = SymbolInventory()
        return symbol

    def _on_instrument(self, instrument: Instrument) -> tuple[Event, ...]:
        symbol = self._symbol(instrument.key)
        known = symbol.instrument
        if symbol.ledger.fills and known is not None and not instrument.has_units_of(known):
            return ()  # the ledger counts in the units it began with; risk-service halts the symbol
        symbol.instrument = instrument
        waiting, symbol.waiting = symbol.waiting, []
        return tuple(self._fill(symbol, instrument, fill, self._now_ns) for fill in waiting)

    def _on_signal(self, signal: Signal) -> tuple[Event, ...]:
        if signal.mid_half_ticks is not None:
            symbol = self._symbol(signal.key)
            symbol.ledger.mark(signal.mid_half_ticks)
            symbol.adverse.mid(signal.mid_half_ticks, self._now_ns, self._settings.config.inventory)
        return ()

    def _on_fill(self, fill: Fill) -> tuple[Event, ...]:
        symbol = self._symbol(fill.key)
        if not fill.size_lots or not symbol.trade_ids.is_new(fill.venue_trade_id):
            return ()
        if symbol.instrument is None:
            symbol.waiting.append(fill)
            return ()
        return (self._fill(symbol, symbol.instrument, fill, self._now_ns),)

    def _fill(self, symbol: SymbolInventory, instrument: Instrument, fill: Fill, now_ns: int) -> Position:
        sign, own = side_sign(fill.side), self._settings.config.inventory
        symbol.ledger.fill(sign, fill.price_ticks, fill.size_lots, fill.mid_half_ticks)
        symbol.adverse.fill(sign, fill.size_lots, fill.mid_half_ticks, now_ns, own)
        symbol.fees += self._in_quote(fill, instrument)
        symbol.take_base_fee(fill, instrument)
        return self._position(symbol, instrument, now_ns)

    def _in_quote(self, fill: Fill, instrument: Instrument) -> Decimal:
        """The fee in the quote currency; one in a currency without a rate is taken one to one."""
        if fill.fee_currency == instrument.quote_currency:
            return fill.fee
        rate = self._settings.config.reporting.rates.get(fill.fee_currency, instrument.reporting_rate)
        return fill.fee * rate / instrument.reporting_rate

    def _on_setting(self, change: SettingChange) -> tuple[Event, ...]:
        """Say every position anew: its bias and its rebalance follow from the limits."""
        applied = self._settings.take(change)
        if applied is None:
            return ()
        return (
            applied,
            *(
                self._position(symbol, symbol.instrument, self._now_ns)
                for symbol in self._symbols.values()
                if symbol.instrument is not None
            ),
        )

    def _on_tick(self, tick: Tick) -> tuple[Event, ...]:
        self._tick_ns = tick.event_time_ns
        for symbol in self._symbols.values():
            symbol.adverse.pass_to(self._now_ns, self._settings.config.inventory)
        return tuple(
            self._position(symbol, symbol.instrument, self._now_ns)
            for symbol in self._symbols.values()
            if symbol.instrument is not None and symbol.has_news
        )

    def _position(self, symbol: SymbolInventory, instrument: Instrument, now_ns: int) -> Position:
        ledger = symbol.ledger
        half = instrument.money_per_tick_lot / 2
        mark = ledger.mark_half_ticks or 0
        pnl = ledger.pnl_half * half - symbol.fees
        symbol.peak = max(symbol.peak, pnl)
        symbol.max_drawdown = max(symbol.max_drawdown, symbol.peak - pnl)
        symbol.told_mark, symbol.told_adverse_bps = ledger.mark_half_ticks, symbol.adverse.mean_bps
        limits = bounds(self._settings.config.inventory, instrument, mark)
        back = rebalance(ledger.position_lots, limits)
        rate = instrument.reporting_rate
        return Position(
            event_time_ns=now_ns,
            venue=instrument.venue,
            symbol=instrument.symbol,
            instrument_version=instrument.version,
            quote_currency=instrument.quote_currency,
            position_lots=ledger.position_lots,
            average_price_ticks=ledger.cost_ticks,
            mark_half_ticks=ledger.mark_half_ticks,
            realised=ledger.realised_half * half,
            unrealised=ledger.unrealised_half * half,
            fees=symbol.fees,
            pnl=pnl,
            pnl_capture=ledger.capture_half * half,
            pnl_inventory=ledger.inventory_half * half,
            max_drawdown=symbol.max_drawdown,
            pnl_reporting=pnl * rate,
            notional_reporting=ledger.position_lots * mark * half * rate,
            fills=ledger.fills,
            traded_notional=ledger.traded_half * half,
            bias=bias(ledger.position_lots, limits),
            rebalance_action=back.action,
            rebalance_size_lots=back.size_lots,
            rebalance_urgency=back.urgency,
            base_fees_taken=symbol.taken_lots * instrument.lot_size * instrument.multiplier,
            adverse_bps=symbol.told_adverse_bps,
        )

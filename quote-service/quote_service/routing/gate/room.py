"""What the gate leaves to each symbol, published for quoting: see `GateRoom`."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from quote_service.routing.account import AccountState
from quote_service.routing.gate.contract_terms import ContractTerms
from quote_service.routing.gate.funds import spendable
from quote_service.routing.gate.gate import Gate
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.gating import GateRoom
from schemas.message import Event
from schemas.orders import OrderEvent
from schemas.process import Tick
from schemas.units import BPS_PER_UNIT

RAISED_BY = 10
"""A limit is published again once it is higher by one part in this many; a lower one at once."""


def rooms_due(
    event: Event,
    outputs: Iterable[Event],
    symbols: Mapping[str, RoutedSymbol],
    account: AccountState,
    gate: Gate,
    now_ns: int,
) -> Iterator[GateRoom]:
    """At a tick what is news of any symbol; otherwise of those that had an order denied."""
    denied = (each.key for each in outputs if type(each) is OrderEvent and each.kind == "denied")
    for key in symbols if type(event) is Tick else dict.fromkeys(denied):
        room = _news(symbols[key], account, gate, now_ns)
        if room is not None:
            yield room


def _news(symbol: RoutedSymbol, account: AccountState, gate: Gate, now_ns: int) -> GateRoom | None:
    """The symbol's room where quoting has to know it: it was not published yet, or differs enough."""
    terms = symbol.contract.terms
    mid = None if terms is None else symbol.mid_in(terms.version)
    if terms is None or mid is None:
        return None
    refused = symbol.recent.refused_prices
    symbol.recent.refused_prices = {
        side: quote
        for side, quote in refused.items()
        if gate.refuses_price(side, quote.price_ticks, symbol, now_ns)
    }
    room = _room(symbol, account, gate, (terms, mid), now_ns)
    before = symbol.usage.published_room
    if before is not None and _is_near(before, room):
        return None
    symbol.usage.published_room = room
    return room


def _room(
    symbol: RoutedSymbol, account: AccountState, gate: Gate, market: tuple[ContractTerms, int], now_ns: int
) -> GateRoom:
    terms, mid = market
    position, own_max = symbol.position.lots, terms.position_limit_lots(mid)
    bought, sold = _funded_lots(symbol, account, terms, mid)
    return GateRoom(
        event_time_ns=now_ns,
        venue=symbol.venue,
        symbol=symbol.symbol,
        instrument_version=terms.version,
        position_lots_max=_if_below(gate.exposure_lots(symbol, terms, mid), own_max),
        buy_lots_max=_if_below(bought, own_max - position),
        sell_lots_max=_if_below(sold, own_max + position),
        waits_for_messages=not account.has_quote_budget(symbol, now_ns),
        refused=tuple(symbol.recent.refused_prices.values()),
    )


def _funded_lots(
    symbol: RoutedSymbol, account: AccountState, terms: ContractTerms, mid: int
) -> tuple[int | None, int | None]:
    """Lots that the balances pay for: bought at the mid with a maker's fee, and sold."""
    balances = account.balances.get(symbol.venue)
    if balances is None or not terms.is_spot:
        return None, None
    fee = 1 + max(Decimal(0), terms.maker_fee_bps) / BPS_PER_UNIT
    lot_cost = terms.money_per_tick_lot * mid / 2 * fee
    own = symbol.usage.committed
    quote = spendable(terms.fee_currency, balances, account.committed, own)
    base = spendable(terms.base_currency, balances, account.committed, own)
    return max(0, int(quote / lot_cost)), max(0, int(base / terms.base_per_lot))


def _if_below(lots: int | None, own_max: int) -> int | None:
    return lots if lots is not None and lots < own_max else None


def _is_near(before: GateRoom, now: GateRoom) -> bool:
    if (before.instrument_version, before.waits_for_messages, before.refused) != (
        now.instrument_version,
        now.waits_for_messages,
        now.refused,
    ):
        return False
    pairs = (
        (before.position_lots_max, now.position_lots_max),
        (before.buy_lots_max, now.buy_lots_max),
        (before.sell_lots_max, now.sell_lots_max),
    )
    return all(_is_limit_near(*pair) for pair in pairs)


def _is_limit_near(before: int | None, now: int | None) -> bool:
    if before is None or now is None:
        return before == now
    return before <= now and (now - before) * RAISED_BY <= before

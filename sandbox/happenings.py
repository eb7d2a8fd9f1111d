"""Faults that are not tied to a request: carried out when armed, and undone when everything is cleared."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from sandbox.accounts import Account
from sandbox.clock import Clock
from sandbox.connections import DAY_OVER_CODE, RESTART_CODE, close
from sandbox.errors import VenueError
from sandbox.exchange import SandboxExchange
from sandbox.faults import Armed, FaultName, Faults
from sandbox.keys import Keys
from sandbox.limits import Limits
from sandbox.market_streams import MarketStreams
from sandbox.markets import NewOrder, SandboxMarket
from sandbox.shapes import account_position, balance_update
from sandbox.user_stream import UserStream
from schemas.units import NS_PER_MS, ceil_units

HAND_PREFIX = "web_"
"""Prefix of client ids of orders placed by hand on the venue's website."""


@dataclass(frozen=True, slots=True)
class ExchangeParts:
    """The parts of the exchange that faults affect."""

    clock: Clock
    exchange: SandboxExchange
    limits: Limits
    keys: Keys
    markets: MarketStreams
    users: UserStream


class Happenings:
    """Carries out these faults."""

    def __init__(self, parts: ExchangeParts, faults: Faults) -> None:
        self._parts = parts
        self._faults = faults
        self._hands = 0
        self._timers: set[asyncio.TimerHandle] = set()
        self._closing: set[asyncio.Task[None]] = set()
        clock, keys = parts.clock, parts.keys.by_name
        self._rights = [(key, key.trades, key.withdraws) for key in keys.values()]
        self._disabled = {account.name for account in self._accounts() if not account.can_trade}
        self._acts: Mapping[FaultName, Callable[[Armed], None]] = {
            "clock_skew": lambda how: clock.set_off(how.seconds),
            "clock_behind": lambda how: clock.set_off(-how.seconds),
            "clock_drift": lambda how: clock.drift(how.seconds),
            "maintenance": self._maintain,
            "market_break": self._stop_trading,
            "kick_user_stream": lambda how: self._close(RESTART_CODE, markets=False),
            "kick_market_stream": lambda how: self._close(RESTART_CODE, users=False),
            "slow_reconnect": self._reconnect_slowly,
            "disconnect_24h": lambda how: self._close(DAY_OVER_CODE),
            "server_shutdown": self._shut_down,
            "end_user_stream": lambda how: self._end_streams(),
            "silent_user_stream": lambda how: parts.users.silence(how.seconds),
            "long_ban": lambda how: parts.limits.ban.begin(self._now_ms(), round(how.seconds * 1_000)),
            "order_count": self._use_up_orders,
            "trade_prevention": lambda how: self._prevent(how.symbol),
            "bad_key": lambda how: self._end_keys(),
            "ip_not_allowed": lambda how: _set_keys(keys, is_accepted=False),
            "no_permission": lambda how: _set_keys(keys, trades=False),
            "withdrawing_key": lambda how: _set_keys(keys, withdraws=True),
            "account_disabled": lambda how: self._disable(),
            "deposit": lambda how: self.deposit(how.currency, how.amount),
            "hand_trade": lambda how: self.trade_by_hand(how.symbol, how.amount),
        }

    def carry_out(self) -> None:
        """Carry out each armed fault once."""
        for name, act in self._acts.items():
            if name == "trade_prevention" and not self._live(None):
                continue
            armed = self._faults.next(frozenset({name}))
            if armed is not None:
                with suppress(VenueError):  # the venue may reject manual orders too
                    act(armed)

    def undo(self) -> None:
        """End lasting faults, and disarm all."""
        self._faults.armed.clear()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._parts.clock.set_off(0.0)
        self._open()
        self._parts.limits.ban.until_ms = 0
        for key, trades, withdraws in self._rights:
            key.is_accepted, key.trades, key.withdraws = True, trades, withdraws
        for market in self._parts.exchange.markets.values():
            market.status = "TRADING"
        for account in self._accounts():
            account.can_trade = account.name not in self._disabled
            account.order_counts.used_up_until_ms = 0
        self._parts.users.silence(0.0)
        self._parts.users.next_takes_s = 0.0

    def _now_ms(self) -> int:
        return self._parts.clock.now_ns() // NS_PER_MS

    def _accounts(self) -> list[Account]:
        return list(self._parts.exchange.accounts.values())

    def _live(self, symbol: str | None) -> list[tuple[Account, int]]:
        return [(account, order.order_id) for account in self._accounts() for order in account.live(symbol)]

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        self._timers.add(asyncio.get_running_loop().call_later(seconds, act))

    def _maintain(self, how: Armed) -> None:
        self._parts.exchange.is_open = False
        self._later(how.seconds, self._open)

    def _open(self) -> None:
        self._parts.exchange.is_open = True

    def _stop_trading(self, how: Armed) -> None:
        exchange = self._parts.exchange
        for symbol in exchange.markets if how.symbol is None else [how.symbol]:
            exchange.stop_trading(symbol)
            self._later(how.seconds, lambda symbol=symbol: self.trade_again(symbol))  # type: ignore[misc]

    def trade_again(self, symbol: str) -> None:
        """The symbol's status becomes TRADING."""
        self._parts.exchange.markets[symbol].status = "TRADING"

    def _close(self, code: int, *, markets: bool = True, users: bool = True) -> None:
        """Close connections from the server side, as before a venue restart, or after a day of age."""
        connections = (self._parts.users.connections if users else set()) | (
            self._parts.markets.connections if markets else set()
        )
        task = asyncio.get_running_loop().create_task(close(connections, code))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _reconnect_slowly(self, how: Armed) -> None:
        self._parts.users.next_takes_s = how.seconds
        self._close(RESTART_CODE, markets=False)

    def _shut_down(self, how: Armed) -> None:
        self._parts.users.announce_shutdown()
        self._parts.markets.announce_shutdown(self._now_ms())
        self._later(how.seconds, lambda: self._close(RESTART_CODE))

    def _end_streams(self) -> None:
        for connection in tuple(self._parts.users.connections):
            self._parts.users.end(connection)

    def _end_keys(self) -> None:
        """A deleted key loses its stream too."""
        _set_keys(self._parts.keys.by_name, is_accepted=False)
        self._end_streams()

    def _use_up_orders(self, how: Armed) -> None:
        for account in self._accounts():
            account.order_counts.used_up_until_ms = self._now_ms() + round(how.seconds * 1_000)

    def _disable(self) -> None:
        for account in self._accounts():
            account.can_trade = False

    def _prevent(self, symbol: str | None) -> None:
        for account in self._accounts():
            for order in account.live(symbol)[:1]:
                self._parts.exchange.prevent(account, order)

    def deposit(self, currency: str, amount: Decimal, *, is_silent: bool = False) -> None:
        """Deposit to or withdraw from all accounts; `is_silent`: their streams do not report it."""
        for account in self._accounts():
            self._parts.exchange.deposit(account, currency, amount)
            if not is_silent:
                now_ms = self._now_ms()
                self._parts.users.publish(account, balance_update(currency, amount, now_ms))
                self._parts.users.publish(account, account_position(account, now_ms, (currency,)))

    def trade_by_hand(self, symbol: str | None, amount: Decimal) -> None:
        """A manual market order on the venue's website, from the same accounts."""
        exchange = self._parts.exchange
        market = exchange.markets[symbol or next(iter(exchange.markets))]
        for account in self._accounts():
            self._hands += 1
            new = NewOrder(
                symbol=market.instrument.symbol,
                side="buy" if amount > 0 else "sell",
                order_type="MARKET",
                time_in_force="GTC",
                price_ticks=0,
                size_lots=_lots(market, amount),
                client_id=f"{HAND_PREFIX}{self._hands}",
                stp_mode="NONE",
            )
            exchange.place(account, new)


def _lots(market: SandboxMarket, amount: Decimal) -> int:
    """Whole lots of an amount, at least the minimum of the symbol's filter."""
    mid = market.mid
    if mid is None:
        raise VenueError(-1013, "Market is closed.")
    least = ceil_units(2 * market.instrument.min_notional, mid * market.instrument.lot_size)
    return max(int(abs(amount) / market.instrument.lot_size), least, 1)


def _set_keys(keys: Mapping[str, object], **flags: bool) -> None:
    for key in keys.values():
        for name, value in flags.items():
            setattr(key, name, value)

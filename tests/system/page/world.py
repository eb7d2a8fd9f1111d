"""A made-up market behind the real application.

The market is the smallest that fills every part of the page. Its messages go through the real projector,
so what the page shows has gone the way of the engine's own messages.
"""

import dataclasses
import math
import random
import threading
import time
from decimal import Decimal
from typing import Any

import uvicorn
from gateway_api.app.service import make_app
from gateway_api.projector.core.views import ProjectorCore

from maker.composition import HISTORY_COMMAND
from runtime.process.definition import GatewayContext, SystemStatus
from schemas.config import Config
from schemas.control import Command, ControlEvent
from schemas.inventory import Position
from schemas.market import Book, Instrument, Trade
from schemas.orders import Fill, OrderEvent
from schemas.quoting import QuoteSide, QuoteStep, QuoteTarget
from schemas.risk import LimitUse, RiskAlert, RiskState
from schemas.signals import Signal
from schemas.units import NS_PER_MS
from tests.kit.fakes import LaggingStore
from tests.servers.local import PATIENCE_S

VENUE = "synthetic"
START_NS = 1_700_000_000_000_000_000
FIVE = {
    "BTC/USDT": ("60000", "0.1", "0.00001"),
    "ETH/USDT": ("3000", "0.01", "0.0001"),
    "SOL/USDT": ("150", "0.01", "0.01"),
    "LINK/USDT": ("15", "0.001", "0.1"),
    "ARB/USDT": ("0.8", "0.0001", "1"),
}
LEVELS = 20


class Market:
    """One made-up symbol: a walk of its mid, our two orders around it, and a fill now and then."""

    def __init__(self, world: "World", symbol: str, price: str, tick: str, lot: str) -> None:
        self.world = world
        self.name: dict[str, Any] = {"venue": VENUE, "symbol": symbol}
        self.tick, self.lot = Decimal(tick), Decimal(lot)
        self.base, _, self.quote = symbol.partition("/")
        self.random = random.Random(symbol)
        self.mid = float(Decimal(price) / self.tick)
        self.lots = int(Decimal(3000) / Decimal(price) / self.lot)
        self.position, self.cash_ticks, self.capture, self.fills = 0, 0.0, 0.0, 0
        self.sequence, self.best_bid = 0, 0
        self.quiet_bid: str | None = None
        self.halted = False
        self.stopped = False
        self.live: dict[str, OrderEvent] = {}
        self.take(
            Instrument,
            tick_size=self.tick,
            lot_size=self.lot,
            base_currency=self.base,
            quote_currency=self.quote,
            reporting_rate=Decimal(1),
            maker_fee_bps=Decimal(1),
        )
        self.take(RiskState, state="RUN", limits=self.limits())

    def take(self, message: type, **fields: Any) -> None:
        """Give the projector a message of this symbol."""
        self.world.core.on_event(message(event_time_ns=self.world.now_ns, **self.name, **fields))

    def limits(self) -> tuple[LimitUse, ...]:
        share = abs(self.position) / (20 * self.lots)
        return (
            LimitUse(name="position", value=round(100_000 * share, 2), limit=100_000, unit=self.quote),
            LimitUse(name="loss", value=12.5, limit=500, unit=self.quote),
        )

    def step(self) -> None:
        """The market moves, quotes follow, and sometimes we are filled."""
        self.mid *= math.exp(self.random.gauss(0, 0.6e-4))
        half = max(1.0, self.mid * 4e-4)
        bid, ask = math.floor(self.mid - half), math.ceil(self.mid + half)
        self.best_bid = bid
        sizes = tuple(int(self.lots * (1 + 4 * self.random.random())) for _ in range(LEVELS))
        self.take(
            Book,
            status="live",
            bid_prices=tuple(bid - level for level in range(LEVELS)),
            bid_sizes=sizes,
            ask_prices=tuple(ask + level for level in range(LEVELS)),
            ask_sizes=sizes[::-1],
        )
        self.take(
            Signal,
            book_status="live",
            book_time_ns=self.world.now_ns,
            mid_half_ticks=bid + ask,
            spread_ticks=ask - bid,
            weighted_mid_ticks=self.mid,
            volatility_per_sqrt_s=6e-5 * (1 + 0.2 * self.random.random()),
            volatility_ready=True,
            regime="low",
            jump=False,
            bid_depth_lots=sum(sizes[:5]),
            ask_depth_lots=sum(sizes[-5:]),
            imbalance=self.random.uniform(-0.5, 0.5),
            flow_imbalance=self.random.uniform(-0.5, 0.5),
            flow_volume_lots=100.0,
        )
        if self.random.random() < 0.5:
            self.trade(bid, ask)
        self.requote(bid + ask)

    def trade(self, bid: int, ask: int) -> None:
        side = self.random.choice(("buy", "sell"))
        self.take(
            Trade,
            price_ticks=ask if side == "buy" else bid,
            size_lots=max(1, int(self.lots * self.random.random())),
            side=side,
            trade_id=str(self.random.random()),
        )
        if self.random.random() < 0.25 and self.live:
            self.fill(self.random.choice(sorted(self.live)), bid + ask)

    def fill(self, order_id: str, half_ticks: int) -> None:
        order = self.live[order_id]
        sign = 1 if order.side == "buy" else -1
        self.position += sign * order.size_lots
        self.cash_ticks -= sign * order.size_lots * order.price_ticks
        self.capture += sign * order.size_lots * (half_ticks / 2 - order.price_ticks)
        self.fills += 1
        self.take(
            Fill,
            venue_trade_id=f"sim-{self.fills}",
            client_order_id=order_id,
            side=order.side,
            price_ticks=order.price_ticks,
            size_lots=order.size_lots,
            liquidity="maker",
            fee=Decimal("0.0123"),
            fee_currency=self.quote,
            mid_half_ticks=half_ticks,
        )

    def requote(self, half_ticks: int) -> None:
        self.sequence += 1
        mid = half_ticks / 2
        lean = -4.0 * self.position / (20 * self.lots)
        sides = {}
        for side, sign in (("buy", -1), ("sell", 1)):
            steps = self.steps(mid, sign, lean)
            price = math.floor(steps[-1].price_after) if sign < 0 else math.ceil(steps[-1].price_after)
            because = self.quiet_bid if side == "buy" else None
            quoted = because is None
            sides[side] = QuoteSide(
                prices=(price,) if quoted else (),
                sizes=(self.lots,) if quoted else (),
                steps=steps,
                not_quoting_because=because,
            )
            self.order(side, price if quoted and not self.halted and not self.stopped else None)
        self.take(
            QuoteTarget,
            sequence=self.sequence,
            valid_until_ns=self.world.now_ns + 5_000 * NS_PER_MS,
            mid_half_ticks=half_ticks,
            model="vol_multiple",
            bid=sides["buy"],
            ask=sides["sell"],
        )
        self.report_position(half_ticks)

    def steps(self, mid: float, sign: int, lean: float) -> tuple[QuoteStep, ...]:
        key = "pricing.fair_value"
        steps = [QuoteStep(name="fair_value", input=mid, effect_bps=0, config_key=key, price_after=mid)]
        price = mid
        for name, driver, effect, key in (
            ("base_half_spread", 0.002, sign * 10.0, "market_making.base_spread"),
            ("volatility", 6.6e-5, sign * 0.66, "market_making.volatility_multiplier"),
            ("inventory_lean", self.position / (20 * self.lots), lean, "market_making.inventory_sensitivity"),
            ("pressure", -0.214, -2.14, "pricing.adjustment_speed"),
            ("emergency", 0.31, 0.0, "pricing.emergency_multiplier"),
        ):
            price += mid * effect / 10_000
            steps.append(
                QuoteStep(name=name, input=driver, effect_bps=effect, config_key=key, price_after=price)
            )
        tick = math.floor(price) if sign < 0 else math.ceil(price)
        effect = (tick - price) / mid * 10_000
        steps.append(QuoteStep(name="tick", input=1, effect_bps=effect, config_key=None, price_after=tick))
        return tuple(steps)

    def order(self, side: str, price: int | None) -> None:
        """Our order of a side now stands at `price`, or not at all."""
        order_id = f"{self.base}-{side}"
        known = self.live.pop(order_id, None)
        if price is None:
            if known is not None:
                gone = known.model_copy(update={"kind": "cancelled", "status": "cancelled"})
                self.world.core.on_event(gone.model_copy(update={"event_time_ns": self.world.now_ns}))
            return
        fields = {
            "client_order_id": order_id,
            "side": side,
            "level": 0,
            "price_ticks": price,
            "size_lots": self.lots,
            "target_sequence": self.sequence,
        }
        if known is None:
            self.take(OrderEvent, kind="place_intent", status="pending_new", **fields)
            self.take(OrderEvent, kind="accepted", status="live", **fields)
        else:
            self.take(OrderEvent, kind="amend_intent", status="pending_amend", **fields)
            self.take(OrderEvent, kind="amended", status="live", **fields)
        self.live[order_id] = OrderEvent(
            event_time_ns=self.world.now_ns, kind="accepted", status="live", **self.name, **fields
        )

    def report_position(self, half_ticks: int) -> None:
        unit = self.tick * self.lot
        pnl = Decimal(self.cash_ticks + self.position * half_ticks / 2) * unit
        capture = Decimal(self.capture) * unit
        notional = Decimal(self.position * half_ticks) * unit / 2
        bias = max(-1.0, min(1.0, self.position / (20 * self.lots)))
        self.take(
            Position,
            quote_currency=self.quote,
            position_lots=self.position,
            average_price_ticks=Decimal(half_ticks) / 2 if self.position else None,
            mark_half_ticks=half_ticks,
            realised=pnl / 3,
            unrealised=pnl - pnl / 3,
            fees=Decimal("0.0123") * self.fills,
            pnl=pnl - Decimal("0.0123") * self.fills,
            pnl_capture=capture,
            pnl_inventory=pnl - capture,
            max_drawdown=abs(pnl) / 2,
            pnl_reporting=pnl - Decimal("0.0123") * self.fills,
            notional_reporting=notional,
            fills=self.fills,
            traded_notional=Decimal(3000) * self.fills,
            bias=bias,
            rebalance_action="none",
            rebalance_size_lots=0,
            rebalance_urgency=0.0,
        )


class World:
    """Some markets, an account, and a risk service that obeys at once."""

    def __init__(self, symbols: dict[str, tuple[str, str, str]]) -> None:
        self.config = Config()
        self.core = ProjectorCore(self.config)
        self.store = LaggingStore()
        self.codes: list[str] = []
        self.now_ns = START_NS
        self.halts = 0
        self.commands: list[Command] = []
        self.lock = threading.RLock()
        """Commands come in the server's thread, steps in the test's."""
        self.system = SystemStatus("one process")
        self.account("RUN")
        self.markets = {name: Market(self, name, *contract) for name, contract in symbols.items()}
        self.publish()

    def context(self) -> GatewayContext:
        return GatewayContext(
            config=self.config,
            store=self.store,
            send_control=self.obey,
            announce_code=self.codes.append,
            now_ns=lambda: self.now_ns,
            version="0.1.0",
            history_command=HISTORY_COMMAND,
            system=lambda: self.system,
        )

    def account(self, state: str, *reasons: str) -> None:
        self.core.on_event(
            RiskState(
                event_time_ns=self.now_ns,
                venue="*",
                symbol="*",
                state=state,
                reasons=reasons,
                latched=state == "HALT",
                halt_sequence=self.halts,
                limits=(
                    LimitUse(name="exposure", value=0.031, limit=0.2, unit="ratio"),
                    LimitUse(name="drawdown", value=0.0004, limit=0.1, unit="ratio"),
                    LimitUse(name="loss", value=0, limit=2500, unit="USDT"),
                ),
            )
        )

    def alert(self, severity: str, name: str, message: str, symbol: str = "*") -> None:
        self.core.on_event(
            RiskAlert(
                event_time_ns=self.now_ns,
                venue="*" if symbol == "*" else VENUE,
                symbol=symbol,
                alert_id=f"risk-{self.now_ns}-{name}",
                severity=severity,
                name=name,
                message=message,
            )
        )

    def obey(self, command: ControlEvent) -> None:
        """What quote-service, risk-service and the router would make of a command."""
        with self.lock:
            if isinstance(command, Command):
                self.apply_command(command)

    def apply_command(self, command: Command) -> None:
        self.commands.append(command)
        self.core.on_event(command)
        for symbol, market in self.markets.items():
            if command.symbol in ("*", symbol):
                market.stopped = {"stop": True, "start": False}.get(command.action, market.stopped)
                market.halted = {"halt": True, "resume": False}.get(command.action, market.halted)
                if command.symbol == symbol and command.action in {"halt", "resume"}:
                    state = "HALT" if command.action == "halt" else "RUN"
                    market.take(RiskState, state=state, reasons=(f"COMMAND: {command.reason}",), latched=True)
        if command.symbol == "*" and command.action in {"halt", "resume"}:
            halting = command.action == "halt"
            self.halts += halting
            reason = f"COMMAND: {command.reason} by {command.principal}"
            self.account("HALT" if halting else "RUN", *((reason,) if halting else ()))
        self.step()

    def step(self, milliseconds: int = 100) -> None:
        """Time goes on, and every market with it."""
        with self.lock:
            self.now_ns += milliseconds * NS_PER_MS
            for market in self.markets.values():
                market.step()
            self.publish()

    def publish(self) -> None:
        self.store.put(self.core.pop_changed())


class Server:
    """The application on a port of the loopback, in a thread."""

    def __init__(self, world: World, port: int = 0) -> None:
        context = dataclasses.replace(world.context(), is_closing=lambda: self.server.should_exit)
        settings = uvicorn.Config(make_app(context), port=port, log_level="error", lifespan="off")
        self.server = uvicorn.Server(settings)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self) -> str:
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/"

    def __exit__(self, *details: object) -> None:
        self.server.should_exit = True
        self.thread.join(PATIENCE_S)

"""Messages of one made-up symbol, in the units that worked examples are written in."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from gateway_api.access.rates import RATES, AllowedRate, RateName
from gateway_api.access.users import User, hashed, write_users
from gateway_api.app import stream
from gateway_api.app.reading import account_of
from gateway_api.app.service import make_app
from gateway_api.projector.core.views import ProjectorCore

from maker.composition import HISTORY_COMMAND
from runtime.process.definition import GatewayContext
from runtime.store.documents import MemoryStore
from schemas.config import Config
from schemas.control import AccessEvent, Command, ControlEvent
from schemas.deployment import Access
from schemas.inventory import Position
from schemas.market import Book, Instrument, Trade
from schemas.message import Event
from schemas.orders import Fill, OrderEvent
from schemas.quoting import QuoteSide, QuoteStep, QuoteTarget
from schemas.risk import RiskAlert, RiskState
from schemas.signals import Signal
from schemas.units import NS_PER_S
from schemas.views import AccountView

START_S = 1_700_000_000
BASE = "http://127.0.0.1"
API = "/api/v1"
Sent = TypeVar("Sent", bound=Event)


PASSWORD = "correct horse battery staple"


class Messages:
    """Makes messages of a symbol: prices in ticks of 0.01, sizes in lots of 0.001, times in seconds."""

    def __init__(self, symbol: str = "BTC/USDT", venue: str = "synthetic") -> None:
        self.name: dict[str, Any] = {"venue": venue, "symbol": symbol}

    def at(self, seconds: float) -> dict[str, Any]:
        """The fields that every message has."""
        return {"event_time_ns": int((START_S + seconds) * NS_PER_S), **self.name}

    def instrument(self, seconds: float = 0) -> Instrument:
        base, _, rest = str(self.name["symbol"]).partition("/")
        return Instrument(
            **self.at(seconds),
            tick_size=Decimal("0.01"),
            lot_size=Decimal("0.001"),
            base_currency=base,
            quote_currency=rest.partition(":")[0] or "USDT",
            reporting_rate=Decimal(1),
        )

    def book(self, seconds: float, bid: int = 9_999, ask: int = 10_001, **fields: Any) -> Book:
        shown = {"status": "live", "bid_prices": (bid, bid - 1), "ask_prices": (ask, ask + 1)}
        sizes = {"bid_sizes": (5_000, 7_000), "ask_sizes": (4_000, 6_000)}
        return Book(**self.at(seconds), **{**shown, **sizes, **fields})

    def trade(self, seconds: float, number: int = 1) -> Trade:
        return Trade(
            **self.at(seconds), price_ticks=10_000, size_lots=1_500, side="buy", trade_id=str(number)
        )

    def signal(self, seconds: float) -> Signal:
        return Signal(
            **self.at(seconds),
            book_status="live",
            book_time_ns=int((START_S + seconds) * NS_PER_S),
            mid_half_ticks=20_000,
            spread_ticks=2,
            weighted_mid_ticks=10_000.1,
            volatility_per_sqrt_s=6e-5,
            volatility_ready=True,
            regime="medium",
            jump=False,
            bid_depth_lots=12_000,
            ask_depth_lots=10_000,
            imbalance=0.0909,
            flow_imbalance=-0.25,
            flow_volume_lots=100.0,
        )

    def target(self, seconds: float, bid: int | None = 9_990, ask: int | None = 10_010) -> QuoteTarget:
        return QuoteTarget(
            **self.at(seconds),
            sequence=3,
            valid_until_ns=int((START_S + seconds + 5) * NS_PER_S),
            mid_half_ticks=20_000,
            model="vol_multiple",
            bid=self.side(bid, -10.0),
            ask=self.side(ask, 10.0),
        )

    def side(self, price: int | None, effect_bps: float) -> QuoteSide:
        steps = (
            QuoteStep(
                name="fair_value",
                input=10_000,
                effect_bps=0,
                config_key="pricing.fair_value",
                price_after=10_000,
            ),
            QuoteStep(
                name="base_half_spread",
                input=0.002,
                effect_bps=effect_bps,
                config_key="market_making.base_spread",
                price_after=10_000 + effect_bps,
            ),
        )
        if price is None:
            return QuoteSide(prices=(), sizes=(), steps=(), not_quoting_because="INVENTORY_FULL")
        return QuoteSide(prices=(price,), sizes=(2_000,), steps=steps)

    def order(
        self, seconds: float, kind: str, status: str, side: str, price: int = 0, **fields: Any
    ) -> OrderEvent:
        shown = {"client_order_id": f"o-{side}", "level": 0, "size_lots": 2_000, "target_sequence": 3}
        return OrderEvent(
            **self.at(seconds), kind=kind, status=status, side=side, price_ticks=price, **{**shown, **fields}
        )

    def accepted(self, seconds: float, side: str, price: int, **fields: Any) -> OrderEvent:
        return self.order(seconds, "accepted", "live", side, price, **fields)

    def fill(self, seconds: float, number: int = 1) -> Fill:
        return Fill(
            **self.at(seconds),
            venue_trade_id=f"sim-{number}",
            client_order_id="o-buy",
            side="buy",
            price_ticks=9_990,
            size_lots=2_000,
            liquidity="maker",
            fee=Decimal("0.01998"),
            fee_currency="USDT",
            mid_half_ticks=20_000,
        )

    def position(self, seconds: float, lots: int = 2_000, mark: int = 20_000, **fields: Any) -> Position:
        shown: dict[str, Any] = {
            "quote_currency": "USDT",
            "position_lots": lots,
            "average_price_ticks": Decimal(9_990) if lots else None,
            "mark_half_ticks": mark,
            "realised": Decimal("1.5"),
            "unrealised": Decimal("0.2"),
            "fees": Decimal("0.01998"),
            "pnl": Decimal("1.68002"),
            "pnl_capture": Decimal("1.2"),
            "pnl_inventory": Decimal("0.5"),
            "max_drawdown": Decimal("0.3"),
            "pnl_reporting": Decimal("1.68002"),
            "notional_reporting": Decimal(200),
            "fills": 1,
            "traded_notional": Decimal("199.8"),
            "bias": 0.5,
            "rebalance_action": "none",
            "rebalance_size_lots": 0,
            "rebalance_urgency": 0.0,
        }
        return Position(**self.at(seconds), **{**shown, **fields})

    def risk(self, seconds: float, state: str, *reasons: str, **fields: Any) -> RiskState:
        return RiskState(**self.at(seconds), state=state, reasons=reasons, **fields)

    def alert(self, seconds: float, severity: str, number: int) -> RiskAlert:
        return RiskAlert(
            **self.at(seconds),
            alert_id=f"risk-{number}",
            severity=severity,
            name="position",
            message=f"position at {number} % of its limit",
        )

    def command(self, seconds: float, action: str, command_id: str) -> Command:
        return Command(
            **self.at(seconds), command_id=command_id, action=action, principal="local", reason="test"
        )


class Engine:
    """A projector, a store, and what a gateway needs."""

    def __init__(self) -> None:
        self.core = ProjectorCore(Config())
        self.store = MemoryStore()
        self.commands: list[ControlEvent] = []
        """What the gateway sent; who came in is left out."""
        self.visits: list[AccessEvent] = []
        self.codes: list[str] = []
        self.access = Access()
        self.config = Config()
        self.now_s: float = 10
        self.is_ours: Callable[[ControlEvent], bool] = lambda event: True

    def take(self, *events: Event) -> None:
        for event in events:
            assert self.core.on_event(event) == ()
        self.store.put(self.core.pop_changed())

    def hear(self, event: ControlEvent) -> None:
        if isinstance(event, AccessEvent):
            self.visits.append(event)
        else:
            self.commands.append(event)

    def sent(self, kind: type[Sent]) -> list[Sent]:
        """All that the gateway sent: messages of this type and no others."""
        found: list[Sent] = [each for each in self.commands if isinstance(each, kind)]
        assert len(found) == len(self.commands), self.commands
        return found

    def account(self) -> AccountView:
        """The account as the gateway reads it."""
        view = account_of(self.store)
        assert view is not None
        return view

    def context(self) -> GatewayContext:
        return GatewayContext(
            config=self.config.model_copy(update={"access": self.access}),
            store=self.store,
            send_control=self.hear,
            announce_code=self.codes.append,
            now_ns=lambda: int((START_S + self.now_s) * NS_PER_S),
            version="0.1.0",
            is_ours=self.is_ours,
            history_command=HISTORY_COMMAND,
        )


class Client:
    """Asks an engine's application without a network. A failure inside is an answer.

    It comes with a token of the one person at this machine, or as nobody.
    """

    def __init__(self, engine: Engine, *, signed_in: bool = True) -> None:
        self.application = make_app(engine.context())
        self._transport = httpx.ASGITransport(self.application, raise_app_exceptions=False)
        self.headers: dict[str, str] = {}
        if signed_in:
            cookie = self.post(f"{API}/session", json={"code": engine.codes[-1]}).headers["set-cookie"]
            page = {"cookie": cookie.partition(";")[0], "origin": BASE}
            token = self.post(f"{API}/session/token", headers=page, json={}).json()["token"]
            self.headers = {"authorization": f"Bearer {token}"}

    def request(
        self, method: str, url: str, headers: dict[str, str] | None = None, **request: Any
    ) -> httpx.Response:
        sent = {**self.headers, **(headers or {})}

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url=BASE) as client:
                answer = await client.request(method, url, headers=sent, **request)
            await self.application.state.previews.close()  # it belongs to this loop
            return answer

        return asyncio.run(ask())

    def get(self, url: str, **request: Any) -> httpx.Response:
        return self.request("GET", url, **request)

    def post(self, url: str, **request: Any) -> httpx.Response:
        return self.request("POST", url, **request)


@pytest.fixture(autouse=True)
def hurry(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests ask more often than people may; those of the rates themselves ask for `rates`."""
    if "rates" not in request.fixturenames:
        monkeypatch.setattr(
            "gateway_api.access.rates.RATES", dict.fromkeys(RATES, AllowedRate(1_000_000, 10))
        )


@pytest.fixture
def rates() -> dict[RateName, AllowedRate]:
    """As they are for people."""
    return RATES


@pytest.fixture(scope="session")
def client_of() -> type[Client]:
    return Client


@pytest.fixture
def btc() -> Messages:
    return Messages()


@pytest.fixture
def account() -> Messages:
    return Messages("*", "*")


@pytest.fixture(scope="session")
def messages_of() -> Callable[..., Messages]:
    return Messages


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def core() -> ProjectorCore:
    return ProjectorCore(Config())


@pytest.fixture
def trading(engine: Engine) -> Engine:
    """An engine that quotes BTC/USDT on both sides and holds a position."""
    return traded(engine)


@pytest.fixture(scope="session")
def trading_engine() -> Callable[[], Engine]:
    """Makes such engines."""
    return lambda: traded(Engine())


def traded(engine: Engine) -> Engine:
    btc, account = Messages(), Messages("*", "*")
    engine.take(
        btc.instrument(),
        account.risk(0, "RUN"),
        btc.risk(0, "RUN"),
        btc.book(1),
        btc.signal(1),
        btc.target(2),
        btc.order(2, "place_intent", "pending_new", "buy", 9_990),
        btc.order(2, "place_intent", "pending_new", "sell", 10_010),
        btc.accepted(2, "buy", 9_990),
        btc.accepted(2, "sell", 10_010),
        btc.trade(3),
        btc.fill(4),
        btc.position(4),
        btc.book(8),
    )
    return engine


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """A file of ann, a trader, and bob, who judges risk."""
    path = tmp_path / "users.yaml"
    hash_of = hashed(PASSWORD)
    ann = User(name="ann", roles=("trader",), password=hash_of)
    write_users(path, [ann, User(name="bob", roles=("risk",), password=hash_of)])
    return path


@pytest.fixture
def visitor(trading: Engine, client_of: type[Client]) -> Client:
    """Somebody at a gateway without users, who has not signed in."""
    return client_of(trading, signed_in=False)


@pytest.fixture
def guest(trading: Engine, client_of: type[Client], users: Path) -> Client:
    """Somebody at a gateway with users, where bob needs no second factor."""
    trading.access = Access(users_file=str(users), second_factor_exempt=("bob",))
    return client_of(trading, signed_in=False)


@pytest.fixture
def strict(trading: Engine, client_of: type[Client], users: Path) -> Client:
    """As it is by default: risk and admin need a second factor."""
    trading.access = Access(users_file=str(users))
    return client_of(trading, signed_in=False)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams look for news at once."""
    monkeypatch.setattr(stream, "INTERVAL_S", 0.001)
    monkeypatch.setattr(stream, "_INTERVAL_MAX_S", 0.002)

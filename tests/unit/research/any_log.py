"""Logs of any course of an engine, for the tests of `maker pnl`."""

import asyncio
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from inventory_service.core.inventory import InventoryCore
from quote_service.routing.router import RouterCore

from runtime.log.logfile import LogFileBus
from schemas.config import Config
from schemas.envelope import Envelope
from schemas.inventory import Position
from schemas.market import Instrument, Rate
from schemas.message import Event
from schemas.orders import Fill, OrderEvent, ReportKind
from schemas.process import AdjustmentApplied, Tick
from schemas.topics import INVENTORY, TOPIC_OF
from tests.kit.messages import (
    KEY,
    MS,
    T0,
    VENUE,
    book,
    config_applied,
    instrument,
    risk_state,
    signal,
    target,
    trade,
    venue_report,
)
from tests.unit.inventory_service.ledgers import adjustment, opening
from tests.unit.quote_service.routing.builders import wide_config

BNB = "BNB/USDT"
KINDS = (
    "accepted", "amended", "amend_rejected", "cancelled", "cancel_rejected", "rejected",
    "fill", "fill", "fill", "unknown", "orphan",
)  # fmt: skip
ANSWERS: dict[str, ReportKind] = {
    "place_intent": "accepted",
    "amend_intent": "amended",
    "cancel_intent": "cancelled",
}
CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"tick_size": Decimal("0.5"), "version": 2},
    {"lot_size": Decimal("0.1"), "version": 3},
    {"multiplier": Decimal(2), "version": 4},
    {"reporting_rate": Decimal("1.1"), "taker_fee_bps": Decimal(40)},
)


class Engine:
    """Router, ledger and log. Time in ms."""

    def __init__(self, folder: Path, config: Config) -> None:
        self.router, self.ledger = RouterCore(config), InventoryCore(config)
        self.config = config
        self.now, self.sequence, self.mid = 0, 0, 100
        self.order_ids: list[str] = []
        self.unanswered: dict[str, OrderEvent] = {}
        """The newest intent of each order."""
        self.contracts: dict[str, Instrument] = {}
        self.said: dict[str, Position] = {}
        self._begin(folder)

    def _begin(self, folder: Path) -> None:
        self.folder, self.bus = folder, LogFileBus(folder)
        applied = config_applied(self.config, INVENTORY, time_ns=self.now_ns)
        self._log(applied)

    def another_session(self, folder: Path) -> None:
        """The ledger is carried into another core, and the log goes on, or another one begins with it."""
        carried = self.ledger.carried(self.now_ns)
        self.ledger = InventoryCore(self.config)
        if folder != self.folder:
            asyncio.run(self.bus.close())
            self.order_ids, self.unanswered = [], {}
            self.router = RouterCore(self.config)
            self._begin(folder)
        for each in carried:
            self._log(each)
            self._book(each)
        for key in (KEY, f"{VENUE}:{BNB}"):
            if key in self.contracts:
                self.take(self.contracts[key])
        self.take(risk_state(time_ns=self.now_ns))

    @property
    def now_ns(self) -> int:
        return T0 + self.now * MS

    def _log(self, event: Event) -> None:
        self.sequence += 1
        envelope = Envelope("p", self.sequence, None, event.event_time_ns, event.type_name)
        if event.type_name in TOPIC_OF:
            self.bus.publish(TOPIC_OF[event.type_name], envelope, event)

    def take(self, event: Event) -> None:
        self._log(event)
        if isinstance(event, Instrument):
            self.contracts[event.key] = event
        for output in self.router.on_event(event):
            self._log(output)
            if isinstance(output, OrderEvent):
                self.order_ids.append(output.client_order_id)
                if output.kind in ANSWERS:
                    self.unanswered[output.client_order_id] = output
            if isinstance(output, Fill):
                self._book(output)
        self._book(event)

    def _book(self, event: Event) -> None:
        for said in self.ledger.on_event(event):
            self._log(said)
            if isinstance(said, Position):
                self.said[said.key] = said
                self.router.on_event(said)
            else:
                assert isinstance(said, AdjustmentApplied)

    def close(self) -> None:
        self.take(Tick(event_time_ns=self.now_ns))
        asyncio.run(self.bus.close())


levels = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 12)), min_size=1, max_size=2)
STEPS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([1, 10, 300, 6_000])),
    *[st.tuples(st.just("target"), levels, levels)] * 3,
    *[st.tuples(st.just("answer"), st.booleans())] * 4,
    st.tuples(st.just("signal"), st.sampled_from(["BTC/USDT", BNB]), st.integers(2, 400)),
    st.tuples(st.just("book"), st.integers(95, 105)),
    st.tuples(st.just("trade"), st.integers(0, 200), st.integers(0, 9)),
    st.tuples(st.just("contract"), st.sampled_from(CHANGES)),
    st.tuples(st.just("other contract")),
    st.tuples(st.just("session")),
    *[
        st.tuples(
            st.sampled_from(["adjust", "opening"]),
            st.integers(-9, 9).filter(bool),
            st.one_of(st.none(), st.integers(50, 150)),
        )
    ]
    * 2,
    st.tuples(st.just("rate"), st.integers(1, 60_000)),
    *[
        st.tuples(
            st.just("report"),
            st.sampled_from(KINDS),
            st.integers(0, 6),
            st.integers(0, 110),
            st.integers(0, 15),
            st.sampled_from(["buy", "sell", None]),
            st.one_of(st.none(), st.integers(0, 60)),
            st.sampled_from([None, "USDT", "BNB", "XYZ", "BTC", "base"]),
            st.decimals(-3, 3, places=8),
        )
    ]
    * 4,
)


def play(engine: Engine, step: tuple[Any, ...]) -> None:
    kind, *how = step
    now_ns = engine.now_ns
    if kind == "wait":
        engine.now += how[0]
        engine.take(Tick(event_time_ns=engine.now_ns))
        engine.take(risk_state(time_ns=engine.now_ns))
    elif kind == "target":
        bids, asks = ([(offset, size) for offset, size in side] for side in how)
        engine.take(book(bid=engine.mid - 1, ask=engine.mid + 1, time_ns=now_ns))
        engine.take(
            target(
                engine.sequence,
                bids=[(engine.mid - offset, size) for offset, size in bids],
                asks=[(engine.mid + offset, size) for offset, size in asks],
                time_ns=now_ns,
            )
        )
    elif kind == "signal":
        engine.take(signal(how[1], how[0], now_ns))
    elif kind == "book":
        engine.mid = how[0]
        engine.take(book(bid=how[0] - 1, ask=how[0] + 1, time_ns=now_ns))
    elif kind == "trade":
        engine.take(trade(how[0], how[1], "buy", trade_id=str(engine.sequence), time_ns=now_ns))
    elif kind == "contract":
        engine.take(instrument(time_ns=now_ns, **how[0]))
    elif kind == "rate":
        engine.take(
            Rate(
                event_time_ns=now_ns,
                venue=VENUE,
                symbol="XYZ/USDT",
                base_currency="XYZ",
                quote_currency="USDT",
                rate=Decimal(how[0]) / 100,
            )
        )
    elif kind == "other contract":
        engine.take(instrument(symbol=BNB, base_currency="BNB", time_ns=now_ns))
    else:
        OTHER_STEPS[kind](engine, *how)


def play_session(engine: Engine) -> None:
    engine.another_session(engine.folder)


def play_adjustment(engine: Engine, size: int, price: int | None) -> None:
    """People say what is held."""
    told = None if price is None else str(price)
    made = adjustment(f"a {engine.sequence}", str(size), told, time_ns=engine.now_ns)
    engine.take(made.model_copy(update={"venue": VENUE}))


def play_opening(engine: Engine, size: int, price: int | None) -> None:
    """The account says it."""
    made = opening(
        size,
        None if price is None else str(price),
        number=f"o {engine.sequence}",
        version=engine.contracts[KEY].version,
        time_ns=engine.now_ns,
    )
    engine.take(made.model_copy(update={"venue": VENUE}))


def answer(engine: Engine, fills: bool) -> None:
    """The venue does what it was asked for, or fills a part of each order and has not answered yet."""
    intents, engine.unanswered = list(engine.unanswered.values()), {}
    for intent in intents:
        kind: ReportKind = "fill" if fills else ANSWERS[intent.kind]
        size = 1 + intent.size_lots // 2 if fills else intent.size_lots
        trade_id = f"answer {engine.sequence}" if fills else None
        engine.take(
            venue_report(
                kind,
                intent.client_order_id,
                intent.price_ticks,
                size,
                side=intent.side,
                venue_trade_id=trade_id,
                time_ns=engine.now_ns,
            )
        )


def play_report(
    engine: Engine,
    kind: ReportKind,
    which: int,
    price: int,
    size: int,
    side: str | None,
    trade_id: int | None,
    currency: str | None,
    fee: Decimal,
) -> None:
    """Of one of the newest orders, or of one that nobody knows."""
    ids = [*dict.fromkeys(engine.order_ids[-40:]), "mm-btcusdt-000000-b0-77", "not ours"]
    fields: dict[str, Any] = {"side": side}
    if kind == "fill":
        fields |= {
            "venue_trade_id": None if trade_id is None else str(trade_id),
            "fee": fee,
            "fee_currency": currency,
        }
    if currency == "base":  # as the adapter tells of it: worth the trade's price, and in base beside it
        fields |= {"fee": fee * price, "fee_currency": "USDT", "base_fee": fee}
    engine.take(venue_report(kind, ids[-1 - which % len(ids)], price, size, time_ns=engine.now_ns, **fields))


OTHER_STEPS: dict[str, Callable[..., None]] = {
    "answer": answer,
    "report": play_report,
    "session": play_session,
    "adjust": play_adjustment,
    "opening": play_opening,
}


def write(folder: Path, steps: Iterable[tuple[Any, ...]], **sections: dict[str, Any]) -> Engine:
    engine = Engine(folder, wide_config(**sections))
    engine.take(instrument())
    engine.take(risk_state())
    for step in steps:
        play(engine, step)
    engine.close()
    return engine

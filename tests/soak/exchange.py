"""Minutes at the sandbox exchange, on real time: its own books are the judge of ours.

Lives of one account on one log: kills, ends, faults of the exchange, other files, other code, symbols that
come and go, a machine's clock that is set an hour forth and back, before a start and under a running engine.
"""

import os
import shutil
import struct
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Literal, get_args

import psutil

from sandbox.faults import FaultName
from tests.servers.log_lines import committed, messages, standing
from tests.servers.sandbox import RICH, SandboxServer
from tests.servers.sources import Sources, other_sources
from tests.servers.trader import MAKER, SYMBOLS, Trader
from tests.soak.judge import Judge
from tests.soak.lines import Reader
from tests.soak.lives import edited
from tests.soak.replays import Proof, replay

Kind = Literal[
    "stopped",
    "killed",
    "faults",
    "spread in the file",
    "changed live",
    "halted and resumed",
    "upgraded",
    "code of before",
    "symbol goes",
    "symbol comes",
    "folder copied",
    "start an hour later",
    "start an hour earlier",
    "clock put forward",
    "clock put back",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
FAULTS: tuple[FaultName, ...] = (
    "lost_before",
    "lost_after",
    "late_reply",
    "status_unknown",
    "server_error",
    "hide_order",
    "fill_on_cancel",
    "drop_fills",
    "duplicate_events",
    "kick_user_stream",
    "kick_market_stream",
    "depth_gap",
    "bad_frame",
)
HOUR_S = 3_600.0
QUOTED_LIMIT_S = 300
LIVE = "market_making.base_spread"


class WallClock:
    """What the engine's machine takes for the time."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "clock"
        self.ahead_s = 0.0
        self.set(0.0)

    def set(self, ahead_s: float) -> None:
        """Ahead of the true time by so much from now on."""
        self.ahead_s = ahead_s
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            file.write(struct.pack("<d", ahead_s))

    def env(self, sources: Sources | None) -> dict[str, str]:
        """By which a program takes it."""
        paths = [str(Path(__file__).parent / "clock")]
        if sources is not None:
            paths.append(sources.env["PYTHONPATH"])
        return {"PYTHONPATH": os.pathsep.join(paths), "SOAK_CLOCK": str(self.path)}


@dataclass
class Life:
    """One, and what it cost."""

    kind: Kind
    quoted_s: float
    """From its start to quotes in all symbols."""
    resident_mb: float
    descriptors: int


@dataclass
class ExchangeSoak:
    """All that is known while it goes on."""

    folder: Path
    seed: int
    tell: Callable[[str], None] = print
    judge: Judge = field(default_factory=lambda: Judge(is_simulated=False))
    lives: list[Life] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    proof: Proof = field(default_factory=Proof)

    def __post_init__(self) -> None:
        self.random = Random(f"{self.seed} exchange")
        self.sandbox = SandboxServer()
        self.home = self.folder / "here"
        self.home.mkdir(parents=True)
        self.clock = WallClock(self.folder)
        self.symbols: tuple[str, ...] = SYMBOLS
        self.sources: Sources | None = None
        self.sections: dict[str, Any] = {}
        self.truth: dict[str, Any] = {}
        """The exchange's books at the end."""
        self._reader = Reader()
        self._copies = 0

    @property
    def violations(self) -> list[str]:
        """What did not hold."""
        return self.judge.violations

    def run(self, kinds: list[Kind]) -> None:
        """Live, and compare the books at the end."""
        try:
            for kind in kinds:
                self._live(kind)
            self._live("stopped")
            self._compare_books()
            self._prove()
            self.truth = self.sandbox.truth
        finally:
            self.sandbox.stop()

    def _live(self, kind: Kind) -> None:
        before = len(self.violations)
        self._prepare(kind)
        env = {**self.clock.env(self.sources), "XDG_RUNTIME_DIR": str(self.folder)}
        trader = Trader(self.home, self.sandbox, self.sources, self.symbols, env, **self.sections)
        trader.process.start()
        began_s = time.monotonic()
        try:
            trader.until(lambda: self._is_ready(trader), "it is ready", QUOTED_LIMIT_S)
            self._quoted(trader)
            life = Life(kind, time.monotonic() - began_s, 0.0, 0)
            self._happen(kind, trader)
            self._fill()
            trader.until(self._is_told(trader), "every trade is booked", QUOTED_LIMIT_S)
            watched = psutil.Process(trader.process.pid)
            life.resident_mb, life.descriptors = watched.memory_info().rss / 1e6, watched.num_fds()
            self.lives.append(life)
            self._end(kind, trader)
        except (TimeoutError, RuntimeError) as error:
            self.judge.broken(f"{kind}: {error}; {trader.process.text()[-1500:]}")
        finally:
            if trader.process.is_running:
                trader.process.kill()
        self._look(kind)
        self.tell(
            f"exchange  {kind:22} quoted after {self.lives[-1].quoted_s if self.lives else 0:.1f} s, "
            f"{len(self.sandbox.truth['trades'])} trades, {len(self.sandbox.truth['orders'])} orders"
        )
        for violation in self.violations[before:]:
            self.tell(f"  VIOLATION {violation}")

    @staticmethod
    def _is_ready(trader: Trader) -> bool:
        """What an earlier life left at the exchange may be there still: quotes alone do not say so."""
        return any(status["state"] == "ready" for status in trader.since("venue.status.v1"))

    def _prepare(self, kind: Kind) -> None:
        if kind == "spread in the file":
            self.sections["market_making"] = {"base_spread": f"0.00{20 + len(self.lives) % 7}"}
            self.judge.file_changes([LIVE])
        elif kind == "symbol goes":
            self.symbols = SYMBOLS[:-1]
        elif kind == "symbol comes":
            self.symbols = SYMBOLS
        elif kind == "upgraded":
            self.sources = edited(self._other("release"), len(self.lives))
        elif kind == "code of before":
            self.sources = other_sources(self._other("before"))
        elif kind == "start an hour later":
            self.clock.set(self.clock.ahead_s + HOUR_S)
        elif kind == "start an hour earlier":
            self.clock.set(self.clock.ahead_s - HOUR_S)
        elif kind == "folder copied":
            self._copies += 1
            copy = self.folder / f"copy{self._copies}"
            shutil.copytree(self.home, copy, ignore=shutil.ignore_patterns("*.socket"))
            shutil.rmtree(self.home)
            self.home = copy

    def _other(self, name: str) -> Path:
        folder = self.folder / f"{name}{len(self.lives)}"
        folder.mkdir()
        return folder

    def _happen(self, kind: Kind, trader: Trader) -> None:
        """What happens while it runs."""
        if kind == "faults":
            for fault in self.random.sample(FAULTS, 4):
                self.sandbox.arm(fault)
                self.faults[fault] += 1
                self._fill()
                self._quoted(trader)
            self.sandbox.clear_faults()
        elif kind == "changed live":
            value = f"0.00{31 + len(self.lives) % 6}"  # as the engine says it again: no zero at its end
            trader.visitor.ask("PUT", f"api/v1/maker/settings/{LIVE}", {"value": value, "reason": "a soak"})
            trader.until(lambda: trader.held["settings"].get(LIVE) == value, "the setting is in force")
        elif kind == "halted and resumed":
            self._halt_and_resume(trader)
        elif kind in {"clock put forward", "clock put back"}:
            self.clock.set(self.clock.ahead_s + (HOUR_S if kind == "clock put forward" else -HOUR_S))
            self._fill()
            trader.until(self._is_told(trader), "what is filled after it is booked", QUOTED_LIMIT_S)
            known = {order["client_id"] for order in self.sandbox.truth["orders"]}
            trader.until(lambda: self._has_new(known), "orders are accepted after it", QUOTED_LIMIT_S)
            self._quoted(trader)

    def _has_new(self, known: set[str]) -> bool:
        return any(order["client_id"] not in known for order in self.sandbox.truth["orders"])

    def _halt_and_resume(self, trader: Trader) -> None:
        symbol = self.random.choice(self.symbols)
        trader.visitor.post("api/v1/maker/risk/halt", symbol=symbol, reason="a soak")
        trader.until(lambda: symbol not in {each["symbol"] for each in self._alive()}, "it is withdrawn")
        trader.until(lambda: bool(trader.held["halts"]), "the halt is told")
        trader.visitor.post("api/v1/maker/risk/resume", symbol=symbol, reason="a soak goes on")
        self._quoted(trader)

    def _end(self, kind: Kind, trader: Trader) -> None:
        if kind in {"killed", "faults", "clock put back"}:
            trader.process.kill()
            self._fill()  # while nobody looks
            return
        code = trader.process.stop()
        if code:
            self.judge.broken(f"{kind}: exit {code}: {trader.process.text()[-1500:]}")
        if self._alive():
            self.judge.broken(f"{kind}: {len(self._alive())} orders alive after an end in order")

    def _alive(self) -> list[dict[str, Any]]:
        return [
            each for each in self.sandbox.truth["orders"] if each["status"] in {"NEW", "PARTIALLY_FILLED"}
        ]

    def _quoted(self, trader: Trader) -> None:
        def holds() -> bool:
            sides = {(each["symbol"], each["side"]) for each in self._alive()}
            return all({(symbol, "buy"), (symbol, "sell")} <= sides for symbol in self.symbols)

        trader.until(holds, "all symbols are quoted on both sides", QUOTED_LIMIT_S)

    def _fill(self) -> None:
        """A taker meets a part of an order of every symbol."""
        orders = {each["symbol"]: each for each in self._alive()}
        for order in orders.values():
            left = order["size_lots"] - order["filled_lots"]
            self.sandbox.fill(order, max(1, left // 3))

    def _is_told(self, trader: Trader) -> Callable[[], bool]:
        return lambda: self._booked(trader.records) == self._traded()

    @staticmethod
    def _booked(records: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
        fills = messages(records, "order.fill.v1")
        return sorted((fill["venue_trade_id"], fill["size_lots"], fill["side"]) for fill in fills)

    def _traded(self) -> list[tuple[str, int, str]]:
        trades = self.sandbox.truth["trades"]
        return sorted((str(each["trade_id"]), each["size_lots"], each["side"]) for each in trades)

    def _look(self, kind: Kind) -> None:
        self.judge.hear(self._reader.new(self.home / "log"))
        self.judge.at_rest()

    def _compare_books(self) -> None:
        """Every trade of the exchange is booked once, and its balances are our ledgers."""
        records, truth = committed(self.home / "log"), self.sandbox.truth
        if self._booked(records) != self._traded():
            self.judge.broken("the exchange's trades and ours differ at the end")
        lots = {each["key"]: Decimal(each["lot_size"]) for each in messages(records, "market.instrument.v1")}
        for key, ledger in standing(records)["ledgers"].items():
            base = key.partition(":")[2].partition("/")[0]
            gained = Decimal(truth["balances"][base]) - RICH[base]
            if abs(gained - ledger["position_lots"] * lots[key]) >= lots[key]:
                self.judge.broken(
                    f"{key}: {gained} at the exchange, {ledger['position_lots']} lots in the ledger"
                )
        cash = sum((each.cash - each.paid for each in self.judge.ledgers.values()), Decimal(0))
        gained = Decimal(truth["balances"]["USDT"]) - RICH["USDT"]
        if gained != cash:
            self.judge.broken(f"{gained} USDT came in at the exchange, {cash} by our fills")
        wires = [order["client_id"] for order in truth["orders"]]
        if len(wires) != len(set(wires)):
            self.judge.broken("an order was placed twice")

    def _prove(self) -> None:
        program = MAKER if self.sources is None else self.sources.maker
        env = {} if self.sources is None else self.sources.env
        self.proof = replay(self.home / "log", program, env)
        if not self.proof.holds:
            self.judge.broken(f"replay: {self.proof}")


def order_of(seed: int, kinds: tuple[Kind, ...] = KINDS) -> list[Kind]:
    """Each kind once, as a seed deals them; code of before first, since it may not know what ours wrote."""
    rest = [kind for kind in kinds if kind != "code of before"]
    Random(f"{seed} lives").shuffle(rest)
    return [*(kind for kind in kinds if kind == "code of before"), *rest]

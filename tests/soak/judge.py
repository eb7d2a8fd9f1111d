"""What must hold of a log's records, whatever was done to the engine: a fold that knows none of its code.

It is fed as the log grows, so retention may delete what it has seen. Money is exact: Decimals are compared
digit by digit. The venue's truth is what its reports say.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

ALL = "*"
_BPS = Decimal(10_000)
_SIGN = {"buy": 1, "sell": -1}
_VIOLATIONS_MAX = 200
Message = dict[str, Any]


@dataclass
class Ledger:
    """One symbol's books, from its fills alone."""

    lots: int = 0
    cash: Decimal = Decimal(0)
    """Of its trades, without fees."""
    fees: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    """Of the fees what the venue took in the quote currency."""
    traded: Decimal = Decimal(0)
    trades: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    """By trade id: side, price in ticks, size in lots."""


class Judge:
    """Folds records; `violations` names what did not hold."""

    def __init__(self, *, is_simulated: bool = True) -> None:
        """At the simulated venue: what its fees are is known, and it accepts an order once."""
        self._is_simulated = is_simulated
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()
        """Records by type."""
        self.last_ns = 0
        self.ledgers: dict[str, Ledger] = defaultdict(Ledger)
        self.at_venue: dict[str, dict[str, tuple[str, int, int]]] = defaultdict(dict)
        self.open_lots: dict[str, int] = {}
        """Of orders that are alive at the venue, by client order id."""
        self.halts: dict[str, str] = {}
        """Latched ones, with their reasons."""
        self.settings: dict[str, str] = {}
        """Changed live and in force."""
        self.positions: dict[str, Message] = {}
        self._instruments: dict[tuple[str, int], Message] = {}
        self._filled: Counter[str] = Counter()
        self._sequences: Counter[str] = Counter()
        self._offsets: Counter[str] = Counter()
        self._resumed: set[str] = set()
        self._halted_ns: dict[str, int] = {}
        self._sessions: dict[str, int] = {}
        self._folds = {
            "market.instrument.v1": self._instrument,
            "venue.report.v1": self._report,
            "order.event.v1": self._order,
            "order.fill.v1": self._fill,
            "inventory.position.v1": self._position,
            "risk.state.v1": self._risk,
            "control.command.v1": self._command,
            "process.setting.v1": self._setting,
            "process.config.v1": self._config,
        }

    def hear(self, records: Iterable[dict[str, Any]]) -> int:
        """Take over records in the order of the log; how many there were."""
        heard = 0
        for record in records:
            heard += 1
            self.counts[record["type"]] += 1
            self.last_ns = max(self.last_ns, record["event_time_ns"])
            self._number(record)
            fold = self._folds.get(record["type"])
            if fold is not None:
                fold(record["key"], record["message"])
        return heard

    def broken(self, what: str) -> None:
        """Something does not hold."""
        if len(self.violations) < _VIOLATIONS_MAX:
            self.violations.append(what)

    def at_the_end(self) -> None:
        """After an end in order: nothing is alive, and every ledger is what its fills make it."""
        if self.open_lots:
            self.broken(f"alive at the venue after an end in order: {sorted(self.open_lots)[:5]}")
        self.at_rest()

    def at_rest(self) -> None:
        """Nobody trades now: the venue's trades, ours and the ledgers are the same."""
        for key in self.at_venue.keys() | self.ledgers.keys():
            ledger = self.ledgers[key]
            if self.at_venue[key] != ledger.trades:
                missing = sorted(self.at_venue[key].keys() ^ ledger.trades.keys())[:5]
                self.broken(f"{key}: the venue's trades and ours differ in {missing or 'their terms'}")
            told = self.positions.get(key)
            if ledger.trades and told is None:
                self.broken(f"{key}: {len(ledger.trades)} fills and no position")
            elif told is not None:
                self._compare(key, ledger, told)

    def _number(self, record: dict[str, Any]) -> None:
        """Numbers of a producer and offsets of a topic run without a gap."""
        for known, name, number in (
            (self._sequences, record["producer"], record["sequence"]),
            (self._offsets, record["topic"], record["offset"] + 1),
        ):
            before = known[name]
            if number != before + 1:
                self.broken(f"{name}: number {number} comes after {before}")
            known[name] = number

    def _instrument(self, key: str, message: Message) -> None:
        self._instruments[key, message["version"]] = message

    def _report(self, key: str, report: Message) -> None:
        name, lots = report["client_order_id"], report["size_lots"]
        if report["kind"] == "accepted":
            if name in self.open_lots and self._is_simulated:
                self.broken(f"{name} was accepted twice")
            self.open_lots[name] = lots
        elif report["kind"] == "amended":
            self.open_lots[name] = lots - self._filled[name]
        elif report["kind"] == "fill":
            self._execution(key, report)
        ended = report["kind"] == "cancelled" or (report["kind"] == "rejected" and name not in self.open_lots)
        if ended or self.open_lots.get(name, 0) <= 0:
            self.open_lots.pop(name, None)

    def _execution(self, key: str, report: Message) -> None:
        name, trade = report["client_order_id"], report["venue_trade_id"]
        terms = (report["side"], report["price_ticks"], report["size_lots"])
        if self.at_venue[key].setdefault(trade, terms) != terms:
            self.broken(f"{key}: the venue told trade {trade} twice, differently")
            return
        self._filled[name] += report["size_lots"]
        self.open_lots[name] = self.open_lots.get(name, 0) - report["size_lots"]

    def _order(self, key: str, event: Message) -> None:
        if event["kind"] not in {"place_intent", "amend_intent"}:
            return
        if not (event["price_ticks"] > 0 and event["size_lots"] > 0):
            self.broken(
                f"{event['client_order_id']}: {event['price_ticks']} ticks, {event['size_lots']} lots"
            )
        for halted in (key, f"{ALL}:{ALL}"):
            since_ns = self._halted_ns.get(halted)
            if since_ns is not None and event["event_time_ns"] > since_ns:
                self.broken(f"{event['client_order_id']}: {event['kind']} under the halt of {halted}")

    def _fill(self, key: str, fill: Message) -> None:
        ledger, trade = self.ledgers[key], fill["venue_trade_id"]
        if trade in ledger.trades:
            self.broken(f"{key}: trade {trade} is booked twice")
            return
        ledger.trades[trade] = (fill["side"], fill["price_ticks"], fill["size_lots"])
        terms = self._instruments[key, fill["instrument_version"]]
        notional = (
            fill["price_ticks"]
            * Decimal(terms["tick_size"])
            * fill["size_lots"]
            * Decimal(terms["lot_size"])
            * Decimal(terms["multiplier"])
        )
        bps = Decimal(terms[f"{fill['liquidity']}_fee_bps"])
        if self._is_simulated and Decimal(fill["fee"]) != notional * bps / _BPS:
            self.broken(f"{key}: trade {trade} cost {fill['fee']}, and {bps} bps are {notional * bps / _BPS}")
        ledger.lots += _SIGN[fill["side"]] * fill["size_lots"]
        ledger.cash -= _SIGN[fill["side"]] * notional
        ledger.fees += Decimal(fill["fee"])
        if not Decimal(fill["base_fee"]):
            ledger.paid += Decimal(fill["fee"])
        ledger.traded += notional

    def _position(self, key: str, position: Message) -> None:
        self.positions[key] = position
        profit = Decimal(position["realised"]) + Decimal(position["unrealised"]) - Decimal(position["fees"])
        parts = (
            Decimal(position["pnl_capture"]) + Decimal(position["pnl_inventory"]) - Decimal(position["fees"])
        )
        if not profit == parts == Decimal(position["pnl"]):
            self.broken(f"{key}: profit {position['pnl']}, by its parts {parts} and {profit}")

    def _compare(self, key: str, ledger: Ledger, told: Message) -> None:
        """A ledger that the fills make, and the newest one that was told."""
        terms = self._instruments[key, told["instrument_version"]]
        lot = Decimal(terms["lot_size"])
        taken_lots = Decimal(told["base_fees_taken"]) / lot
        for name, ours, theirs in (
            ("lots", ledger.lots - taken_lots, told["position_lots"]),
            ("traded", ledger.traded, Decimal(told["traded_notional"])),
            ("fills", len(ledger.trades), told["fills"]),
        ):
            if ours != theirs:
                self.broken(f"{key}: by its fills {ours} {name}, the newest position says {theirs}")
        if self._is_simulated and ledger.fees != Decimal(told["fees"]):
            self.broken(f"{key}: its fills cost {ledger.fees}, the newest position says {told['fees']}")
        if not self._is_simulated or told["mark_half_ticks"] is None:
            return
        size = told["position_lots"] * lot * Decimal(terms["multiplier"])
        worth = size * told["mark_half_ticks"] * Decimal(terms["tick_size"]) / 2
        profit = ledger.cash - ledger.fees + worth
        if profit != Decimal(told["pnl"]):
            self.broken(f"{key}: cash, fees and worth make {profit}, the newest position {told['pnl']}")

    def _risk(self, key: str, state: Message) -> None:
        if state["state"] == "HALT":
            self._halted_ns.setdefault(key, state["event_time_ns"])
        else:
            self._halted_ns.pop(key, None)
        if state["state"] == "HALT" and state["latched"]:
            self.halts[key] = "; ".join(state["reasons"])
        elif key in self.halts:
            if not self._resumed & {key, ALL}:
                self.broken(f"{key}: {state['state']} although nobody ended the halt: {self.halts[key]}")
            del self.halts[key]
            self._resumed.discard(key)

    def _command(self, key: str, command: Message) -> None:
        if command["action"] == "resume":
            self._resumed.add(ALL if command["symbol"] == ALL else key)

    def _setting(self, key: str, setting: Message) -> None:
        del key
        self.settings[setting["setting_key"]] = setting["value"]

    def _config(self, key: str, applied: Message) -> None:
        """What was changed live is in force in a new session, until people or the file say otherwise.

        Within a session its starts say how that began; what is in force there is for the page to say.
        """
        if self._sessions.get(key) == applied["session_began_ns"]:
            return
        self._sessions[key] = applied["session_began_ns"]
        for value in applied["live_settings"]:
            if value["setting_key"] not in self.settings:
                self.broken(f"{key}: {value} is in force, although the file has changed since")
        for name, value in self.settings.items():
            section, field_name = name.split(".")
            self.in_force(key, name, value, applied["config"][section][field_name])

    def in_force(self, where: str, name: str, wanted: str, found: object) -> None:
        """Somebody says which value a setting has."""
        if Decimal(str(found)) != Decimal(wanted):
            self.broken(f"{where}: {name} was changed live to {wanted}, and this start has {found}")

    def file_changes(self, names: Iterable[str]) -> None:
        """The file's values of these keys change: what was changed live of them ends with the next start."""
        for name in names:
            self.settings.pop(name, None)

    def shown(self, holdings: Mapping[str, Decimal]) -> None:
        """What `maker positions show` says, in base units, is the sum of the fills."""
        for key, ledger in self.ledgers.items():
            newest = max(version for of, version in self._instruments if of == key)
            size = ledger.lots * Decimal(self._instruments[key, newest]["lot_size"])
            shown = holdings.get(key, Decimal(0))
            if shown != size:
                self.broken(f"{key}: `maker positions show` says {shown}, the fills make {size}")

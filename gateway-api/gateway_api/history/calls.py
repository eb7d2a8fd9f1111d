"""What can be asked of the past. Runs in the history process; answers are plain data."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from itertools import chain, islice
from typing import Any

from chassis.bus.logfile import LoggedRecord, read_log
from chassis.bus.slices import first_time_ns, last_time_ns
from chassis.history import ACCOUNT_KEY, Placed, Stretch, read_history
from chassis.installed import process_definitions
from chassis.process import HistorySource, ProcessDefinition
from chassis.replay import ProcessReplay, replay
from chassis.tracewalk import kind_of
from gateway_api.app.detail import detail_of
from gateway_api.app.numbers import milliseconds
from gateway_api.app.symbol_status import symbol_status
from gateway_api.history.contracts import Contracts
from gateway_api.history.rows import LANE_OF, LANES, Row, audit_row, event_row, fill_row
from gateway_api.history.series import COLUMNS, SeriesKind, series
from gateway_api.history.state import Moments
from schemas.deployment import Kafka
from schemas.envelope import decode
from schemas.orders import Fill
from schemas.units import NS_PER_S
from schemas.views import ACCOUNT_DOCUMENT, SYMBOL_PREFIX, AccountView, SymbolView

_CAUSES_WITHIN_NS = 60 * NS_PER_S
_EFFECTS_WITHIN_NS = 10 * NS_PER_S
_CHAIN_MAX = 50


class Calls:
    """One source, and what was learned of it."""

    def __init__(self, source: HistorySource) -> None:
        self._source = source
        self._contracts = Contracts(source)
        self._moments = Moments(source)
        self.by_name: dict[str, Callable[..., dict[str, Any]]] = {
            "series": self.series,
            "fills": self.fills,
            "events": self.events,
            "audit": self.audit,
            "chain": self.chain,
            "state": self.state,
            "span": self.span,
            "replay": self.replay,
        }

    def span(self) -> dict[str, Any]:
        """From when to when the past reaches."""
        log_dir = self._source.log_dir
        if log_dir is None:
            return {"from_ms": None, "to_ms": None, "log": "Kafka"}
        return {
            "from_ms": milliseconds(first_time_ns(log_dir)),
            "to_ms": milliseconds(last_time_ns(log_dir)),
            "log": str(log_dir),
        }

    def series(
        self, kind: SeriesKind, key: str | None, from_ns: int, to_ns: int, points: int
    ) -> dict[str, Any]:
        """A curve; the time before the log's begin is no part of it."""
        if self._source.log_dir is not None:
            from_ns = max(from_ns, first_time_ns(self._source.log_dir))
        rows = series(self._source, self._contracts, kind, key, from_ns, to_ns, points)
        return {"columns": COLUMNS[kind], "rows": rows}

    def fills(
        self, keys: list[str] | None, from_ns: int, to_ns: int, limit: int, cursor: str | None
    ) -> dict[str, Any]:
        """Own executions."""
        stretch = Stretch(frozenset({"order.fill"}), from_ns, to_ns, _keys(keys), cursor)
        return self._page(read_history(self._source, stretch), limit, self._fill_row)

    def _fill_row(self, placed: Placed) -> Row:
        fill = decode(Fill, placed.record.payload)
        return fill_row(placed.record, self._contracts.find(placed.record.key, fill.instrument_version))

    def events(
        self,
        keys: list[str] | None,
        lanes: list[str],
        from_ns: int,
        to_ns: int,
        limit: int,
        cursor: str | None,
        text: str,
    ) -> dict[str, Any]:
        """Any records, of some lanes, whose payload or key holds a text."""
        topics = frozenset(topic for lane in lanes for topic in LANES[lane])
        stretch = Stretch(topics, from_ns, to_ns, _keys(keys, with_account=True), cursor)
        wanted = text.encode()
        found = (
            placed
            for placed in read_history(self._source, stretch)
            if wanted in placed.record.payload or wanted in placed.record.key.encode()
        )
        return self._page(found, limit, lambda placed: self._event_row(placed.record))

    def _event_row(self, record: LoggedRecord) -> Row:
        return event_row(record, self._contracts.find)

    def audit(self, from_ns: int, to_ns: int, limit: int, cursor: str | None) -> dict[str, Any]:
        """What people did, and what they were not allowed to do."""
        stretch = Stretch(frozenset(LANES["human"]), from_ns, to_ns, None, cursor)
        return self._page(read_history(self._source, stretch), limit, lambda placed: audit_row(placed.record))

    def chain(self, event_id: str, key: str, at_ns: int) -> dict[str, Any]:
        """What led to an event, and what it led to, near its time."""
        stretch = Stretch(
            frozenset(LANE_OF) - {"process.trace"},
            at_ns - _CAUSES_WITHIN_NS,
            at_ns + _EFFECTS_WITHIN_NS,
            frozenset({key, ACCOUNT_KEY}),
        )
        records = {
            placed.record.envelope.event_id: placed.record for placed in read_history(self._source, stretch)
        }
        causes: list[Row] = []
        effects: list[Row] = []
        wanted = records.get(event_id)
        while wanted is not None and len(causes) < _CHAIN_MAX:
            wanted = records.get(wanted.envelope.cause or "")
            if wanted is not None:
                causes.append(self._event_row(wanted))
        led_to = {event_id}
        for identifier, record in records.items():
            if record.envelope.cause in led_to and len(effects) < _CHAIN_MAX:
                led_to.add(identifier)
                effects.append(self._event_row(record))
        return {"causes": causes, "effects": effects}

    def state(self, key: str, at_ns: int) -> dict[str, Any]:
        """A symbol and the account as they were."""
        documents = self._moments.documents(key, at_ns)
        symbol, account = documents.get(SYMBOL_PREFIX + key), documents.get(ACCOUNT_DOCUMENT)
        if symbol is None:
            return {"time_ms": milliseconds(at_ns), "status": None, "detail": None}
        view = decode(SymbolView, symbol)
        known = None if account is None else decode(AccountView, account)
        return {
            "time_ms": milliseconds(at_ns),
            "status": symbol_status(view, known).model_dump(mode="json"),
            "detail": detail_of(view).model_dump(mode="json"),
        }

    def replay(self, from_ns: int | None, to_ns: int | None) -> dict[str, Any]:
        """Every process again from its inputs, and where one says something else than it did."""
        definitions = {each.name: each for each in process_definitions()}
        if self._source.log_dir is not None:
            results = replay(read_log(self._source.log_dir), definitions, from_ns, to_ns)
        elif self._source.kafka is not None:
            results = _replay_kafka(self._source.kafka, definitions, from_ns, to_ns)
        else:
            results = []
        return {"processes": [_replayed(result) for result in results]}

    @staticmethod
    def _page(found: Iterable[Placed], limit: int, row: Callable[[Placed], Row]) -> dict[str, Any]:
        """Up to `limit` rows, and the cursor to go on with where there may be more."""
        taken = list(islice(found, limit))
        cursor = taken[-1].cursor if len(taken) == limit else None
        return {"rows": [row(placed) for placed in taken], "next_cursor": cursor}


def _keys(keys: list[str] | None, *, with_account: bool = False) -> frozenset[str] | None:
    if keys is None:
        return None
    return frozenset([*keys, ACCOUNT_KEY] if with_account else keys)


def _replay_kafka(
    kafka: Kafka, definitions: dict[str, ProcessDefinition], from_ns: int | None, to_ns: int | None
) -> list[ProcessReplay]:
    from chassis.bus.kafka.history import KafkaLog  # noqa: PLC0415  for it alone

    with KafkaLog(kafka, definitions) as log:
        named = {name: definitions[kind_of(name)] for name in log.processes}
        return replay(chain.from_iterable(log.batches()), named, from_ns, to_ns)


def _replayed(result: ProcessReplay) -> dict[str, Any]:
    first = result.first
    return {
        "process": result.name,
        "inputs": result.inputs,
        "outputs": result.outputs,
        "divergences": result.divergences,
        "first": None
        if first is None
        else asdict(first)
        | {"time_ms": None if first.event_time_ns is None else milliseconds(first.event_time_ns)},
    }

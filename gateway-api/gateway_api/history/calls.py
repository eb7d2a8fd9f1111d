"""The history queries. Runs in the history process; answers are plain data."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from gateway_api.access.visibility import LANE_OF, LANES, SERIES, Lane, Sight
from gateway_api.app.detail import detail_of
from gateway_api.app.numbers import milliseconds
from gateway_api.app.preview import QuoteFor, preview
from gateway_api.app.symbol_status import symbol_status
from gateway_api.history.checking import OnProgress, replayed
from gateway_api.history.contracts import Contracts
from gateway_api.history.rows import Row, audit_row, event_row, fill_row, holds_text, sees_record
from gateway_api.history.series import COLUMNS, SeriesKind, series
from gateway_api.history.state import StateMoments
from runtime.errors import RefusedError
from runtime.log.logfile import LoggedRecord
from runtime.log.slices import first_time_ns, last_time_ns
from runtime.process.definition import HistorySource, ProcessDefinition
from runtime.replay.history import ACCOUNT_KEY, HistoryQuery, HistoryRecord, read_history
from schemas.config import Config
from schemas.envelope import decode
from schemas.message import ALL_SYMBOLS
from schemas.orders import Fill
from schemas.units import NS_PER_S
from schemas.views import ACCOUNT_DOCUMENT, SYMBOL_PREFIX, AccountView, SymbolView

_CAUSES_WITHIN_NS = 60 * NS_PER_S
_EFFECTS_WITHIN_NS = 10 * NS_PER_S
_CHAIN_MAX = 50


class Calls:
    """Queries on one source, with its caches."""

    def __init__(
        self,
        source: HistorySource,
        definitions: Callable[[], Sequence[ProcessDefinition]],
        quote_for: QuoteFor,
        on_progress: OnProgress = lambda _: None,
    ) -> None:
        """`definitions`: all processes, loaded when a replay needs them; `on_progress`: of a replay."""
        self._source = source
        self._on_progress = on_progress
        self._definitions = definitions
        self._quote_for = quote_for
        self._contracts = Contracts(source)
        self._moments = StateMoments(source)
        self.by_name: dict[str, Callable[..., dict[str, Any]]] = {
            "series": self.series,
            "fills": self.fills,
            "events": self.events,
            "audit": self.audit,
            "chain": self.chain,
            "state": self.state,
            "span": self.span,
            "replay": self.replay,
            "preview": self.preview,
        }

    def span(self, sight: Sight) -> dict[str, Any]:
        """The time range covered by the log."""
        log_dir = self._source.log_dir
        if log_dir is None:
            return {"from_ms": None, "to_ms": None, "log": "Kafka"}
        return {
            "from_ms": milliseconds(first_time_ns(log_dir)),
            "to_ms": milliseconds(last_time_ns(log_dir)),
            "log": str(log_dir) if "audit" in sight.permissions else log_dir.name,
        }

    def series(
        self, sight: Sight, kind: SeriesKind, key: str | None, from_ns: int, to_ns: int, points: int
    ) -> dict[str, Any]:
        """A series, beginning no earlier than the log."""
        if not sight.may(SERIES[kind], key or ACCOUNT_KEY):
            raise RefusedError(f"the series {kind} of {key or 'the account'} is not visible to this user")
        if self._source.log_dir is not None:
            from_ns = max(from_ns, first_time_ns(self._source.log_dir))
        rows = series(self._source, self._contracts, kind, key, from_ns, to_ns, points)
        return {"columns": COLUMNS[kind], "rows": rows}

    def fills(
        self,
        sight: Sight,
        keys: list[str] | None,
        from_ns: int,
        to_ns: int,
        limit: int,
        cursor: str | None,
    ) -> dict[str, Any]:
        """Own executions."""
        query = HistoryQuery(frozenset({"order.fill"}), from_ns, to_ns, _keys(keys), cursor)

        def row(placed: HistoryRecord) -> Row:
            fill = decode(Fill, placed.record.payload)
            contract = self._contracts.find(placed.record.key, fill.instrument_version)
            return fill_row(sight, placed.record, contract)

        visible = self._seen(sight, query)
        fills = (each for each in visible if each.record.envelope.type_name == Fill.type_name)
        return self._page(fills, limit, row)

    def _seen(self, sight: Sight, query: HistoryQuery) -> Iterator[HistoryRecord]:
        """The visible records of a time range."""
        for placed in read_history(self._source, query):
            if sees_record(sight, placed.record):
                yield placed

    def events(
        self,
        sight: Sight,
        keys: list[str] | None,
        lanes: list[Lane],
        from_ns: int,
        to_ns: int,
        limit: int,
        cursor: str | None,
        text: str,
    ) -> dict[str, Any]:
        """Records of some lanes whose visible part or key contains a text."""
        topics = frozenset(topic for lane in sight.lanes() if lane in lanes for topic in LANES[lane].topics)
        query = HistoryQuery(topics, from_ns, to_ns, _keys(keys, with_account=True), cursor)
        found = (placed for placed in self._seen(sight, query) if holds_text(sight, placed.record, text))
        return self._page(found, limit, lambda placed: self._event_row(sight, placed.record))

    def _event_row(self, sight: Sight, record: LoggedRecord) -> Row:
        return event_row(sight, record, self._contracts.find)

    def audit(self, sight: Sight, from_ns: int, to_ns: int, limit: int, cursor: str | None) -> dict[str, Any]:
        """User actions and denied attempts."""
        query = HistoryQuery(frozenset(LANES["human"].topics), from_ns, to_ns, None, cursor)
        return self._page(self._seen(sight, query), limit, lambda placed: audit_row(placed.record))

    def chain(self, sight: Sight, event_id: str, key: str, at_ns: int) -> dict[str, Any]:
        """Causes and effects of an event near its time; hidden ones are left out."""
        query = HistoryQuery(
            frozenset(LANE_OF) - {"process.trace"},
            at_ns - _CAUSES_WITHIN_NS,
            at_ns + _EFFECTS_WITHIN_NS,
            frozenset({key, ACCOUNT_KEY}),
        )
        records = {
            placed.record.envelope.event_id: placed.record for placed in read_history(self._source, query)
        }
        causes: list[LoggedRecord] = []
        effects: list[LoggedRecord] = []
        record = records.get(event_id)
        while record is not None and len(causes) < _CHAIN_MAX:
            record = records.get(record.envelope.cause or "")
            if record is not None:
                causes.append(record)
        led_to = {event_id}
        for identifier, record in records.items():
            if record.envelope.cause in led_to and len(effects) < _CHAIN_MAX:
                led_to.add(identifier)
                effects.append(record)
        return {"causes": self._rows(sight, causes), "effects": self._rows(sight, effects)}

    def _rows(self, sight: Sight, records: Iterable[LoggedRecord]) -> list[Row]:
        return [self._event_row(sight, record) for record in records if sees_record(sight, record)]

    def state(self, sight: Sight, key: str, at_ns: int) -> dict[str, Any]:
        """A symbol and the account at a past time."""
        if not sight.reaches(key):
            raise RefusedError(f"{key} is out of scope for this user")
        documents = self._moments.documents(key, at_ns)
        symbol, account = documents.get(SYMBOL_PREFIX + key), documents.get(ACCOUNT_DOCUMENT)
        if symbol is None:
            return {"time_ms": milliseconds(at_ns), "status": None, "detail": None}
        view = decode(SymbolView, symbol)
        known = None if account is None else decode(AccountView, account)
        return {
            "time_ms": milliseconds(at_ns),
            "status": symbol_status(view, known, sight).model_dump(mode="json"),
            "detail": detail_of(view, sight).model_dump(mode="json"),
        }

    def replay(self, from_ns: int | None, to_ns: int | None) -> dict[str, Any]:
        """Replay every process from its inputs, with the divergences."""
        return replayed(self._source, self._definitions(), from_ns, to_ns, self._on_progress)

    def preview(self, view: str, account: str | None, configs: list[str]) -> dict[str, Any]:
        """The newest quote of a symbol under two configurations; here to keep it out of the event loop."""
        facts = decode(SymbolView, view.encode())
        known = None if account is None else decode(AccountView, account.encode())
        before, after = (
            preview(facts, known, Config.model_validate_json(each), self._quote_for) for each in configs
        )
        return {"before": before, "after": after}

    @staticmethod
    def _page(
        found: Iterable[HistoryRecord], limit: int, row: Callable[[HistoryRecord], Row]
    ) -> dict[str, Any]:
        """Up to `limit` rows, and the cursor of the next page where there may be more."""
        taken = list(islice(found, limit))
        cursor = taken[-1].cursor if len(taken) == limit else None
        return {"rows": [row(placed) for placed in taken], "next_cursor": cursor}


def _keys(keys: list[str] | None, *, with_account: bool = False) -> frozenset[str] | None:
    if keys is None:
        return None
    venues = {f"{key.partition(':')[0]}:{ALL_SYMBOLS}" for key in keys}
    return frozenset([*keys, *venues, ACCOUNT_KEY] if with_account else keys)

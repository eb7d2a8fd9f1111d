"""History: series, fills, events, states and the audit; as JSON, CSV or Parquet."""

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from gateway_api.access.roles import Permission
from gateway_api.access.visibility import LANE_NAMES, LANES, SERIES, Lane, Sight, sight_of
from gateway_api.app.authorisation import ACCOUNT_KEY, Authorisation, identity_of
from gateway_api.app.numbers import milliseconds
from gateway_api.app.problems import ProblemError, documented
from gateway_api.app.reading import find_key, symbol_keys
from gateway_api.app.reading_routes import Venue
from gateway_api.app.times import Moment, time_of
from gateway_api.history.client import HistoryAnswer, HistoryClient
from gateway_api.history.exporting import MEDIA_TYPES
from gateway_api.history.series import SeriesKind
from runtime.process.definition import GatewayContext
from schemas.units import NS_PER_S

_DEFAULT_SPAN = "-15m"
_PROBLEMS = documented(401, 403, 404, 409, 422, 503, 504)
_ROWS_MAX = 10_000

Format = Literal["json", "csv", "parquet"]
Symbol = Annotated[str | None, Query(max_length=128, description="default: all in scope")]
From = Annotated[str | None, Query(alias="from", max_length=40, description="ISO time, -15m, or nanoseconds")]
To = Annotated[str | None, Query(max_length=40, description="as above; default: now")]
Limit = Annotated[int, Query(ge=1, le=_ROWS_MAX)]
Cursor = Annotated[str | None, Query(max_length=8192)]

FILL_COLUMNS = (
    "event_id",
    "time_ms",
    "time",
    "symbol",
    "venue",
    "side",
    "price",
    "size",
    "liquidity",
    "fee",
    "fee_currency",
    "edge_bps",
    "client_order_id",
    "venue_trade_id",
)
EVENT_COLUMNS = (
    "event_id",
    "time_ns",
    "time",
    "topic",
    "lane",
    "type",
    "key",
    "producer",
    "sequence",
    "offset",
    "cause",
    "summary",
    "message",
)
AUDIT_COLUMNS = ("time_ms", "time", "principal", "action", "key", "reason", "outcome", "event_id")


class _Historian:
    """Request handlers. The reading is done by the history process."""

    def __init__(self, context: GatewayContext, authorisation: Authorisation, client: HistoryClient) -> None:
        self._context = context
        self._authorisation = authorisation
        self._client = client

    async def span(self, request: Request) -> Response:
        """The time range covered by the log."""
        return _json(await self._client.ask("span", {}, _sight(request)))

    async def series(
        self,
        request: Request,
        kind: SeriesKind,
        symbol: Symbol = None,
        venue: Venue = None,
        since: From = None,
        to: To = None,
        points: Annotated[int, Query(ge=2, le=5_000)] = 600,
        file_format: Annotated[Format, Query(alias="format")] = "json",
    ) -> Response:
        """A series: the last value in each of `points` equal intervals."""
        identity = identity_of(request)
        self._authorisation.check(request, identity, SERIES[kind])
        key = self._key(request, symbol, venue)
        if key is None:
            self._authorisation.check_scope(request, identity, ACCOUNT_KEY)
            if kind != "pnl":
                raise ProblemError(
                    422, "invalid_request", f"{kind} is per symbol.", "Give one with ?symbol=."
                )
        from_ns, to_ns = self._times(since, to)
        arguments = {"kind": kind, "key": key, "from_ns": from_ns, "to_ns": to_ns, "points": points}
        return await self._answer(request, "series", arguments, file_format, ())

    async def fills(
        self,
        request: Request,
        symbol: Symbol = None,
        venue: Venue = None,
        since: From = None,
        to: To = None,
        limit: Limit = 200,
        cursor: Cursor = None,
        file_format: Annotated[Format, Query(alias="format")] = "json",
    ) -> Response:
        """Own executions, oldest first."""
        arguments = self._arguments(request, symbol, venue, since, to, limit, cursor)
        return await self._answer(request, "fills", arguments, file_format, FILL_COLUMNS)

    async def events(
        self,
        request: Request,
        symbol: Symbol = None,
        venue: Venue = None,
        lanes: Annotated[
            str | None, Query(max_length=128, description="comma-separated; default: all that are visible")
        ] = None,
        since: From = None,
        to: To = None,
        limit: Limit = 200,
        cursor: Cursor = None,
        text: Annotated[str, Query(max_length=128)] = "",
        file_format: Annotated[Format, Query(alias="format")] = "json",
    ) -> Response:
        """All published messages, oldest first."""
        chosen = self._lanes(request, lanes)
        arguments = self._arguments(request, symbol, venue, since, to, limit, cursor)
        arguments |= {"lanes": chosen, "text": text}
        return await self._answer(request, "events", arguments, file_format, EVENT_COLUMNS)

    def _lanes(self, request: Request, lanes: str | None) -> list[Lane]:
        """The named lanes, or all visible ones; raises ProblemError for one that is not visible."""
        if lanes is None:
            return list(_sight(request).lanes())
        named = {lane for lane in lanes.split(",") if lane}
        chosen = [lane for lane in LANE_NAMES if lane in named]
        if not chosen or named - set(chosen):
            known = ", ".join(LANE_NAMES)
            raise ProblemError(
                422, "invalid_request", f"lanes: {lanes!r} is not one of {known}.", f"Use {known}."
            )
        for lane in chosen:
            self._authorisation.check(request, identity_of(request), LANES[lane].permission)
        return chosen

    async def audit(
        self,
        request: Request,
        since: From = None,
        to: To = None,
        limit: Limit = 200,
        cursor: Cursor = None,
        file_format: Annotated[Format, Query(alias="format")] = "json",
    ) -> Response:
        """User actions and denied attempts, oldest first."""
        from_ns, to_ns = self._times(since, to)
        arguments = {"from_ns": from_ns, "to_ns": to_ns, "limit": limit, "cursor": cursor}
        return await self._answer(request, "audit", arguments, file_format, AUDIT_COLUMNS)

    async def chain(
        self, request: Request, event_id: str, symbol: str, at: Moment, venue: Venue = None
    ) -> Response:
        """Causes and effects of an event of a symbol."""
        key = self._key(request, symbol, venue)
        arguments = {"event_id": event_id, "key": key, "at_ns": self._time(at)}
        return _json(await self._client.ask("chain", arguments, _sight(request)))

    async def state(self, request: Request, symbol: str, at: Moment, venue: Venue = None) -> Response:
        """A symbol as the page would have shown it at a given time."""
        arguments = {"key": self._key(request, symbol, venue), "at_ns": self._time(at)}
        return _json(await self._client.ask("state", arguments, _sight(request)))

    def _arguments(
        self,
        request: Request,
        symbol: str | None,
        venue: str | None,
        since: str | None,
        to: str | None,
        limit: int,
        cursor: str | None,
    ) -> dict[str, Any]:
        from_ns, to_ns = self._times(since, to)
        key = self._key(request, symbol, venue)
        keys = self._in_scope(request) if key is None else [key]
        return {"keys": keys, "from_ns": from_ns, "to_ns": to_ns, "limit": limit, "cursor": cursor}

    def _in_scope(self, request: Request) -> list[str] | None:
        identity = identity_of(request)
        if identity.reaches(ACCOUNT_KEY):
            return None
        return [key for key in symbol_keys(self._context.store) if identity.reaches(key)]

    def _key(self, request: Request, symbol: str | None, venue: str | None) -> str | None:
        if symbol is None:
            return None
        key = find_key(self._context.store, symbol, venue, identity_of(request))
        self._authorisation.check_scope(request, identity_of(request), key)
        return key

    def _times(self, since: str | None, to: str | None) -> tuple[int, int]:
        from_ns = self._time(since or _DEFAULT_SPAN)
        to_ns = self._context.now_ns() + NS_PER_S if to is None else self._time(to)
        if to_ns <= from_ns:
            raise ProblemError(
                422,
                "invalid_request",
                f"to {to!r} is not after from {since!r}.",
                "Give the earlier time first.",
            )
        return from_ns, to_ns

    def _time(self, text: str) -> int:
        return time_of(text, self._context.now_ns())

    async def _answer(
        self, request: Request, call: str, arguments: dict[str, Any], file_format: Format, columns: Any
    ) -> Response:
        span = {"from_ms": milliseconds(arguments["from_ns"]), "to_ms": milliseconds(arguments["to_ns"])}
        if file_format == "json":
            found = await self._client.ask(call, arguments, _sight(request))
            head = json.dumps(span).encode()[:-1]
            return Response(head + b", " + found.body[1:], media_type="application/json")
        self._authorisation.check(request, identity_of(request), "export")
        file = {"format": file_format, "columns": list(columns)}
        found = await self._client.ask(call, arguments, _sight(request), file)
        headers = {"content-disposition": f'attachment; filename="{call}.{file_format}"'}
        if found.next_cursor is not None:
            headers["maker-next-cursor"] = found.next_cursor
        return Response(found.body, media_type=MEDIA_TYPES[file_format], headers=headers)


def _sight(request: Request) -> Sight:
    return sight_of(identity_of(request))


def _json(answer: HistoryAnswer) -> Response:
    return Response(answer.body, media_type="application/json")


def make_router(context: GatewayContext, authorisation: Authorisation, client: HistoryClient) -> APIRouter:
    """The routes under /history, and /audit."""
    historian = _Historian(context, authorisation, client)
    router = APIRouter(tags=["history"])
    routes: tuple[tuple[str, Permission, Callable[..., Any]], ...] = (
        ("/history/span", "view", historian.span),
        ("/history/series", "view", historian.series),
        ("/history/fills", "view", historian.fills),
        ("/history/events", "view", historian.events),
        ("/history/chain", "view", historian.chain),
        ("/history/state", "view", historian.state),
        ("/audit", "audit", historian.audit),
    )
    for path, permission, endpoint in routes:
        router.get(path, responses=_PROBLEMS, dependencies=[authorisation.requires(permission)])(endpoint)
    return router

"""Queries: status, performance, alerts and the explanation of a quote."""

from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request

from gateway_api.access.visibility import sight_of
from gateway_api.app.authorisation import REFUSALS, Authorisation, identity_of
from gateway_api.app.balancing import balancing
from gateway_api.app.detail import explanation
from gateway_api.app.owner_responses import CamelStatus, StatusResponse
from gateway_api.app.owner_status import in_camel_case, owner_status, word_of
from gateway_api.app.performance_responses import Minute, PerformanceResponse, PnlSplit
from gateway_api.app.problems import ProblemError, documented
from gateway_api.app.reading import account_of, find_key, minutes_of, seen, stamp, symbol_keys, view_of
from gateway_api.app.responses import (
    ActiveMaker,
    ActiveResponse,
    Alert,
    AlertsResponse,
    StoppedMaker,
    WhyResponse,
)
from gateway_api.app.symbol_status import open_fees, symbol_status, two_sided_share
from runtime.process.definition import GatewayContext
from runtime.text import iso_time
from schemas.risk import RiskAlert, Severity
from schemas.statistics import MinuteStatistics
from schemas.units import from_units, money_text
from schemas.views import SymbolView

Venue = Annotated[
    str | None, Query(max_length=64, description="needed where several venues trade the symbol")
]
Case = Annotated[
    Literal["snake", "camel"], Query(description="camel: the names of TypeScript, without our own fields")
]
PROBLEMS = documented(401, 403, 404, 409, 422)
_ALERTS_MAX = 10_000
"""More than there are: an unacknowledged alert is shown however old it is."""


class _Reader:
    """Request handlers, reading the newest views."""

    def __init__(self, context: GatewayContext, authorisation: Authorisation) -> None:
        self._context = context
        self._authorisation = authorisation

    def _find(self, request: Request, symbol: str, venue: str | None) -> SymbolView:
        key = find_key(self._context.store, symbol, venue, identity_of(request))
        self._authorisation.check_scope(request, identity_of(request), key)
        view = view_of(self._context.store, key)
        if view is None:
            raise ProblemError(404, "unknown_symbol", f"The view of {key} is gone.", "Try again.")
        return view

    async def status(
        self, request: Request, symbol: str, venue: Venue = None, case: Case = "snake"
    ) -> StatusResponse | CamelStatus:
        """The status of a symbol: state, market, own quotes, inventory, PnL, risk, counters."""
        view, account = self._find(request, symbol, venue), account_of(self._context.store)
        sight = sight_of(identity_of(request))
        status = symbol_status(view, account, sight)
        plain = owner_status(status, view, account, sight)
        if case == "camel":
            return in_camel_case(plain)
        facts = dict(status) | {"position": status.inventory, "profit": status.pnl} | dict(plain)
        return StatusResponse.model_validate(facts | seen(view.event_time_ns, self._context))

    async def active(self, request: Request) -> ActiveResponse:
        """The symbols that are quoted, and those stopped by an operator."""
        store = self._context.store
        sight = sight_of(identity_of(request))
        views = [
            view
            for key in symbol_keys(store)
            if sight.reaches(key) and (view := view_of(store, key)) is not None
        ]
        account = account_of(store)
        makers = [symbol_status(view, account, sight) for view in views if not view.stopped]
        active = tuple(maker.symbol for maker in makers if word_of(maker) == "active")
        newest_ns = max((view.event_time_ns for view in views), default=None)
        return ActiveResponse.model_validate(
            seen(newest_ns, self._context)
            | {
                "active_symbols": active,
                "total_count": len(active),
                "count": len(makers),
                "makers": tuple(
                    ActiveMaker(
                        symbol=maker.symbol,
                        venue=maker.venue,
                        state=maker.state,
                        bid=maker.bid.quote.price if maker.bid.quote else None,
                        ask=maker.ask.quote.price if maker.ask.quote else None,
                    )
                    for maker in makers
                ),
                "stopped": tuple(
                    StoppedMaker(symbol=view.symbol, venue=view.venue) for view in views if view.stopped
                ),
            }
        )

    async def performance(self, request: Request, symbol: str, venue: Venue = None) -> PerformanceResponse:
        """Performance of a symbol, by period."""
        view = self._find(request, symbol, venue)
        return PerformanceResponse.model_validate(
            performance(view)
            | {"minutes": tuple(map(_minute, minutes_of(self._context.store, f"{view.venue}:{view.symbol}")))}
            | seen(view.event_time_ns, self._context)
        )

    async def alerts(
        self,
        request: Request,
        severity: Severity | None = None,
        limit: Annotated[int, Query(ge=1, le=_ALERTS_MAX)] = _ALERTS_MAX,
    ) -> AlertsResponse:
        """The newest alerts first."""
        account, now_ns = account_of(self._context.store), self._context.now_ns()
        sight = sight_of(identity_of(request))
        alerts = [
            _alert(alert, now_ns)
            for alert in reversed(account.alerts if account else ())
            if severity in (None, alert.severity) and sight.sees_event(alert)
        ]
        newest_ns = account.event_time_ns if account else None
        return AlertsResponse.model_validate(
            seen(newest_ns, self._context) | {"alerts": tuple(alerts[:limit]), "alert_count": len(alerts)}
        )

    async def why(self, request: Request, symbol: str, venue: Venue = None) -> WhyResponse:
        """The newest quote target of a symbol, from fair value to the final tick."""
        view, now_ns = self._find(request, symbol, venue), self._context.now_ns()
        explained, account = explanation(view), account_of(self._context.store)
        if explained is None or view.target is None:
            raise ProblemError(
                404,
                "no_quote_yet",
                f"{view.symbol} has not been quoted yet.",
                f"GET /api/v1/maker/status/{view.symbol} gives the reason.",
            )
        return WhyResponse.model_validate(
            seen(view.target.event_time_ns, self._context)
            | dict(explained)
            | {
                "symbol": view.symbol,
                "venue": view.venue,
                "expired": now_ns > view.target.valid_until_ns,
                "balancing": balancing(view, account.risk if account else None),
                "units": {
                    "price": _quote_currency(view),
                    "size": _base_currency(view),
                    "effect_bps": "basis points of the first step's price",
                    "price_after": _quote_currency(view),
                },
            }
        )


def _minute(minute: MinuteStatistics) -> Minute:
    fields = minute.model_dump(exclude={"window_start_ns", "event_time_ns", "venue", "symbol"})
    return Minute.model_validate(fields | {"start": iso_time(minute.window_start_ns)})


def performance(view: SymbolView) -> dict[str, object]:
    """The figures of one symbol; None where there is no data for them."""
    counters, position, profits = view.counters, view.position, view.profits
    currency = _quote_currency(view)
    zero = money_text(from_units(0, view.instrument.tick_size)) if view.instrument else "0.0000"
    split = PnlSplit(
        total=money_text(profits.total) if profits else zero,
        session=money_text(profits.session) if profits else zero,
        day=money_text(profits.day) if profits else zero,
        capture=money_text(position.pnl_capture) if position else zero,
        inventory=money_text(position.pnl_inventory) if position else zero,
        fees=money_text(position.fees) if position else zero,
        balance=money_text(position.pnl_balance) if position else zero,
        realised=money_text(position.realised) if position else zero,
        unrealised=money_text(position.unrealised) if position else zero,
        max_drawdown=money_text(position.max_drawdown) if position else zero,
        open_fees=open_fees(position) if position else (),
    )
    return {
        "symbol": view.symbol,
        "venue": view.venue,
        "total_pnl": Decimal(split.total),
        "session_pnl": Decimal(split.session),
        "day_pnl": Decimal(split.day),
        "total_trades": counters.fills,
        "average_spread_bps": _ratio(counters.spread_bps_ns, counters.two_sided_ns) or 0.0,
        "fill_rate": _ratio(counters.orders_with_fill, counters.orders_finished) or 0.0,
        "inventory_turnover": _turnover(view) or 0.0,
        "two_sided_share": two_sided_share(view),
        "pnl": split,
        "units": {
            "totalPnL": currency,
            "sessionPnL": currency,
            "dayPnL": currency,
            "totalTrades": "fills",
            "avgSpread": "bps, time-weighted while quoting both sides",
            "fillRate": "orders with any fill / orders finished",
            "inventoryTurnover": "traded notional / time-weighted mean absolute inventory notional",
            "twoSidedShare": "time with orders on both sides / time since the first book",
            "pnl": currency,
        },
    }


def _turnover(view: SymbolView) -> float | None:
    """Traded notional over the mean absolute inventory notional, both in the quote currency."""
    counters, position = view.counters, view.position
    mean_notional = _ratio(counters.inventory_notional_ns, counters.time_ns)
    if position is None or not mean_notional:
        return None
    return round(float(position.traded_notional) / mean_notional, 6)


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 6) if whole else None


def _quote_currency(view: SymbolView) -> str:
    return view.instrument.quote_currency if view.instrument else ""


def _base_currency(view: SymbolView) -> str:
    return view.instrument.base_currency if view.instrument else ""


def _alert(alert: RiskAlert, now_ns: int) -> Alert:
    owners = {"timestamp": iso_time(alert.event_time_ns), "issues": (alert.message,)}
    return Alert.model_validate(alert.model_dump() | stamp(alert.event_time_ns, now_ns) | owners)


def make_router(context: GatewayContext, authorisation: Authorisation) -> APIRouter:
    """The GET routes under /maker."""
    reader = _Reader(context, authorisation)
    router = APIRouter(prefix="/maker", tags=["maker"])
    view, pnl = [authorisation.requires("view")], [authorisation.requires("pnl")]
    router.get("/status/{symbol:path}", responses=PROBLEMS, dependencies=view)(reader.status)
    router.get("/active", responses=REFUSALS, dependencies=view)(reader.active)
    router.get("/performance/{symbol:path}", responses=PROBLEMS, dependencies=pnl)(reader.performance)
    router.get("/risk/alerts", responses=REFUSALS, dependencies=view)(reader.alerts)
    router.get("/why/{symbol:path}", responses=PROBLEMS, dependencies=view)(reader.why)
    return router

"""`/sandbox/...`: manual control of the exchange by tests and people, and its own books."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from aiohttp import web

from runtime.errors import ConfigError
from sandbox.accounts import Account, SandboxOrder
from sandbox.errors import VenueError
from sandbox.exchange import SandboxExchange
from sandbox.faults import Faults
from sandbox.happenings import Happenings

_WRONG = (ConfigError, KeyError, TypeError, ValueError, ArithmeticError)


class Controls:
    """The routes."""

    def __init__(
        self,
        exchange: SandboxExchange,
        faults: Faults,
        happenings: Happenings,
        truth: Callable[[], dict[str, Any]],
    ) -> None:
        self._exchange = exchange
        self._faults = faults
        self._happenings = happenings
        self._truth = truth

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        app.router.add_get("/sandbox/truth", self._serve_truth)
        app.router.add_delete("/sandbox/faults", self._all_clear)
        for name, act in {
            "faults": self._arm,
            "fill": self._fill,
            "deposit": self._deposit,
            "trade": self._trade,
            "prevent": self._prevent,
        }.items():
            app.router.add_post(f"/sandbox/{name}", self._guarded(act))

    def _guarded(self, act: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[web.Request], Any]:
        async def serve(request: web.Request) -> web.Response:
            try:
                return web.json_response(act(await request.json()))
            except VenueError as error:
                return web.json_response(error.body, status=400)
            except _WRONG as error:
                text = f"{request.path} cannot be done: {type(error).__name__} {error}; see the README"
                return web.json_response({"error": text}, status=400)

        return serve

    async def _serve_truth(self, request: web.Request) -> web.Response:
        return web.json_response(self._truth())

    async def _all_clear(self, request: web.Request) -> web.Response:
        self._happenings.undo()
        return web.json_response({"armed": []})

    def _arm(self, wanted: dict[str, Any]) -> dict[str, Any]:
        self._faults.arm(wanted.pop("name", ""), **wanted)
        self._happenings.carry_out()
        return {"armed": [armed.name for armed in self._faults.armed]}

    def _order(self, wanted: dict[str, Any]) -> tuple[Account, SandboxOrder]:
        return self._exchange.markets[wanted["symbol"]].orders[int(wanted["order_id"])]

    def _fill(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """A taker fills one order."""
        self._exchange.force_fill(self._order(wanted)[1], int(wanted["lots"]))
        return {}

    def _deposit(self, wanted: dict[str, Any]) -> dict[str, Any]:
        is_silent = bool(wanted.get("silent", False))
        self._happenings.deposit(str(wanted["currency"]), Decimal(str(wanted["amount"])), is_silent=is_silent)
        return {}

    def _trade(self, wanted: dict[str, Any]) -> dict[str, Any]:
        self._happenings.trade_by_hand(str(wanted["symbol"]), Decimal(str(wanted["amount"])))
        return {}

    def _prevent(self, wanted: dict[str, Any]) -> dict[str, Any]:
        self._exchange.prevent(*self._order(wanted))
        return {}

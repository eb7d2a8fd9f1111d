"""For those who run the engine: is it alive, is it ready, and its metrics."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from chassis.process import GatewayContext
from gateway_api.app.problems import Problem, ProblemError
from gateway_api.app.reading import account_of, seen, symbol_keys
from gateway_api.app.responses import LiveResponse, ReadyResponse


def make_router(context: GatewayContext) -> APIRouter:
    """The routes /health/live, /health/ready and /metrics."""
    router = APIRouter(tags=["operation"])

    @router.get("/health/live")
    async def live() -> LiveResponse:
        """The process answers; nothing that it depends on is asked."""
        return LiveResponse(version=context.version)

    @router.get("/health/ready", responses={503: {"model": Problem}})
    async def ready() -> ReadyResponse:
        """The store answers, and holds the account and at least one symbol."""
        view = context.store.status()
        if view.state == "away":
            raise ProblemError(
                503,
                "store_away",
                "The state store does not answer: what is shown grows old. Trading goes on without it.",
                "Look at Redis, and at redis.url.",
                {"Retry-After": "1"},
            )
        account, keys = account_of(context.store), symbol_keys(context.store)
        if account is None or not keys:
            missing = "no account view" if account is None else "no symbol"
            raise ProblemError(
                503,
                "not_ready",
                f"There is {missing} in the state store yet.",
                "It comes with the first message of the engine's feed.",
                {"Retry-After": "1"},
            )
        return ReadyResponse.model_validate(seen(account.event_time_ns, context) | {"symbols": len(keys)})

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Prometheus metrics of this process."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router

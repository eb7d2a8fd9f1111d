"""Operations endpoints: liveness, readiness, metrics."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from gateway_api.app.problems import Problem, ProblemError
from gateway_api.app.reading import account_of, seen, symbol_keys
from gateway_api.app.responses import LiveResponse, ReadyResponse
from runtime.process.definition import GatewayContext


def make_router(context: GatewayContext, system: CollectorRegistry) -> APIRouter:
    """The routes /health/live, /health/ready and /metrics."""
    router = APIRouter(tags=["operation"])

    @router.get("/health/live")
    async def live() -> LiveResponse:
        """The process is alive; its dependencies are not checked."""
        return LiveResponse(version=context.version)

    @router.get("/health/ready", responses={503: {"model": Problem}})
    async def ready() -> ReadyResponse:
        """The store responds and has the account and at least one symbol."""
        view = context.store.status()
        if view.state == "away":
            raise ProblemError(
                503,
                "store_away",
                "The state store does not respond: the data shown is ageing. Trading continues without it.",
                "Check Redis and redis.url.",
                {"Retry-After": "1"},
            )
        account, keys = account_of(context.store), symbol_keys(context.store)
        if account is None or not keys:
            missing = "no account view" if account is None else "no symbol"
            raise ProblemError(
                503,
                "not_ready",
                f"There is {missing} in the state store yet.",
                "It appears with the first message of the engine's feed.",
                {"Retry-After": "1"},
            )
        return ReadyResponse.model_validate(seen(account.event_time_ns, context) | {"symbols": len(keys)})

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Prometheus metrics of this process."""
        return Response(generate_latest() + generate_latest(system), media_type=CONTENT_TYPE_LATEST)

    return router

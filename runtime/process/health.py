"""Health checks of a process over HTTP, for a container platform.

live: the event loop is running, whatever its dependencies; started: the state is restored, or refused until
an operator has repaired it; ready: it has caught up and the broker confirms its records. Also serves
/metrics.
"""

import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, make_asgi_app

LIVE_WITHIN_S = 10.0
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class HealthSource(Protocol):
    """A process that reports its health."""

    @property
    def last_turn_s(self) -> float:
        """Monotonic time of the last turn of its loop."""

    @property
    def is_started(self) -> bool:
        """Whether its state is restored."""

    @property
    def awaits_repair(self) -> bool:
        """Whether it is idle until an operator has repaired its state."""

    @property
    def not_ready_because(self) -> str | None:
        """None: it is ready."""


def health_of(worker: HealthSource, path: str) -> tuple[int, dict[str, Any]] | None:
    """HTTP status and body for a health path; None for an unknown one."""
    if path == "/health/live":
        stalled_s = time.monotonic() - worker.last_turn_s
        return (200 if stalled_s < LIVE_WITHIN_S else 503), {"seconds_since_turn": round(stalled_s, 3)}
    if path == "/health/started":
        is_started = worker.is_started or worker.awaits_repair
        return (200 if is_started else 503), {"started": worker.is_started}
    if path == "/health/ready":
        reason = worker.not_ready_because
        return (200 if reason is None else 503), {"ready": reason is None, "because": reason}
    return None


def application(
    worker: HealthSource, registry: CollectorRegistry
) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The ASGI application."""
    metrics = make_asgi_app(registry)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/metrics":
            await metrics(scope, receive, send)
            return
        status, body = health_of(worker, scope.get("path", "")) or (404, {"error": "not found"})
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    return answer

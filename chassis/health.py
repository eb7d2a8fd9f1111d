"""What a container platform asks a process, over HTTP.

live: the event loop turns, whatever it depends on; started: the state is restored; ready: it has caught up
and the broker confirms what it says. Beside them /metrics.
"""

import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry, make_asgi_app

from chassis.worker import Worker

LIVE_WITHIN_S = 10.0
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def health_of(worker: Worker, path: str) -> tuple[int, dict[str, Any]] | None:
    """HTTP status and body of a question; None for one that is not known."""
    if path == "/health/live":
        stalled_s = time.monotonic() - worker.last_turn_s
        return (200 if stalled_s < LIVE_WITHIN_S else 503), {"seconds_since_turn": round(stalled_s, 3)}
    if path == "/health/started":
        return (200 if worker.is_started else 503), {"started": worker.is_started}
    if path == "/health/ready":
        reason = worker.not_ready_because
        return (200 if reason is None else 503), {"ready": reason is None, "because": reason}
    return None


def application(
    worker: Worker, registry: CollectorRegistry
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

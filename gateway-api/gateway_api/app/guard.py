"""What holds for every request: security headers, and commands from our own page or from no page at all."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway_api.app.problems import ProblemError, problem_response

BODY_BYTES_MAX = 64 * 1024
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """ASGI middleware. A page of another origin cannot give commands through its visitor's browser."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_SECURITY_HEADERS)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = None if scope["method"] in _SAFE_METHODS else _foreign_origin(Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        else:
            await problem_response(refusal, scope["path"])(scope, receive, send_with_headers)


def _foreign_origin(headers: Headers) -> ProblemError | None:
    """Browsers send Origin with every POST; a program such as curl sends none."""
    origin = headers.get("origin")
    if origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != "":
        return None
    return ProblemError(
        403,
        "foreign_origin",
        f"A page of {origin!r} may not give commands to this engine.",
        "Use the page that this server itself serves, or a program that is no browser.",
    )

"""Applies to every request: security headers, a size limit, and no cross-origin commands."""

from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway_api.app.problems import BODY_HINT, ProblemError, problem_response, unexpected
from runtime.store.documents import StoreStatus
from schemas.deployment import GatewaySettings
from schemas.numbers import shortened, whole_number

LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
BODY_BYTES_MAX = 64 * 1024
VIEW_HEADER = "maker-view"
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
_HTTPS_HEADERS = {"strict-transport-security": "max-age=31536000; includeSubDomains"}


SHORT_PREFIX = "/maker/"
API_PREFIX = "/api/v1"


class ShortPaths:
    """ASGI middleware: /maker/... is /api/v1/maker/..., so that each has one route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith(SHORT_PREFIX):
            scope = {**scope, "path": API_PREFIX + path, "raw_path": API_PREFIX.encode() + scope["raw_path"]}
        await self._app(scope, receive, send)


class SecurityMiddleware:
    """ASGI middleware. A page of another origin cannot send commands through a user's browser."""

    def __init__(
        self, app: ASGIApp, view: Callable[[], StoreStatus], *, gateway: GatewaySettings, is_https: bool
    ) -> None:
        """`view` is the status of the state store, sent with every response.

        `gateway` says under which names requests are answered. `is_https`: browsers are told never to connect
        otherwise.
        """
        self._app = app
        self._headers = _SECURITY_HEADERS | (_HTTPS_HEADERS if is_https else {})
        self._gateway = gateway
        self._view = view

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        has_begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                headers.setdefault("cache-control", "no-store")
                headers[VIEW_HEADER] = _view_text(self._view())
            await send(message)

        headers = Headers(scope=scope)
        refusal = _foreign_host(headers.get("host", ""), self._gateway) or _refusal(scope["method"], headers)
        if refusal is None:
            try:
                await self._app(scope, _limited(receive), send_with_headers)
            except Exception:  # no layer outside this one adds the headers
                if not has_begun:
                    await problem_response(unexpected(), scope["path"])(scope, receive, send_with_headers)
                raise  # for the server's log
        else:
            await problem_response(refusal, scope["path"])(scope, receive, send_with_headers)


def _view_text(status: StoreStatus) -> str:
    """`live`, or `partial` with the reason and the age of what is shown."""
    if not status.is_partial:
        return status.state
    age = "" if status.age_ms is None else f"; age_ms={status.age_ms}"
    return f"partial; store={status.state}{age}"


def _refusal(method: str, headers: Headers) -> ProblemError | None:
    if method not in _SAFE_METHODS and _is_foreign(headers):
        return ProblemError(
            403,
            "foreign_origin",
            f"A page of {headers['origin']!r} may not send commands to this engine.",
            "Use the page served by this engine, or a program that is not a browser.",
        )
    announced = headers.get("content-length", "0")
    length = whole_number(announced)
    if length is None or length > BODY_BYTES_MAX:
        return ProblemError(413, "body_too_large", f"The body has {shortened(announced)} bytes.", BODY_HINT)
    return None


def _foreign_host(host: str, gateway: GatewaySettings) -> ProblemError | None:
    """DNS rebinding: a foreign page may point its own host name at our address; that name is then sent.

    An address cannot be pointed elsewhere, so a gateway that is open to other machines answers to any.
    """
    if not gateway.is_local and not gateway.host_names:
        return None
    name = (host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host).lower()
    if name in LOCAL_HOSTS or name in gateway.host_names or (not gateway.is_local and _is_address(name)):
        return None
    return ProblemError(
        421,
        "foreign_host",
        f"This engine is not {shortened(host)!r}.",
        f"Use http://{LOCAL_HOSTS[0]}, or add the name under which you reach it to gateway.host_names.",
    )


def _is_address(name: str) -> bool:
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _is_foreign(headers: Headers) -> bool:
    """Browsers send Origin with every POST; a program such as curl sends none."""
    origin, host = headers.get("origin"), headers.get("host", "")
    return origin is not None and (not host or urlsplit(origin).netloc.lower() != host.lower())


def _limited(receive: Receive) -> Receive:
    """Counts a body without a declared length; raises HTTPException 413 where it grows too long."""
    taken = 0

    async def receive_and_count() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > BODY_BYTES_MAX:
            raise HTTPException(413, "the body is too long")
        return message

    return receive_and_count

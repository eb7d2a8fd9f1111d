"""What every route of the API asks first: who is it, and may they? A route that does not ask is no route."""

from collections.abc import Callable
from typing import Annotated, Any, NoReturn

from fastapi import Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from chassis.process import GatewayContext
from gateway_api.access.door import Door
from gateway_api.access.identity import Identity
from gateway_api.access.roles import Permission, holders
from gateway_api.app.problems import ProblemError, documented
from schemas.control import AccessEvent, AccessKind
from schemas.message import ALL_SYMBOLS

COOKIE = "maker_session"
ACCOUNT_KEY = f"{ALL_SYMBOLS}:{ALL_SYMBOLS}"
REFUSALS = documented(401, 403)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_DENIALS_KEPT = 1_000
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="of the page; POST /session sets it")
_bearer = HTTPBearer(auto_error=False, description="of a program; POST /session/token makes it")

Cookie = Annotated[str | None, Security(_cookie)]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


class Entrance:
    """The door of one application, with what it tells the audit."""

    def __init__(self, context: GatewayContext, door: Door) -> None:
        self.door = door
        self._context = context
        self._denied: dict[tuple[str, str], int] = {}

    def requires(self, permission: Permission | None) -> Any:
        """A dependency that lets only those through who may do it; None: whoever is signed in."""
        return Depends(_Requirement(self, permission))

    def identify(self, request: Request, cookie: str | None, bearer: str | None) -> Identity:
        """Who it is; raises ProblemError 401, and 403 for a command that another page may have sent."""
        identity = None
        if bearer is not None:
            identity = self.door.identify(bearer)
        elif cookie is not None:
            identity = self.door.identify(cookie)
            if identity is not None and request.method not in _SAFE_METHODS:
                _refuse_foreign(request)
        if identity is None:
            self._refuse_unknown()
        return identity

    def _refuse_unknown(self) -> NoReturn:
        one_time = self.door.is_one_time
        raise ProblemError(
            401,
            "not_signed_in",
            "Nobody is signed in, or the session has ended.",
            "Open the address that the start of the engine printed: its code signs you in, once."
            if one_time
            else "Sign in with name and password, or send Authorization: Bearer with a token.",
            {"WWW-Authenticate": "Bearer"},
            {"sign_in": "one_time" if one_time else "users"},
        )

    def check(self, request: Request, identity: Identity, permission: Permission) -> None:
        """Raises ProblemError 403, and has it in the audit, where a role is lacking."""
        if identity.may(permission):
            return
        roles = ", ".join(identity.roles)
        detail = f"{identity.name} ({roles}) may not do this: {permission}."
        self._note_denial(request, identity, permission)
        hint = f"It takes one of the roles: {', '.join(holders(permission))}."
        raise ProblemError(403, "not_permitted", detail, hint)

    def check_scope(self, request: Request, identity: Identity, key: str) -> None:
        """Raises ProblemError 403, and has it in the audit, where a symbol or the account is out of scope."""
        if identity.reaches(key):
            return
        self._note_denial(request, identity, f"scope {key}")
        what = "the whole account" if key == ACCOUNT_KEY else key
        detail = f"{identity.name} may do this for {', '.join(identity.scope)}, and not for {what}."
        raise ProblemError(403, "out_of_scope", detail, "Somebody whose scope it is has to do it.")

    def tell(self, request: Request, kind: AccessKind, principal: str, detail: str = "") -> None:
        """Tell the audit who came, or was turned away."""
        self._context.send_control(
            AccessEvent(
                event_time_ns=self._context.now_ns(),
                venue=ALL_SYMBOLS,
                symbol=ALL_SYMBOLS,
                kind=kind,
                principal=principal[:128],
                address=address_of(request),
                detail=detail[:256],
            )
        )

    def _note_denial(self, request: Request, identity: Identity, what: str) -> None:
        """Once a second for each person and thing: a program that asks on and on fills no topic."""
        place, second = (identity.name, what), self._context.now_ns() // 1_000_000_000
        if self._denied.get(place) == second:
            return
        if len(self._denied) >= _DENIALS_KEPT:
            self._denied.clear()
        self._denied[place] = second
        self.tell(request, "denied", identity.name, f"{what}: {request.method} {request.url.path}")


class _Requirement:
    """The dependency: sets `request.state.identity`, and gives a session in use a new life."""

    def __init__(self, entrance: Entrance, permission: Permission | None) -> None:
        self._entrance = entrance
        self.permission = permission

    async def __call__(self, request: Request, response: Response, cookie: Cookie, bearer: Bearer) -> None:
        identity = self._entrance.identify(request, cookie, bearer.credentials if bearer else None)
        if self.permission is not None:
            self._entrance.check(request, identity, self.permission)
        request.state.identity = identity
        renewed = self._entrance.door.renewed(identity)
        if renewed is not None:
            request.state.identity = renewed
            set_cookie(response, self._entrance.door, renewed, secure=request.app.state.secure_cookies)


def identity_of(request: Request) -> Identity:
    """Whoever sent a request to a route that asked."""
    identity: Identity = request.state.identity
    return identity


def set_cookie(response: Response, door: Door, identity: Identity, *, secure: bool) -> None:
    """Give the page its session: no script reads it, no other page sends it."""
    response.set_cookie(
        COOKIE,
        door.signed(identity),
        max_age=door.session_s,
        httponly=True,
        samesite="strict",
        secure=secure,
        path="/",
    )


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client is not None else "unknown"


def requirement_of(route: APIRoute) -> Callable[..., Any] | None:
    """The requirement that a route asks first, or None."""
    calls = (dependency.call for dependency in route.dependant.dependencies)
    return next((call for call in calls if isinstance(call, _Requirement)), None)


def _refuse_foreign(request: Request) -> None:
    """A browser says where a POST comes from; one that does not is no browser, and has no cookie to use."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    if "origin" not in request.headers or site != "same-origin":
        raise ProblemError(
            403,
            "foreign_origin",
            "A command with the page's cookie has to come from the page.",
            "A program sends Authorization: Bearer with a token of its own.",
        )

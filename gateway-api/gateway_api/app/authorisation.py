"""Authentication and authorisation, required by every route of the API."""

from collections.abc import Callable
from time import monotonic
from typing import Annotated, Any, NoReturn

from fastapi import Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from gateway_api.access.authentication import Authentication
from gateway_api.access.identity import Identity
from gateway_api.access.rates import RateName, Rates
from gateway_api.access.roles import Permission, holders
from gateway_api.app.problems import ProblemError, documented
from runtime.http.protocol import STANDING
from runtime.process.definition import GatewayContext
from schemas.control import AccessEvent, AccessKind
from schemas.message import ALL_SYMBOLS
from schemas.names import shown

_COOKIE = "maker_session"
ACCOUNT_KEY = f"{ALL_SYMBOLS}:{ALL_SYMBOLS}"
REFUSALS = documented(401, 403, 429)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_DENIALS_KEPT = 1_000
_cookie = APIKeyCookie(
    name=f"{_COOKIE}_PORT",
    auto_error=False,
    description="session of the page, set by POST /session; PORT is the engine's; prefix __Host- behind TLS",
)
_bearer = HTTPBearer(auto_error=False, description="token of a program, from POST /session/token")

DocumentedCookie = Annotated[str | None, Security(_cookie)]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


class Authorisation:
    """Checks permissions in one application and records to the audit."""

    def __init__(self, context: GatewayContext, authentication: Authentication) -> None:
        self.authentication = authentication
        self._context = context
        self._denied: dict[tuple[str, str], int] = {}
        self._rates = Rates()

    def requires(self, permission: Permission | None) -> Any:
        """A dependency that admits only users with the permission; None: any signed-in user."""
        return Depends(_Requirement(self, permission))

    async def identify(self, request: Request, bearer: str | None) -> Identity:
        """The user; raises ProblemError 401, and 403 for a command that may come from another page."""
        identity = None
        cookie = request.cookies.get(cookie_name(request))
        if bearer is not None:
            identity = await self.authentication.identify(bearer)
        elif cookie is not None:
            identity = await self.authentication.identify(cookie)
            if identity is not None and request.method not in _SAFE_METHODS:
                _refuse_foreign(request)
        if identity is None:
            self._refuse_unknown()
        setattr(request.state, STANDING, 2 if identity.may("resume") else 1)
        return identity

    def limit(self, request: Request, identity: Identity, permission: Permission | None) -> dict[str, str]:
        """Count a request; returns the response headers. Raises ProblemError 429 where there are too many."""
        allowance = self._rates.spend(identity.name, _rate(request, permission), monotonic())
        if not allowance.is_allowed:
            raise ProblemError(
                429,
                "too_many_requests",
                f"{identity.name} sends too many requests.",
                f"The next is accepted in {allowance.wait_s} s; RateLimit-Policy gives the limit.",
                {"Retry-After": str(allowance.wait_s), **allowance.headers},
            )
        return allowance.headers

    def _refuse_unknown(self) -> NoReturn:
        one_time = self.authentication.is_one_time
        raise ProblemError(
            401,
            "not_signed_in",
            "Nobody is signed in, or the session has ended.",
            "Open the URL printed at the start of the engine: its code signs you in once."
            if one_time
            else "Sign in with name and password, or send Authorization: Bearer with a token.",
            {"WWW-Authenticate": "Bearer"},
            {"sign_in": "one_time" if one_time else "users"},
        )

    def check(self, request: Request, identity: Identity, permission: Permission) -> None:
        """Raises ProblemError 403, recorded in the audit, where a role is missing."""
        if identity.may(permission):
            return
        roles = ", ".join(identity.roles)
        detail = f"{identity.name} ({roles}) may not do this: {permission}."
        self._record_denial(request, identity, permission)
        hint = f"It requires one of the roles: {', '.join(holders(permission))}."
        raise ProblemError(403, "not_permitted", detail, hint)

    def check_scope(self, request: Request, identity: Identity, key: str) -> None:
        """Raises ProblemError 403, recorded in the audit, where a symbol or the account is out of scope."""
        if identity.reaches(key):
            return
        self._record_denial(request, identity, f"scope {key}")
        what = "the whole account" if key == ACCOUNT_KEY else key
        detail = f"{identity.name} may do this for {', '.join(identity.scope)}, and not for {what}."
        raise ProblemError(403, "out_of_scope", detail, "A user with that scope has to do it.")

    def may_still(self, name: str, permission: Permission, key: str) -> bool:
        """Whether a requester still exists with the required role and scope."""
        holder = self.authentication.holder(name)
        return holder is not None and holder.may(permission) and holder.reaches(key)

    def audit(self, request: Request, kind: AccessKind, principal: str, detail: str = "") -> None:
        """Record an access, or a denied one, in the audit."""
        self._context.send_control(
            AccessEvent(
                event_time_ns=self._context.now_ns(),
                venue=ALL_SYMBOLS,
                symbol=ALL_SYMBOLS,
                kind=kind,
                principal=shown(principal)[:128],
                address=shown(address_of(request))[:64],
                detail=shown(detail)[:256],
            )
        )

    def _record_denial(self, request: Request, identity: Identity, what: str) -> None:
        """At most once per second for each user and permission: a looping client cannot flood a topic."""
        place, second = (identity.name, what), self._context.now_ns() // 1_000_000_000
        if self._denied.get(place) == second:
            return
        if len(self._denied) >= _DENIALS_KEPT:
            self._denied.clear()
        self._denied[place] = second
        self.audit(request, "denied", identity.name, f"{what}: {request.method} {request.url.path}")


class _Requirement:
    """The dependency: sets `request.state.identity` and renews a session in use."""

    def __init__(self, authorisation: Authorisation, permission: Permission | None) -> None:
        self._authorisation = authorisation
        self.permission = permission

    async def __call__(
        self, request: Request, response: Response, _: DocumentedCookie, bearer: Bearer
    ) -> None:
        identity = await self._authorisation.identify(request, bearer.credentials if bearer else None)
        response.headers.update(self._authorisation.limit(request, identity, self.permission))
        if self.permission is not None:
            self._authorisation.check(request, identity, self.permission)
        request.state.identity = identity
        renewed = self._authorisation.authentication.renew(identity)
        if renewed is not None:
            request.state.identity = renewed
            set_cookie(request, response, self._authorisation.authentication, renewed)


def _rate(request: Request, permission: Permission | None) -> RateName:
    """The rate limit that a request counts against."""
    if request.method in _SAFE_METHODS:
        return "reading"
    if permission == "halt":
        return "halt"
    return "preview" if permission == "view" else "command"


def identity_of(request: Request) -> Identity:
    """The user of a request to an authorised route."""
    identity: Identity = request.state.identity
    return identity


def cookie_name(request: Request) -> str:
    """Named by port: two engines on one host receive each other's cookies from a browser."""
    name = f"{_COOKIE}_{(request.scope.get('server') or ('', 0))[1]}"
    return f"__Host-{name}" if request.app.state.secure_cookies else name


def set_cookie(
    request: Request, response: Response, authentication: Authentication, identity: Identity
) -> None:
    """Set the page's session cookie: not readable by scripts, not sent from other sites."""
    response.set_cookie(
        cookie_name(request),
        authentication.signed(identity),
        max_age=authentication.session_s,
        httponly=True,
        samesite="strict",
        secure=request.app.state.secure_cookies,
        path="/",
    )


def address_of(request: Request) -> str:
    """The client address of a request."""
    return request.client.host if request.client is not None else "unknown"


def requirement_of(route: APIRoute) -> Callable[..., Any] | None:
    """The authorisation requirement of a route, or None."""
    calls = (dependency.call for dependency in route.dependant.dependencies)
    return next((call for call in calls if isinstance(call, _Requirement)), None)


def _refuse_foreign(request: Request) -> None:
    """Browsers send the origin of a POST; a client that does not is no browser and must not use a cookie."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    if "origin" not in request.headers or site != "same-origin":
        raise ProblemError(
            403,
            "foreign_origin",
            "A command with the page's cookie must come from the page.",
            "Programs send Authorization: Bearer with their own token.",
        )

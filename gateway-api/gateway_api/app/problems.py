"""Errors as RFC 9457 problem documents, without stack traces."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from runtime.errors import DependencyError
from runtime.observability.redaction import is_secret_name, redacted

MEDIA_TYPE = "application/problem+json"
_SHOWN_VALUE_LENGTH = 80
_OF_PEOPLE = frozenset({401, 403})
BODY_HINT = "A request body may have up to 64 KiB."
_CODES = {
    HTTPStatus.NOT_FOUND: ("no_such_path", "The paths are listed in /api/v1/openapi.json."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "The Allow header names the methods of this path."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("body_too_large", BODY_HINT),
}


class Problem(BaseModel):
    """A problem document."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
    instance: str


class SignInProblem(Problem):
    """A problem of who it is, or of what they may do."""

    sign_in: Literal["one_time", "users"] | None = None
    """How to sign in here."""
    otpauth: str | None = None
    """The otpauth URL of a second factor to be set up."""


class ProblemError(Exception):
    """A refused request: reason and remedy."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        hint: str,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, str] | None = None,
    ) -> None:
        """`members` are additional members of the document."""
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.headers = headers
        self.members = members or {}


def documented(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The problem responses of a route, for the OpenAPI document."""
    return {code: {"model": SignInProblem if code in _OF_PEOPLE else Problem} for code in codes}


def problem_response(error: ProblemError, path: str) -> JSONResponse:
    """The response for an error."""
    problem = Problem(
        type=f"urn:market-making:problem:{error.code}",
        title=HTTPStatus(error.status).phrase,
        status=error.status,
        detail=error.detail,
        code=error.code,
        hint=error.hint,
        instance=path,
    )
    document = problem.model_dump() | dict(error.members)
    return JSONResponse(document, error.status, headers=error.headers, media_type=MEDIA_TYPE)


def install(application: FastAPI) -> None:
    """Answer every error of the application with a problem document."""
    application.add_exception_handler(ProblemError, _on_problem)
    application.add_exception_handler(HTTPException, _on_http_error)
    application.add_exception_handler(RequestValidationError, _on_invalid_request)
    application.add_exception_handler(DependencyError, _on_nobody_there)
    application.add_exception_handler(Exception, _on_unexpected_error)


async def _on_problem(request: Request, error: Exception) -> JSONResponse:
    problem = error if isinstance(error, ProblemError) else unexpected()
    return problem_response(problem, request.url.path)


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        return problem_response(unexpected(), request.url.path)
    status = HTTPStatus(error.status_code)
    code, hint = _CODES.get(status, (status.name.lower(), ""))
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return problem_response(ProblemError(status, code, detail, hint, error.headers), request.url.path)


async def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    errors = error.errors() if isinstance(error, RequestValidationError) else ()
    detail = "; ".join(_field_error(item) for item in errors)
    hint = "Send a JSON object with the fields listed for this path in /api/v1/openapi.json."
    return problem_response(ProblemError(422, "invalid_request", detail, hint), request.url.path)


async def _on_nobody_there(request: Request, error: Exception) -> JSONResponse:
    problem = ProblemError(
        503,
        "bus_away",
        redacted(f"Nothing was sent: {error}."),
        "Without the bus all quotes are cancelled automatically. Try again when it is back.",
        {"Retry-After": "5"},
    )
    return problem_response(problem, request.url.path)


async def _on_unexpected_error(request: Request, error: Exception) -> JSONResponse:
    return problem_response(unexpected(), request.url.path)


def unexpected() -> ProblemError:
    """The problem document of an internal error."""
    return ProblemError(
        500,
        "unexpected_error",
        "The gateway failed to answer; the engine itself is not affected.",
        "The cause is in the gateway's log.",
    )


def _field_error(item: Mapping[str, Any]) -> str:
    location: Sequence[Any] = item["loc"]
    if item["type"] == "json_invalid":
        return f"body: this is not valid JSON at character {location[-1]}: {item['ctx']['error']}"
    field = ".".join(str(part) for part in location if part != "body") or "body"
    if item["type"] == "missing":
        return f"{field}: {item['msg']}"
    given = item.get("input")
    if isinstance(given, dict | list) or is_secret_name(field):
        return f"{field}: {item['msg']}"  # the value may contain a password
    value = redacted(repr(given))
    if len(value) > _SHOWN_VALUE_LENGTH:
        value = value[:_SHOWN_VALUE_LENGTH] + "..."
    return f"{field}: {item['msg']} (got {value})"
